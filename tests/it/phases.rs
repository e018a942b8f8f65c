//! Storing in two phases, and going on with what an earlier run left: what a transcript can't show. Processes that
//! are killed and signalled, answers that get lost, the requests that were really sent, shells that differ.
//!
//! All of it on s3serve. What the user sees, on other servers too, is in `cases/s3put/`: two-phases, several-receipts,
//! resume.

use std::io::{Read, Write};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::types::Part;
use rustix::process::{Pid, Signal, kill_process};
use tests::client::wait_for;
use tests::missing;
use tests::serve::{self, Options, Running};
use tests::servers::Server;
use tests::tools::Workshop;

use crate::conformance::answers::pattern;
use crate::idioms::Idiom;
use crate::killmatrix::knows_the_ends;

const MIB: usize = 1 << 20;
const PART: usize = 5 * MIB;

/// A bucket on a server that can be started again with other faults.
pub struct Scene {
    pub shop: Workshop,
    pub server: Option<Running>,
    pub client: Client,
}

impl Scene {
    pub fn new(faults: &[&str]) -> Self {
        let shop = Workshop::new();
        let mut scene = Self {
            client: Server::of_tests("s3serve", "http://127.0.0.1:1").client(),
            shop,
            server: None,
        };
        scene.serve(&[]);
        wait_for(scene.client.create_bucket().bucket("backups").send()).expect("make a bucket");
        scene.serve(faults);
        scene
    }

    /// From here on these faults happen, and the log begins anew.
    pub fn serve(&mut self, faults: &[&str]) {
        drop(self.server.take());
        let options = Options::new(self.shop.folder().join("disk"));
        let options = faults.iter().fold(options, |all, spec| all.fault(spec));
        let running = serve::start(options).expect("start the server");
        let server = Server::of_tests("s3serve", &running.url);
        self.shop.go_to(&server, "backups");
        self.client = server.client();
        self.server = Some(running);
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.shop.work().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.file(name), bytes).expect("write a file");
    }

    pub fn run(&self, script: &str) -> Output {
        let mut command = self.shop.bash(script);
        command.stdin(Stdio::null()).output().expect("run bash")
    }

    /// Runs a script that must end with `code`; what it says on standard error.
    pub fn ends(&self, script: &str, code: i32) -> String {
        let output = self.run(script);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{script}: {said}");
        said
    }

    /// Requests of this kind so far.
    pub fn count(&self, operation: &str) -> usize {
        let log = self.server.as_ref().map(Running::log).unwrap_or_default();
        let of_kind = |line: &&String| line.split(' ').next() == Some(operation);
        log.iter().filter(of_kind).count()
    }

    pub fn keys(&self) -> Vec<String> {
        let page = wait_for(self.client.list_objects_v2().bucket("backups").send()).expect("list");
        let keys = page.contents().iter().filter_map(|object| object.key());
        keys.map(str::to_owned).collect()
    }

    pub fn get(&self, key: &str) -> Vec<u8> {
        let object = self.client.get_object().bucket("backups").key(key);
        wait_for(async {
            let body = object.send().await.expect("get").body;
            body.collect().await.expect("read").to_vec()
        })
    }

    pub fn uploads(&self) -> Vec<(String, String)> {
        let page = self.client.list_multipart_uploads().bucket("backups");
        let page = wait_for(page.send()).expect("list uploads");
        let names = page.uploads().iter().map(|upload| {
            let name = |text: Option<&str>| text.unwrap_or_default().to_owned();
            (name(upload.key()), name(upload.upload_id()))
        });
        names.collect()
    }

    /// Bytes in the parts of the only upload; none if there isn't exactly one.
    fn stored(&self) -> Option<usize> {
        let uploads = self.uploads();
        let [(key, id)] = uploads.as_slice() else {
            return None;
        };
        let parts = self.client.list_parts().bucket("backups").key(key);
        let page = wait_for(parts.upload_id(id).send()).ok()?;
        let sizes = page.parts().iter().filter_map(Part::size);
        Some(sizes.map(|size| usize::try_from(size).unwrap()).sum())
    }

    /// s3put in a process of its own that reads what it is told.
    pub fn put(&self, options: &str) -> Child {
        let mut command = self.shop.command("s3put");
        command.args(options.split_whitespace());
        quiet(&mut command).spawn().expect("start s3put")
    }

    /// The prepared dump `key`, its receipt in a file of that name.
    fn prepared(&self, key: &str, bytes: &[u8]) {
        self.write("stream", bytes);
        self.ends(
            &format!("s3put --part-size 5M --prepare -k {key} <stream >{key}"),
            0,
        );
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
}

