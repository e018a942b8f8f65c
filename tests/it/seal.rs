//! s3seal beside other people's programs: what it makes opens with them, what they make opens with it, and the vectors
//! in `tests/vectors/seal` come to what they say.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::missing;
use tests::servers::project;
use tests::tools::Workshop;

fn vectors() -> PathBuf {
    project().join("tests/vectors/seal")
}

/// The first bytes of what `seq 60000` prints.
fn numbers(length: usize) -> Vec<u8> {
    let mut all: Vec<u8> = (1..=60_000)
        .flat_map(|number| format!("{number}\n").into_bytes())
        .collect();
    all.truncate(length);
    all
}

/// True, and said, if a test can't be run.
fn lacks(what: &str, programs: &[&str]) -> bool {
    let lacking = missing::programs(programs);
    if !lacking.is_empty() {
        missing::skipped(what, &format!("not installed: {}", lacking.join(" ")));
    }
    !lacking.is_empty()
}

/// Runs a program on some input: its exit code, what it wrote, and what it said.
fn run(command: &mut Command, input: &[u8]) -> (Option<i32>, Vec<u8>, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run a program");
    let mut stdin = child.stdin.take().expect("its standard input");
    let input = input.to_vec();
    // It may not want all of it.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("wait for a program");
    feeder.join().expect("feed a program");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), output.stdout, said)
}

