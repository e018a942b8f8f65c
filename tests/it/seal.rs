//! s3seal beside other people's programs: what it makes opens with them, what they make opens with it, and the vectors
//! in `tests/vectors/seal` come to what they say.

mod keys;
mod memory;
mod older;
mod plugin;

use std::fs;
use std::io::Write;
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

/// A file that nobody else can read.
fn secret(shop: &Workshop, name: &str, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = shop.work().join(name);
    fs::write(&path, text).expect("write a secret");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("keep a secret");
    path
}

/// A copy of the identities.
fn identities(shop: &Workshop) -> PathBuf {
    let text = fs::read_to_string(vectors().join("identities.txt")).expect("read the identities");
    secret(shop, "identities", &text)
}

#[test]
fn vectors_come_to_what_they_say() {
    let shop = Workshop::new();
    let identities = identities(&shop);
    let mut wrong = Vec::new();
    for vector in Vector::all() {
        let mut command = shop.command("s3seal");
        command.arg("-d");
        if let Some(text) = &vector.passphrase {
            let passphrase = secret(&shop, "passphrase", text);
            command.arg("--passphrase-file").arg(passphrase);
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
fn rage_agrees() {
    if lacks("what rage makes of seals", &["rage", "zstd", "bzip2"]) {
        return;
    }
    script(
        "for file in nothing piece text random large; do
            rage -R a.pub <$file | s3seal -d -i a | cmp - $file
            rage -a -R a.pub <$file | s3seal -d -i a | cmp - $file
            for way in none:cat zstd:zstd bzip2:bzip2; do
                case $file.$way in large.bzip2*) continue ;; esac
                case $way in none:cat) undo=cat ;; *) undo=\"${way##*:} -dc\" ;; esac
                s3seal -z \"${way%:*}\" -R a.pub -R b.pub <$file >sealed
                rage -d -i a sealed | $undo | cmp - $file
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