/// Asks until it is so.
pub fn until(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::yield_now();
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a pid"), signal).expect("signal a child");
}

/// Whatever becomes of the answer to the last request, the dump is there once, and s3put knows it.
#[test]
fn a_commit_is_settled() {
    for faults in [
        &["CompleteMultipartUpload#1:lost"][..],
        &["CompleteMultipartUpload#1:cut=10"],
        &["CompleteMultipartUpload#1:late"],
        &["CompleteMultipartUpload#-2:slowdown"],
        &["CompleteMultipartUpload#1:conflict"],
        &[
            "CompleteMultipartUpload#1:lost",
            "CompleteMultipartUpload#2:error=404,NoSuchUpload",
        ],
        &[
            "CompleteMultipartUpload#1:lost",
            "CompleteMultipartUpload#2:error=412,PreconditionFailed",
        ],
        // Where the server overlooks the condition, the look before it finds the dump of the first run.
        &["CompleteMultipartUpload:blind"],
    ] {
        let mut scene = Scene::new(&[]);
        let stream = pattern(1, 2 * PART + 7);
        scene.prepared("a", &stream);
        scene.serve(faults);
        scene.ends("s3put -q --commit <a >done", 0);
        assert_eq!(scene.get("a"), stream, "{faults:?}");
        // Once more: the same receipt, and no request that could change anything.
        let before = scene.count("CompleteMultipartUpload");
        scene.ends("s3put -q --commit <a >again && cmp <(jq 'del(.seconds)' done) <(jq 'del(.seconds)' again)", 0);
        assert_eq!(scene.count("CompleteMultipartUpload"), before, "{faults:?}");
        assert!(scene.uploads().is_empty(), "{faults:?}");
    }
}

/// A key that only writes can't find out what became of a lost answer; then nobody says "failed" or "done".
#[test]
fn what_cannot_be_known_is_not_claimed() {
    for (faults, code, says) in [
        (&["reading:deny"][..], 0, ""),
        (
            &[
                "reading:deny",
                "CompleteMultipartUpload#1:error=404,NoSuchUpload",
            ],
            111,
            "could not learn whether a was stored",
        ),
        (
            &[
                "reading:deny",
                "CompleteMultipartUpload#1:error=412,PreconditionFailed",
            ],
            111,
            "could not learn whether a was stored",
        ),
    ] {
        let mut scene = Scene::new(&["reading:deny"]);
        scene.prepared("a", b"data");
        scene.serve(faults);
        let said = scene.ends("s3put --commit <a >done", code);
        assert!(said.contains(says), "{faults:?}: {said}");
        scene.serve(&[]);
        scene.ends("s3put -q --commit <a >done", 0);
        assert_eq!(scene.get("a"), b"data", "{faults:?}");
    }
}