/// Runs a script that must succeed and say nothing, in a folder with keys and something to seal.
fn script(text: &str) {
    let shop = Workshop::new();
    let keys = "set -eu -o pipefail; umask 077
        fails() { if \"$@\"; then echo \"this should have failed: $*\"; fi; }
        s3seal -q --keygen >a; s3seal -q --keygen >b; s3seal -q --keygen --pq >q
        for key in a b q; do sed -n 's/^# public key: //p' $key >$key.pub; done
        seq 100000 >text; head -c 200000 /dev/urandom >random; : >nothing; head -c 65536 random >piece
        seq 3000000 >large\n";
    let output = shop
        .bash(&format!("{keys}{text}"))
        .output()
        .expect("run bash");
    assert!(
        output.status.success() && output.stderr.is_empty() && output.stdout.is_empty(),
        "{:?}: {}{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

struct Vector {
    name: String,
    expect: String,
    content: usize,
    passphrase: Option<String>,
    /// Whether stock age can be asked.
    age: bool,
    stream: Vec<u8>,
}

impl Vector {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).expect("read a vector");
        let end = bytes
            .windows(2)
            .position(|two| two == b"\n\n")
            .expect("an empty line");
        let facts = std::str::from_utf8(&bytes[..end]).expect("text before the empty line");
        let fact = |name: &str| {
            facts
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .map(str::to_owned)
        };
        Self {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            expect: fact("expect").expect("an expectation"),
            content: fact("content").map_or(0, |text| text.parse().expect("a length")),
            passphrase: fact("passphrase"),
            age: fact("age").is_none(),
            stream: bytes[end + 2..].to_vec(),
        }
    }

    fn all() -> Vec<Self> {
        let mut paths: Vec<PathBuf> = fs::read_dir(vectors())
            .expect("read the folder of vectors")
            .map(|entry| entry.expect("read the folder of vectors").path())
            .filter(|path| path.extension().is_some_and(|kind| kind == "vector"))
            .collect();
        paths.sort();
        assert!(paths.len() > 70, "only {} vectors", paths.len());
        paths.iter().map(|path| Self::read(path)).collect()
    }
}

/// A copy of the identities that nobody else can read.
fn identities(shop: &Workshop) -> PathBuf {
    let copy = shop.work().join("identities");
    fs::copy(vectors().join("identities.txt"), &copy).expect("copy the identities");
    let mine = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    fs::set_permissions(&copy, mine).expect("keep the identities");
    copy
}

#[test]
fn vectors_come_to_what_they_say() {
    let shop = Workshop::new();
    let identities = identities(&shop);
    let passphrase = shop.work().join("passphrase");
    let mut wrong = Vec::new();
    for vector in Vector::all() {
        let mut command = shop.command("s3seal");
        command.arg("-d");
        if let Some(text) = &vector.passphrase {
            fs::write(&passphrase, text).expect("write a passphrase");
            command.arg("--passphrase-file").arg(&passphrase);
        } else {
            command.arg("-i").arg(&identities);
        }
        let (code, content, said) = run(&mut command, &vector.stream);
        let whole = numbers(60_000 * 6);
        let fits = match vector.expect.as_str() {
            "success" => code == Some(0) && said.is_empty() && content == numbers(vector.content),
            // Nothing that was not authentic may have come out.
            "payload" => code == Some(100) && whole.starts_with(&content),
            "header" => code == Some(100) && content.is_empty(),
            "no key" => {
                code == Some(100)
                    && content.is_empty()
                    && (said.contains("any of these keys") || said.contains("passphrase is wrong"))
            }
            other => panic!("{}: an unknown expectation: {other}", vector.name),
        };
        let one_error = said.matches("s3seal: error: ").count() == usize::from(code != Some(0));
        if !fits || !one_error {
            wrong.push(format!(
                "{}: {code:?}, {} bytes, {said}",
                vector.name,
                content.len()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The vectors say the truth: stock age comes to the same.
#[test]
fn vectors_agree_with_age() {
    if lacks("the vectors beside age", &["age"]) {
        return;
    }
    let shop = Workshop::new();
    let classical = shop.work().join("classical");
    let text = fs::read_to_string(vectors().join("identities.txt")).expect("read the identities");
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("-PQ-")).collect();
    fs::write(&classical, lines.join("\n")).expect("write an identity");
    for vector in Vector::all() {
        // It asks for passphrases at a terminal only.
        if !vector.age || vector.passphrase.is_some() {
            continue;
        }
        let mut command = shop.command("age");
        command.arg("-d").arg("-i").arg(&classical);
        let (code, content, said) = run(&mut command, &vector.stream);
        if vector.expect == "success" {
            assert_eq!(code, Some(0), "{}: {said}", vector.name);
            assert!(content == numbers(vector.content), "{}", vector.name);
        } else {
            assert_ne!(code, Some(0), "{}", vector.name);
        }
    }
}

/// Checking is opening without output.
#[test]
fn verify_judges_as_opening_does() {
    let shop = Workshop::new();
    let identities = identities(&shop);
    for vector in Vector::all() {
        if vector.passphrase.is_some() {
            continue;
        }
        let mut command = shop.command("s3seal");
        command.arg("--verify").arg("-i").arg(&identities);
        let (code, content, _) = run(&mut command, &vector.stream);
        let wanted = if vector.expect == "success" { 0 } else { 100 };
        assert_eq!(code, Some(wanted), "{}", vector.name);
        assert!(content.is_empty(), "{}", vector.name);
    }
}

#[test]
fn every_variant_opens_with_stock_programs() {
    let programs = ["age", "zstd", "bzip2", "xz", "lz4", "gzip"];
    if lacks("seals without s3seal", &programs) {
        return;
    }
    script(
        "for file in nothing piece text random large; do
            for way in none:cat zstd:zstd zstd..1:zstd zstd..9,long:zstd bzip2:bzip2 bzip2..1:bzip2 \\
                cmd..xz:xz cmd..gzip:gzip cmd..lz4:lz4; do
                method=${way%:*} program=${way##*:} method=${method/../:}
                case $file.$method in large.bzip2*) continue ;; esac
                case $program in cat) undo=cat ;; *) undo=\"$program -dc\" ;; esac
                s3seal -z \"$method\" -R a.pub -R b.pub <$file >sealed
                age -d -i b sealed | $undo | cmp - $file
                s3seal -d -i b <sealed | cmp - $file
                s3seal --verify -i a <sealed
                s3seal -z \"$method\" --plain <$file >packed
                $undo <packed | cmp - $file
                s3seal -d --plain <packed | cmp - $file
            done
            for pad in text random large nothing; do
                s3seal --pad -R a.pub <$pad >sealed
                age -d -i a sealed | zstd -dc | cmp - $pad
                s3seal -d -i a <sealed | cmp - $pad
            done
        done",
    );
}

#[test]
fn what_stock_programs_made_is_opened() {
    let programs = [
        "age", "zstd", "bzip2", "pbzip2", "xz", "lz4", "gzip", "lzop",
    ];
    if lacks("what other programs make", &programs) {
        return;
    }
    script(
        "for file in nothing piece text random; do
            age -R a.pub <$file | s3seal -d -i a | cmp - $file
            age -a -R a.pub <$file | s3seal -d -i a | cmp - $file
            for packer in zstd 'zstd -19 --no-check' bzip2 'bzip2 -1' xz gzip lz4 lzop; do
                $packer -c <$file 2>/dev/null >packed
                s3seal -d <packed | cmp - $file
                age -R b.pub <packed | s3seal -d -i a -i b | cmp - $file
                # Twice is one after the other, and one layer only is undone.
                [ \"$packer\" = lzop ] || cat packed packed | s3seal -d | cmp - <(cat $file $file)
                s3seal --plain <packed | s3seal -d | cmp - packed
            done
            s3seal -z none -R a.pub <packed 2>/dev/null | s3seal -d -Z none -i a | cmp - packed
            pbzip2 -c -b1 -p2 <$file >packed
            s3seal -d <packed | cmp - $file
        done
        zstd -q --long=27 -c <large | s3seal -d | cmp - large
        zstd -q -3 -T2 -c large | s3seal -d | cmp - large",
    );
}

#[test]
fn keys_of_ssh() {
    if lacks("keys of ssh", &["age", "ssh-keygen", "zstd"]) {
        return;
    }
    script(
        "ssh-keygen -q -t ed25519 -N '' -f ed; ssh-keygen -q -t rsa -b 2048 -N '' -f rsa
        ssh-keygen -q -t ed25519 -N 'correct horse' -f locked; ssh-keygen -q -t ecdsa -N '' -f other
        s3seal -r \"$(cat ed.pub)\" -R rsa.pub -R a.pub <text >sealed
        for key in ed rsa a; do
            s3seal -d -i $key <sealed | cmp - text
            age -d -i $key sealed | zstd -dc | cmp - text
        done
        age -R ed.pub -R rsa.pub <text >sealed
        for key in ed rsa; do s3seal -d -i $key <sealed | cmp - text; done
        echo 'correct horse' >word
        s3seal -R locked.pub <text | s3seal -d -i locked --passphrase-file word | cmp - text
        fails s3seal -R other.pub <text 2>said
        grep -q 'line 1: of the keys of ssh only ed25519 and rsa can be sealed for' said
        fails s3seal -d -i other <sealed 2>said
        grep -q 'keys of ssh of this kind' said",
    );
}

#[test]
fn passphrases_at_a_terminal() {
    if lacks("passphrases at a terminal", &["age", "script", "zstd"]) {
        return;
    }
    // `script` gives its child a terminal. An answer is typed when its question, which ends in a colon, was read.
    script(
        "type_in() {
            local command=$1 word question status=0; shift
            coproc TERMINAL { script -qec \"$command\" /dev/null; }
            local pid=$TERMINAL_PID from to
            exec {from}<&${TERMINAL[0]} {to}>&${TERMINAL[1]}
            for word; do
                read -r -d : -u $from question
                echo \"$question\" >>screen
                echo \"$word\" >&$to
            done
            cat <&$from >>screen
            exec {from}<&- {to}>&-
            wait $pid || status=$?
            return $status
        }
        type_in 's3seal -p <text >sealed' 'correct horse' 'correct horse'
        fails grep horse screen
        s3seal --passphrase-fd 3 -d <sealed 3<<<'correct horse' | cmp - text
        type_in 'age -d sealed >inside' 'correct horse'
        zstd -dc <inside | cmp - text
        type_in 's3seal -d -p <sealed >opened' 'correct horse'
        cmp opened text
        fails type_in 's3seal -p <text >none' 'correct horse' 'battery staple'
        grep -q 'the two passphrases are not the same' screen
        type_in 'age -p -o a.age a' 'correct horse' 'correct horse'
        s3seal -R a.pub <text >sealed
        type_in 's3seal -d -i a.age <sealed >opened' 'correct horse'
        cmp opened text
        s3seal -d -i a.age --passphrase-file <(echo 'correct horse') <sealed | cmp - text",
    );
}

#[test]
fn post_quantum_keys_beside_another_implementation() {
    if lacks("post-quantum keys", &["node", "npm"]) {
        return;
    }
    let shop = Workshop::new();
    // Kept between runs, and pinned: package-lock.json has the hashes.
    let modules = project().join("target/tests-age-encryption");
    fs::create_dir_all(&modules).expect("make a folder");
    for file in ["package.json", "package-lock.json"] {
        fs::copy(vectors().join(file), modules.join(file)).expect("copy the list of packages");
    }
    let ready = modules.join("node_modules/age-encryption/dist/index.js");
    if !ready.is_file() {
        let got = Command::new("npm")
            .args(["ci", "--silent", "--no-audit", "--no-fund"])
            .current_dir(&modules)
            .output()
            .expect("run npm");
        if !got.status.success() {
            missing::skipped("post-quantum keys", "npm can't get age-encryption");
            return;
        }
    }
    let other = vectors().join("other.mjs");
    let output = shop
        .bash(
            "set -eu; umask 077
            cp \"$OTHER\" \"$MODULES/other.mjs\"
            other() { node \"$MODULES/other.mjs\" \"$@\"; }
            seq 100000 >text
            s3seal -q --keygen --pq >ours; other keygen >theirs
            sed -n 's/^# public key: //p' ours >ours.pub; sed -n 's/^# public key: //p' theirs >theirs.pub
            other recipient <ours | cmp - ours.pub
            s3seal -z none -R ours.pub -R theirs.pub <text >sealed
            for key in ours theirs; do
                other open $key <sealed | cmp - text
                s3seal -d -i $key <sealed | cmp - text
            done
            other seal ours.pub <text | s3seal -d -i ours | cmp - text",
        )
        .env("OTHER", &other)
        .env("MODULES", &modules)
        .output()
        .expect("run bash");
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn containers_of_older_programs() {
    if lacks("containers of OpenSSL", &["openssl", "lz4", "python3"]) {
        return;
    }
    script(
        "echo 'correct horse' >word; echo 'battery staple' >wrong
        head -c 1048576 /dev/urandom >mib; head -c 31 text >short
        for file in nothing short piece text mib large; do
            for way in 'md5:-md md5' 'sha256:-md sha256' 'pbkdf2:-pbkdf2' 'pbkdf2:77:-pbkdf2 -iter 77' \\
                'pbkdf2-sha512:-pbkdf2 -md sha512'; do
                name=${way%:*} options=${way##*:}
                openssl enc -aes-256-cbc $options -pass file:word -in $file -out sealed 2>/dev/null
                s3seal -d --seed openssl-$name --passphrase-file word <sealed | cmp - $file
            done
        done
        # What an older program stored: compressed, then sealed.
        lz4 -c <text 2>/dev/null | openssl enc -aes-256-cbc -pbkdf2 -md sha512 -pass file:word |
            s3seal -d --seed openssl-pbkdf2-sha512 --passphrase-file word | cmp - text
        openssl enc -aes-256-cbc -md md5 -pass file:word -in mib -out sealed 2>/dev/null
        says() {
            fails s3seal -d --seed $1 --passphrase-file word >/dev/null 2>said
            grep -q \"$2\" said
        }
        head -c 1000 sealed | says openssl-md5 'it is cut off'
        head -c 10 sealed | says openssl-md5 'it is cut off'
        head -c 160 sealed | says openssl-md5 'the passphrase is wrong, or the data is damaged'
        says openssl-md5 \"it doesn't begin with Salted__\" <text
        cat >pack.py <<'END'
import hashlib, os, subprocess, sys
data = sys.stdin.buffer.read()
iv, salt = os.urandom(16), os.urandom(32)
key = hashlib.pbkdf2_hmac('sha1', b'correct horse', salt, 5000, 32)
padded = data + b' ' * (-len(data) % 16)
sealed = subprocess.run(['openssl', 'enc', '-aes-256-cbc', '-nopad', '-K', key.hex(), '-iv', iv.hex()],
                        input=padded, stdout=subprocess.PIPE, check=True).stdout
sys.stdout.buffer.write(len(data).to_bytes(8, 'little') + iv + salt + sealed)
END
        for file in nothing short piece text mib; do
            python3 pack.py <$file >sealed
            s3seal -d --seed s3backuptool --passphrase-file word <sealed | cmp - $file
        done
        head -c 4088 sealed | says s3backuptool 'it is cut off'
        { cat sealed; head -c 16 random; } | says s3backuptool 'it is longer than it says'",
    );
}

/// The peak of its memory, read while it waits for the last of its output to be taken.
#[test]
fn memory_stays_within_100_mib() {
    let shop = Workshop::new();
    for arguments in [&["-R", "pub"][..], &["-z", "none", "-R", "pub"]] {
        let made = shop
            .bash("s3seal -q --keygen | sed -n 's/^# public key: //p' >pub")
            .status()
            .expect("run bash");
        assert!(made.success());
        // Half of it shrinks, half doesn't; 20 times what may be held.
        let mut child = shop
            .bash(
                "for n in 1 2 3 4; do head -c 32M /dev/urandom; seq 4600000; done | s3seal \"$@\"",
            )
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("run bash");
        let mut output = child.stdout.take().expect("its output");
        let mut taken = vec![0; 100 << 20];
        output.read_exact(&mut taken).expect("read 100 MiB");
        let peak = peak_below(child.id());
        std::io::copy(&mut output, &mut std::io::sink()).expect("read the rest");
        assert!(child.wait().expect("wait for bash").success());
        assert!(peak > 0, "no s3seal was found");
        assert!(peak < 100 << 10, "{arguments:?}: {peak} KiB");
    }
}

/// KiB of the child of a process that is called s3seal.
fn peak_below(parent: u32) -> u64 {
    let mut peak = 0;
    for entry in fs::read_dir("/proc").expect("read /proc").flatten() {
        let Ok(status) = fs::read_to_string(entry.path().join("status")) else {
            continue;
        };
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next().map(str::to_owned)
        };
        let is_child = field("PPid:") == Some(parent.to_string());
        if is_child && field("Name:").is_some_and(|name| name.starts_with("s3")) {
            peak = field("VmHWM:").map_or(0, |text| text.parse().unwrap_or(0));
        }
    }
    peak
}
