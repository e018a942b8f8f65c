//! Keys that run out in the middle: they are looked for again, where they came from, until somebody has renewed them.

use std::io::Write;
use std::path::PathBuf;

use super::{MIB, Site, bytes, until};

/// A site whose server takes the key that is written in a file.
struct Vault {
    site: Site,
    accepted: PathBuf,
}

impl Vault {
    fn new() -> Self {
        let site = Site::new(&[]);
        let accepted = site.shop.folder().join("accepted");
        let mut vault = Self { site, accepted };
        vault.accept("old");
        let file = vault.accepted.clone();
        vault.site.serve(|options| tests::serve::Options {
            key_file: Some(file),
            ..options
        });
        // No keys in the environment: they would win.
        vault.site.shop.unset("AWS_ACCESS_KEY_ID");
        vault.site.shop.unset("AWS_SECRET_ACCESS_KEY");
        vault
    }

    /// From now on the server takes only this key.
    fn accept(&self, id: &str) {
        write(&self.accepted, &format!("{id} {id}secret\n"));
    }

    fn home(&self, name: &str) -> PathBuf {
        self.site.shop.folder().join("home").join(name)
    }

    /// Writes the key into the AWS tools' file of keys.
    fn profile(&self, id: &str) {
        let text = format!(
            "[default]\naws_access_key_id = {id}\naws_secret_access_key = {id}secret\naws_session_token = {id}token\n"
        );
        write(&self.home(".aws/credentials"), &text);
    }

    /// Has keys given out by a program, which copies them from a file.
    fn process(&self, id: &str) {
        let file = self.home("keys.json");
        let text = format!(
            r#"{{"Version":1,"AccessKeyId":"{id}","SecretAccessKey":"{id}secret","SessionToken":"{id}token"}}"#
        );
        write(&file, &text);
        let config = format!("[default]\ncredential_process = cat {}\n", file.display());
        write(&self.home(".aws/config"), &config);
    }

    /// Writes the key into a settings file, and returns its path.
    fn settings(&self, id: &str) -> String {
        let file = self.home("settings");
        let text =
            format!("access_key_id {id}\nsecret_access_key {id}secret\nsession_token {id}token\n");
        write(&file, &text);
        file.display().to_string()
    }
}

/// Replaces a file in one step, as programs that renew keys do.
fn write(file: &std::path::Path, text: &str) {
    let folder = file.parent().expect("a folder");
    std::fs::create_dir_all(folder).expect("make a folder");
    let fresh = file.with_extension("new");
    std::fs::write(&fresh, text).expect("write a file");
    std::fs::rename(&fresh, file).expect("replace a file");
}

/// A put whose keys run out between two parts, and are renewed only after the server has refused them.
fn put_across(vault: &Vault, arguments: &[&str], renew: impl FnOnce()) {
    let site = &vault.site;
    let dump = bytes(40 * MIB);
    let mut tool = site.start(
        "s3put",
        &[arguments, &["-v", "-k", "big", "--part-size", "5M"]].concat(),
    );
    let mut input = tool.input();
    input.write_all(&dump[..12 * MIB]).expect("write");
    until("a part is stored", || site.count("UploadPart", " 200") > 0);
    vault.accept("new");
    input.write_all(&dump[12 * MIB..24 * MIB]).expect("write");
    until("it learns that its keys have run out", || {
        tool.says()
            .contains("warning: the server no longer accepts")
    });
    renew();
    input.write_all(&dump[24 * MIB..]).expect("write");
    drop(input);
    let ended = tool.end().well();
    assert!(site.stored("big") == dump, "something else was stored");
    assert_eq!(site.count("CompleteMultipartUpload", " 200"), 1);
    assert!(ended.says.contains("new keys were found"), "{}", ended.says);
    assert!(!ended.says.contains("secret"), "{}", ended.says);
}

#[test]
fn a_put_goes_on_with_a_renewed_profile() {
    let vault = Vault::new();
    vault.profile("old");
    put_across(&vault, &[], || vault.profile("new"));
}

#[test]
fn a_put_goes_on_with_a_renewed_named_profile() {
    let vault = Vault::new();
    vault.profile("old");
    put_across(&vault, &["--profile", "default"], || vault.profile("new"));
}

#[test]
fn a_put_goes_on_with_new_keys_of_a_program() {
    let vault = Vault::new();
    vault.process("old");
    put_across(&vault, &[], || vault.process("new"));
}

#[test]
fn a_put_goes_on_with_a_rewritten_settings_file() {
    let vault = Vault::new();
    let file = vault.settings("old");
    put_across(&vault, &["-f", &file, "-b", "s3://bkt"], || {
        vault.settings("new");
    });
}