/// Of several, those before a failure are committed and those after it are not; running it again goes on.
#[test]
fn a_commit_that_stopped_goes_on() {
    let mut scene = Scene::new(&[]);
    for key in ["a", "b", "c"] {
        scene.prepared(key, key.as_bytes());
    }
    scene.serve(&["CompleteMultipartUpload#2:error=400,InvalidPart"]);
    let said = scene.ends("cat a b c | s3put --commit >done", 100);
    assert!(
        said.contains("1 of 3 are committed; not committed: b, c"),
        "{said}"
    );
    assert_eq!(scene.keys(), ["a"]);
    assert_eq!(scene.uploads().len(), 2, "they stay prepared");
    scene.ends(
        "cat a b c | s3put --commit >done && jq -r .key done | paste -sd' ' | grep -qx 'a b c'",
        0,
    );
    assert_eq!(scene.keys(), ["a", "b", "c"]);
}

/// Killed while the last request is under way, before or after the server heard it.
#[test]
fn a_killed_commit_can_be_repeated() {
    for fault in ["CompleteMultipartUpload:stall", "HeadObject#3-:stall"] {
        let mut scene = Scene::new(&[]);
        let stream = pattern(2, PART + 3);
        scene.prepared("a", &stream);
        scene.serve(&[fault]);
        let mut commit = scene.put("--commit");
        let receipt = std::fs::read(scene.file("a")).expect("read a receipt");
        let mut input = commit.stdin.take().expect("its input");
        input.write_all(&receipt).expect("hand over a receipt");
        drop(input);
        // A request that stalls is never logged: the one before it is.
        let last = if fault.starts_with("Head") {
            "CompleteMultipartUpload"
        } else {
            "ListParts"
        };
        until("it asks", || scene.count(last) > 0);
        commit.kill().expect("kill it");
        commit.wait().expect("wait for it");
        scene.serve(&[]);
        scene.ends("s3put -q --commit <a >done", 0);
        assert_eq!(scene.get("a"), stream, "{fault}");
    }
}

/// A signal while nobody reads the receipt: the upload is aborted, as if the receipt had never been.
#[test]
fn a_signal_while_the_receipt_waits() {
    let scene = Scene::new(&[]);
    let (reader, mut writer) = std::io::pipe().expect("make a pipe");
    // s3put asks for this size, too.
    let size = rustix::pipe::fcntl_setpipe_size(writer.as_fd(), MIB).expect("widen a pipe");
    writer.write_all(&vec![b'\n'; size]).expect("fill a pipe");
    let mut command = scene.shop.command("s3put");
    command.args(["--prepare", "-k", "a", "--", "echo", "data"]);
    let mut put = quiet(&mut command)
        .stdout(writer.try_clone().expect("copy a pipe"))
        .spawn()
        .expect("start s3put");
    drop(command);
    until("the part is stored", || scene.stored() == Some(5));
    signal(&put, Signal::TERM);
    let mut said = String::new();
    let mut errors = put.stderr.take().expect("its errors");
    errors.read_to_string(&mut said).expect("hear from it");
    assert_eq!(put.wait().expect("wait for it").code(), Some(143), "{said}");
    assert_eq!(scene.uploads(), []);
    drop(reader);
}

/// Only the parts that the server doesn't have are sent again, whichever checksum it has of them.
#[test]
fn only_what_is_missing_is_sent() {
    let scene = Scene::new(&[]);
    let stream = pattern(3, 7 * PART + 11);
    let mut put = scene.put("--resume --part-size 5M -k a");
    let mut input = put.stdin.take().expect("its input");
    input.write_all(&stream[..5 * PART]).expect("feed it");
    until("four parts are stored", || {
        scene.stored().is_some_and(|bytes| bytes >= 4 * PART)
    });
    put.kill().expect("kill it");
    put.wait().expect("wait for it");
    drop(input);
    // The server may still be storing what it had read.
    let mut scene = scene;
    scene.serve(&[]);
    let stored = scene.stored().expect("an upload") / PART;
    scene.write("stream", &stream);
    scene.ends(
        &format!(
            "s3put --resume --part-size 5M -k a <stream >done && jq -e '.resumed == {}' done",
            stored * PART
        ),
        0,
    );
    assert_eq!(scene.count("UploadPart"), 8 - stored);
    assert_eq!(scene.count("CreateMultipartUpload"), 0);
    assert_eq!(scene.get("a"), stream);
    assert_eq!(scene.uploads(), []);
    // Its size is found without being told: the parts say it.
    scene.ends("s3put -q --resume -k b --part-size 6M -- sh -c 'cat stream; exit 1'; s3put -q --resume -k b <stream >done && jq -e '.resumed == .size' done", 0);
    assert_eq!(scene.get("b"), stream);
}

