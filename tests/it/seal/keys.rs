//! Keys of ssh, passphrases at a terminal, post-quantum keys: beside the programs that people have for them.

use std::fs;
use std::process::Command;

use tests::missing;
use tests::servers::project;
use tests::tools::Workshop;

use super::{lacks, script, vectors};

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
        grep -q 'keys of ssh of this kind' said
        # Its passphrase is asked for only if it can help.
        echo 'battery staple' >wrong
        s3seal -R a.pub <text | s3seal -d -i locked -i a --passphrase-file wrong | cmp - text
        s3seal -R locked.pub <text >sealed
        fails s3seal -d -i locked --passphrase-file wrong <sealed 2>said
        grep -q 'the passphrase is wrong' said
        fails setsid s3seal -d -i locked <sealed 2>said
        grep -q 'there is no terminal' said
        # Forms that age doesn't know: told apart, and the advice helps.
        ssh-keygen -q -t rsa -b 2048 -m PEM -N 'correct horse' -f pem
        ssh-keygen -q -t rsa -b 2048 -m PKCS8 -N 'correct horse' -f pkcs8
        ssh-keygen -q -t ed25519 -Z 3des-cbc -N 'correct horse' -f cipher
        for key in pem pkcs8 cipher; do
            s3seal -R $key.pub <text >sealed
            fails s3seal -d -i $key --passphrase-file word <sealed 2>said
            grep -q \"hint: 'ssh-keygen -p.* -f FILE' \" said
            options=$(sed -n \"s/.*hint: 'ssh-keygen\\(.*\\) -f FILE'.*/\\1/p\" said)
            ssh-keygen $options -f $key -P 'correct horse' -N 'correct horse' >/dev/null
            s3seal -d -i $key --passphrase-file word <sealed | cmp - text
        done",
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
        s3seal -d -i a.age --passphrase-file <(echo 'correct horse') <sealed | cmp - text
        # What we made of an identity is one too, compressed or not.
        echo 'correct horse' >word
        for method in zstd none; do
            s3seal -z $method --passphrase-file word <a >a.sealed
            s3seal -d -i a.sealed --passphrase-file word <sealed | cmp - text
        done
        # Interrupted: the terminal shows again what is typed, and the program went by the signal.
        type_in 'trap : INT; s3seal -p <text >none; echo $? >status; stty -a >modes' $'abc\\003'
        grep -qx 130 status
        grep -qE '(^| )echo ' modes
        grep -qE '(^| )isig ' modes",
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

/// While it has keys in memory, a crash would leave no core file, and its command line says nothing.
#[test]
fn a_crash_leaves_no_keys() {
    script(
        "ulimit -c unlimited 2>/dev/null || ulimit -c hard
        s3seal -R a.pub <text >sealed; echo 'correct horse' >word; mkfifo stream
        s3seal -d -i a --passphrase-file word <stream >opened &
        pid=$!
        exec {feed}>stream
        head -c 1000 sealed >&$feed
        until grep -q '^Max core file size  *1  *1 ' /proc/$pid/limits; do
            [ -e /proc/$pid/limits ] || exit 3
        done
        if tr '\\0' '\\n' </proc/$pid/cmdline | grep -E 'AGE-SECRET|horse'; then exit 4; fi
        # Bash tells of the death when it likes.
        exec 2>/dev/null
        kill -ABRT $pid
        fails wait $pid
        exec {feed}>&-
        find . -name '*core*'",
    );
}
