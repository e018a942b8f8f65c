//! Plugins of age: one that speaks their protocol by itself (`tests/plugin/age-plugin-test`), used by us, by stock age
//! and by rage.

use tests::servers::project;
use tests::tools::Workshop;

use super::lacks;

/// Runs a script that must succeed, in a folder with keys of the plugin, which is on the PATH.
fn script(text: &str) {
    let shop = Workshop::new();
    let keys = "set -eu -o pipefail; umask 077; PATH=$PATH:$PLUGINS
        fails() { if \"$@\"; then echo \"this should have failed: $*\"; fi; }
        says() { fails \"${@:2}\" 2>said >/dev/null </dev/stdin; grep -qF \"$1\" said || cat said; }
        for kind in plain pin strong error dead; do age-plugin-test keygen $kind >$kind; done
        s3seal -q --keygen >a; s3seal -q --keygen --pq >q
        for key in plain pin strong error dead a q; do sed -n 's/^# public key: //p' $key >$key.pub; done
        seq 100000 >text; echo 1234 >number; echo 4321 >wrong\n";
    let output = shop
        .bash(&format!("{keys}{text}"))
        .env("PLUGINS", project().join("tests/plugin"))
        .output()
        .expect("run bash");
    assert!(
        output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(),
        "{:?}: {}{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn plugins_beside_other_programs() {
    if lacks("plugins", &["age", "rage", "python3", "zstd"]) {
        return;
    }
    script(
        "s3seal -R plain.pub <text >sealed
        s3seal -d -i plain <sealed | cmp - text
        for age in age rage; do
            $age -d -i plain sealed | zstd -dc | cmp - text
            $age -R plain.pub text | s3seal -d -i plain | cmp - text
        done
        # Several of a plugin, beside others: each opens it alone.
        s3seal -r \"$(cat plain.pub)\" -R a.pub -R pin.pub <text >sealed
        s3seal --inspect <sealed | grep -c 'test-agreement (of a plugin' | grep -qx 2
        for key in plain a; do s3seal -d -i $key <sealed | cmp - text; done
        s3seal --rewrap -i plain -R strong.pub <sealed | s3seal -d -i a -i strong | cmp - text
        # It may say something, and ask.
        s3seal -d -i pin --passphrase-file number <sealed 2>said | cmp - text
        grep -qx 's3seal: note: the key lies in a drawer' said",
    );
}

#[test]
fn plugins_that_fail() {
    if lacks("plugins", &["python3"]) {
        return;
    }
    script(
        "s3seal -R pin.pub -R a.pub <text >sealed
        says \"'age-plugin-test' couldn't use an identity: this drawer is empty\" s3seal -d -i pin --passphrase-file wrong <sealed
        says 'there is no terminal' setsid s3seal -d -i pin <sealed
        says 'not for any of these keys' s3seal -d -i plain <sealed
        says ': the drawer with the key; is locked' s3seal -R error.pub <text
        says 'age-plugin-test: it died' s3seal -R dead.pub <text
        # It says how strong it is, and we listen.
        says \"can't be mixed\" s3seal -R strong.pub -R a.pub <text
        s3seal -R strong.pub -R q.pub <text | s3seal -d -i q | cmp - text
        # Missing: named, and nothing is sealed for fewer than were asked for.
        PATH=${PATH%:*}
        fails s3seal -R plain.pub -R a.pub <text >none 2>said
        grep -q 'could not use the plugin test: age-plugin-test is not on the PATH' said
        [ ! -s none ]
        says 'line 2: age-plugin-test is not on the PATH' s3seal -d -i plain <sealed",
    );
}