/// Where uploads can't be listed, it is an ordinary run, and what it leaves behind is nothing.
#[test]
fn without_the_right_to_list_it_is_an_ordinary_run() {
    let mut scene = Scene::new(&["reading:deny"]);
    scene.write("stream", &pattern(4, 2 * PART));
    let said = scene.ends(
        "s3put --resume --part-size 5M -k a -- sh -c 'cat stream; exit 3'",
        100,
    );
    assert!(
        said.contains("unfinished uploads can't be listed here"),
        "{said}"
    );
    scene.ends("s3put -q --resume --part-size 5M -k b <stream >done", 0);
    scene.serve(&[]);
    assert_eq!(scene.uploads(), []);
    assert_eq!(scene.keys(), ["b"]);
}

/// Two runs go on with the same upload at the same time. Whoever says that it stored its stream has.
#[test]
fn two_at_once() {
    for same in [true, false] {
        let scene = Scene::new(&[]);
        let first = pattern(5, 4 * PART);
        let second = if same {
            first.clone()
        } else {
            [&first[..2 * PART], &pattern(6, 2 * PART)].concat()
        };
        scene.write("stream", &first);
        scene.ends(
            "s3put -q --resume --part-size 5M -k a -- sh -c 'head -c 15000000 stream; exit 3'",
            100,
        );
        assert_eq!(scene.uploads().len(), 1);
        let mut runs = [&first, &second].map(|stream| {
            let mut run = scene.put("--resume --part-size 5M -k a");
            let input = run.stdin.take().expect("its input");
            (run, input, stream)
        });
        // Both have sent a part, or found it there, before either goes on.
        for (run, input, stream) in &mut runs {
            input.write_all(&stream[..PART]).expect("feed it");
            let mut note = [0; 1];
            let errors = run.stderr.as_mut().expect("its errors");
            errors
                .read_exact(&mut note)
                .expect("hear that it found the upload");
        }
        std::thread::scope(|scope| {
            for (_, input, stream) in &mut runs {
                // One of them may fail, and stop reading, before all is written.
                scope.spawn(|| {
                    let _ = input.write_all(&stream[PART..]);
                });
            }
        });
        let mut done = 0;
        let mut told = Vec::new();
        for (run, input, stream) in runs {
            drop(input);
            let output = run.wait_with_output().expect("wait for it");
            told.push(String::from_utf8_lossy(&output.stderr).into_owned());
            if output.status.success() {
                done += 1;
                assert!(scene.get("a") == *stream, "same: {same}; {told:?}");
            } else {
                assert!(matches!(output.status.code(), Some(100 | 111)), "{told:?}");
            }
        }
        assert!(same || done <= 1, "{told:?}");
        // Whatever happened, a third run settles it.
        if done == 0 {
            scene.ends("s3put -q --resume --part-size 5M -k a <stream >done", 0);
            assert!(scene.get("a") == first);
        }
    }
}