/// Also the looks at the key: an answer to HEAD can't say that the keys have run out.
#[test]
fn a_put_of_one_part_goes_on_when_keys_run_out_before_it() {
    let vault = Vault::new();
    let site = &vault.site;
    vault.profile("old");
    let mut tool = site.start("s3put", &["-v", "-k", "small"]);
    let mut input = tool.input();
    until("the key was looked at", || {
        site.count("HeadObject", " 404") > 0
    });
    vault.accept("new");
    vault.profile("new");
    input.write_all(b"a word").expect("write");
    drop(input);
    tool.end().well();
    assert_eq!(site.stored("small"), b"a word");
    assert_eq!(site.count("PutObject", " 400"), 1, "{:?}", site.log());
}

/// The answer to HEAD is 400 and nothing else; the reason is asked for, and the keys are renewed.
#[test]
fn a_look_at_an_object_learns_that_keys_have_run_out() {
    let mut site = Site::new(&[
        "HeadObject#1:error=400,ExpiredToken",
        "GetObject#1:error=400,ExpiredToken",
    ]);
    site.store("small", b"a word".to_vec());
    site.shop.unset("AWS_ACCESS_KEY_ID");
    site.shop.unset("AWS_SECRET_ACCESS_KEY");
    // Each time it is asked it gives out another token.
    let home = site.shop.folder().join("home");
    let program = home.join("program");
    let keys =
        r#"{"Version":1,"AccessKeyId":"test","SecretAccessKey":"testsecret","SessionToken":"%s"}"#;
    write(
        &program,
        &format!("date +%s%N | {{ read -r now; printf '{keys}' \"$now\"; }}\n"),
    );
    let config = format!("[default]\ncredential_process = sh {}\n", program.display());
    write(&home.join(".aws/config"), &config);
    let got = site.run("s3get", &["-k", "small"], b"").well();
    assert_eq!(got.out, b"a word");
    assert_eq!(site.count("HeadObject", " 400"), 1);
    assert_eq!(site.count("HeadObject", " 200"), 1);
}

#[test]
fn a_get_goes_on_with_new_keys() {
    let vault = Vault::new();
    let site = &vault.site;
    vault.process("old");
    let dump = bytes(24 * MIB);
    put(&vault, &dump);
    let arguments = ["-v", "-k", "big", "--part-size", "1M", "--parallel", "2"];
    let mut tool = site.start("s3get", &arguments);
    // Nobody reads, so that it stands still in the beginning.
    until("a range is read", || site.count("GetObject", " 206") > 0);
    vault.accept("new");
    let mut stdout = tool.child.stdout.take().expect("its output");
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        std::io::Read::read_to_end(&mut stdout, &mut all).expect("read");
        all
    });
    until("a range is refused", || site.count("GetObject", " 400") > 1);
    vault.process("new");
    let got = reader.join().expect("read");
    let ended = tool.end().well();
    assert!(got == dump, "something else came");
    assert!(ended.says.contains("new keys were found"), "{}", ended.says);
}

fn put(vault: &Vault, dump: &[u8]) {
    vault.site.run("s3put", &["-q", "-k", "big"], dump).well();
}

/// Keys that never worked are a mistake that somebody has to mend: nothing is gained by waiting.
#[test]
fn keys_that_never_worked_are_not_waited_for() {
    let vault = Vault::new();
    vault.profile("stale");
    let ended = vault.site.run("s3ls", &["-a"], b"");
    assert_eq!(ended.status.code(), Some(111), "{}", ended.says);
    assert!(ended.says.contains("ExpiredToken"), "{}", ended.says);
    assert!(
        ended.says.contains("hint: get new keys, then try again"),
        "{}",
        ended.says
    );
    assert_eq!(vault.site.count("ListObjectsV2", ""), 1);
}

/// Nobody renews them: patience ends, and the upload is not left to the server as if it would go on.
#[test]
fn patience_ends_for_keys_that_nobody_renews() {
    let vault = Vault::new();
    let site = &vault.site;
    vault.profile("old");
    let mut tool = site.start(
        "s3put",
        &["--patience", "1s", "-k", "big", "--part-size", "5M"],
    );
    let mut input = tool.input();
    input.write_all(&bytes(12 * MIB)).expect("write");
    until("a part is stored", || site.count("UploadPart", " 200") > 0);
    vault.accept("new");
    // It may be gone before it has read all of it.
    let _ = input.write_all(&bytes(12 * MIB));
    drop(input);
    let ended = tool.end();
    assert_eq!(ended.status.code(), Some(111), "{}", ended.says);
    assert!(!site.body("big").exists());
}