/// A dump of several objects: its own key comes last, and the receipt is about the whole.
#[test]
fn several_objects_are_completed_from_the_last() {
    let scene = Scene::new(&[]);
    let stream = pattern(10, PART + 1000);
    for (key, bytes) in [("a", &stream[..PART]), ("a:1", &stream[PART..])] {
        scene.prepared(key, bytes);
    }
    scene.write("stream", &stream);
    // Their tokens differ, as those of one run would not; so they are known by what they hold.
    let whole = "s3put -q -k whole <stream >whole && jq -cs '.[0] + {token: null, size: .[2].size, crc64nvme: .[2].crc64nvme, objects: (.[0].objects + .[1].objects)}' a a:1 whole >both";
    scene.ends(whole, 0);
    scene.ends("s3put --commit -n <both && s3put --commit <both >done && jq -e --slurpfile w whole '[.key, .size, .crc64nvme, .parts] == [\"a\", $w[0].size, $w[0].crc64nvme, 2]' done", 0);
    let log = scene.server.as_ref().map(Running::log).unwrap_or_default();
    let order: Vec<bool> = log
        .iter()
        .filter(|line| line.starts_with("CompleteMultipartUpload "))
        .map(|line| line.contains("/a?"))
        .collect();
    assert_eq!(order, [false, true], "{log:?}");
    assert_eq!([scene.get("a"), scene.get("a:1")].concat(), stream);
    scene.ends("s3put -q --commit <both >again && cmp <(jq 'del(.seconds)' done) <(jq 'del(.seconds)' again)", 0);
    assert_eq!(scene.count("CompleteMultipartUpload"), 2);
    scene.ends("s3put --abort <both", 1);
}

/// A run with --resume takes up what waits for its commit; the receipt of that is refused, or finds it done.
#[test]
fn a_prepared_upload_that_was_resumed() {
    let scene = Scene::new(&[]);
    let stream = pattern(7, 2 * PART);
    scene.prepared("a", &stream);
    scene.write("other", &[&stream[..PART], &pattern(8, PART)].concat());
    scene.ends(
        "s3put -q --resume --part-size 5M -k a -- sh -c 'cat other; exit 3'",
        100,
    );
    let said = scene.ends("s3put --commit <a", 100);
    assert!(said.contains("InvalidPart"), "{said}");
    assert_eq!(scene.keys(), Vec::<String>::new());
    scene.ends("s3put -q --resume --part-size 5M -k a <stream >done", 0);
    scene.ends("s3put -q --commit <a >done", 0);
    assert_eq!(scene.get("a"), stream);
}

/// A run with --resume stored other bytes with the upload's token: that is not what the receipt is about.
#[test]
fn a_receipt_of_what_became_something_else() {
    let mut scene = Scene::new(&[]);
    let stream = pattern(12, 2 * PART);
    // As long, and begins alike.
    let other = [&stream[..PART], &pattern(13, PART)].concat();
    scene.prepared("a", &stream);
    scene.write("other", &other);
    scene.ends("s3put -q --resume --part-size 5M -k a <other >done", 0);
    let changed = "another run went on with this upload and stored something else";
    let look = scene.ends(
        "s3put --commit <a >receipt; r=$?; test ! -s receipt || exit 1; exit $r",
        100,
    );
    assert!(look.contains(changed), "{look}");
    let given_up = scene.ends("s3put --abort <a", 100);
    assert!(given_up.contains(changed), "{given_up}");
    // Two looks see nothing, and the last request's answer says that there is no such upload.
    scene.serve(&["HeadObject#-2:error=404,NoSuchKey", "ListParts:deny"]);
    let said = scene.ends("s3put --commit <a", 100);
    assert!(said.contains(changed), "{said}");
    assert_eq!(scene.count("CompleteMultipartUpload"), 1);
    scene.serve(&[]);
    assert_eq!(scene.get("a"), other);
}

/// Who may not look can't tell a dump that was given up from one that was committed.
#[test]
fn an_abort_that_cannot_look_does_not_guess() {
    let mut scene = Scene::new(&[]);
    scene.prepared("a", b"data");
    scene.ends("s3put -q --commit <a >done", 0);
    scene.serve(&["reading:deny"]);
    let said = scene.ends("s3put --abort <a", 1);
    assert!(said.contains("aborted before, or committed"), "{said}");
    scene.serve(&[]);
    assert_eq!(scene.get("a"), b"data");
    // What is there to be given up is, whether or not it could be looked at.
    scene.prepared("b", b"data");
    scene.serve(&["reading:deny"]);
    scene.ends("s3put --abort <b", 0);
    scene.serve(&[]);
    assert_eq!(scene.uploads(), []);
}

/// The idioms of the page, in the shells that people have: a producer that failed leaves nothing.
#[test]
fn the_idioms_work_in_every_shell() {
    let good = ["cat stream", "cat stream | cat | cat"];
    let bad = [
        "{ head -c 6000000 stream; exit 3; }",
        "sh -c 'head -c 6000000 stream; kill -9 $$'",
        "{ echo short; false; }",
        "false",
        "{ head -c 6000000 stream; exit 3; } | cat | cat",
        "cat stream | sh -c 'head -c 6000000; kill -9 $$' | cat",
        "cat stream | cat | { cat; false; }",
    ];
    for (shell, idiom) in [
        ("bash", Idiom::Pipefail),
        ("busybox sh", Idiom::Pipefail),
        ("zsh", Idiom::Pipefail),
        ("bash", Idiom::Marks),
        ("dash", Idiom::Marks),
        ("busybox sh", Idiom::Marks),
        ("zsh", Idiom::Marks),
    ] {
        let words: Vec<&str> = shell.split(' ').collect();
        if !missing::programs(&words[..1]).is_empty() {
            missing::skipped(shell, "not installed");
            continue;
        }
        let scene = Scene::new(&[]);
        let stream = pattern(9, 2 * PART);
        scene.write("stream", &stream);
        let run = |producer: &str, key: &str| {
            // Whatever happened: the idiom alone has to notice.
            let put = format!("s3put -q --prepare --commit always -k {key}");
            let text = idiom.script(&format!("{producer} | {put}"));
            let mut command = scene.shop.command(words[0]);
            command.args(&words[1..]).args(["-c", &text]);
            command.stdin(Stdio::null()).output().expect("run a shell")
        };
        for producer in bad {
            let output = run(producer, "a");
            assert!(!output.status.success(), "{shell}: {producer}: {output:?}");
            assert_eq!(scene.keys(), Vec::<String>::new(), "{shell}: {producer}");
            assert_eq!(scene.uploads(), [], "{shell}: {producer}");
        }
        for (producer, key) in good.into_iter().zip(["a", "b"]) {
            let output = run(producer, key);
            assert!(output.status.success(), "{shell}: {producer}: {output:?}");
            assert_eq!(scene.get(key), stream, "{shell}: {producer}");
        }
        assert_eq!(scene.keys(), ["a", "b"]);
    }
}

/// The watch and the policy judge a prepared dump, too: against it there is no receipt, and no upload is left.
#[test]
fn a_producer_that_failed_prepares_nothing() {
    let scene = Scene::new(&[]);
    if !knows_the_ends() {
        missing::skipped("the watch", "this kernel is older than Linux 6.15");
        return;
    }
    scene.write("stream", &pattern(11, 2 * PART));
    let failing = "{ cat stream; exit 3; } | cat | s3put --prepare -k a";
    for policy in ["", "--commit not-failed", "--commit clean"] {
        let said = scene.ends(&format!("{failing} {policy} >receipt"), 100);
        assert!(said.contains("exited with status 3"), "{policy}: {said}");
        assert_eq!(std::fs::read(scene.file("receipt")).expect("read it"), b"");
        assert_eq!(scene.uploads(), [], "{policy}");
    }
    // Who wants it whatever happened gets it, and the receipts say what did.
    scene.ends(&format!("{failing} --commit always >receipt"), 0);
    scene.ends("s3put --commit <receipt >done && for r in receipt done; do jq -r .upstream.verdict $r; done | sort | uniq -c | grep -qw '2 failed'", 0);
    assert_eq!(scene.keys(), ["a"]);
}
