//! Another header for a sealed dump in the bucket (`s3put --rest-of`): how much is moved, and that nothing is lost
//! whatever happens: faults and kills at each request, a server that can't copy, one whose disk is rotten, somebody else
//! who is faster.
//!
//! All of it on s3serve. What the user sees, on other servers too, is in `cases/s3put/`: rest-of, rest-of-continued.

use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::types::StorageClass;
use tests::client::wait_for;
use tests::missing;
use tests::scratch::{self, copy_tree};
use tests::serve::Running;
use tests::servers;
use tests::tools::Workshop;

use crate::conformance::answers::pattern;
use crate::conformance::store::Store;
use crate::phases::{Scene, until};
use crate::stored::Stored;

const MIB: usize = 1 << 20;
const REPLACE: &str = "s3put -q --patience 3s --stall 1s --overwrite --rest-of a <head >receipt";

/// Makes the keys `old` and `new`, with their recipients in files of that name and `.pub`.
const KEYS: &str = "set -eu -o pipefail; umask 077
    for name in old new; do
        s3seal -q --keygen >$name; sed -n 's/^# public key: //p' $name >$name.pub
    done\n";

/// A bucket with `a`, a sealed dump of `size` bytes; `head` is a file that begins as it would with another header, and
/// `whole` is all of it.
fn scene(size: usize) -> Scene {
    let scene = Scene::new(&[]);
    scene.write("stream", &pattern(9, size));
    let script = "s3seal -z none -R old.pub <stream >sealed
        s3seal --rewrap -i old -R new.pub <sealed >whole
        head -c 100000 whole >head
        s3put -q -k a --meta origin=here --tag kind=home <sealed >/dev/null";
    scene.ends(&format!("{KEYS}{script}"), 0);
    scene
}

impl Scene {
    fn log(&self) -> Vec<String> {
        self.server.as_ref().map(Running::log).unwrap_or_default()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).expect("read a file")
    }

    fn held(&self) -> Stored {
        let disk = self.shop.folder().join("disk");
        Stored::of(&Store::in_folder(&disk).client(), "backups")
    }

    /// Somebody else's object in the place of `a`.
    fn overtaken(&self) {
        let put = self.client.put_object().bucket("backups").key("a");
        wait_for(put.body(b"newer".to_vec().into()).send()).expect("put");
    }
}

/// Bytes of bodies that went either way, by the log.
fn moved(log: &[String]) -> u64 {
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let of_line = |line: &String| -> u64 {
        let mut sum = 0;
        for word in line.split(' ') {
            if let Some(length) = word.strip_prefix("content-length=") {
                sum += number(length);
            }
            if let Some((first, last)) = word
                .strip_prefix("range=bytes=")
                .and_then(|range| range.split_once('-'))
            {
                sum += number(last) + 1 - number(first);
            }
        }
        sum
    };
    log.iter().map(of_line).sum()
}

/// A dump of 280 MiB: a few MiB pass through us, and stock age opens what is stored.
#[test]
fn a_large_dump_moves_some_mib() {
    let lacking = missing::programs(&["age"]);
    let mut scene = Scene::new(&[]);
    let numbers = "seq 1000000000 | head -c 293601280 || :";
    let put = format!("( {numbers} ) | s3seal -z none -R old.pub | s3put -q -k a >/dev/null");
    scene.ends(&format!("{KEYS}set +o pipefail; {put}"), 0);
    scene.serve(&[]);
    let pipeline = "set -o pipefail
        s3get --head 4M -k a | s3seal --rewrap -i old -R new.pub | s3put --overwrite --rest-of a";
    scene.ends(pipeline, 0);
    let log = scene.log();
    let copies: Vec<&String> = log
        .iter()
        .filter(|line| line.starts_with("UploadPartCopy "))
        .collect();
    let copied = ["=bytes=8388608-276824063", "=bytes=276824064-"];
    assert_eq!(copies.len(), copied.len(), "{log:#?}");
    for range in copied {
        let tied = |line: &&String| line.contains(range) && line.contains("source-if-match=\"");
        assert!(copies.iter().copied().any(|line| tied(&line)), "{log:#?}");
    }
    let commits: Vec<&String> = log
        .iter()
        .filter(|line| line.starts_with("CompleteMultipartUpload "))
        .collect();
    assert!(
        commits.len() == 1 && commits[0].contains(" if-match=\""),
        "{log:#?}"
    );
    // 4 MiB and 8 MiB down, 8 MiB up, and a few documents.
    let bytes = moved(&log);
    println!(
        "{bytes} bytes were moved for 280 MiB, by {} requests",
        log.len()
    );
    assert!(
        (20 << 20..(20 << 20) + 10_000).contains(&bytes),
        "{bytes}: {log:#?}"
    );
    scene.ends(
        &format!("s3get -k a | s3seal -d -i new -Z none | cmp - <({numbers})"),
        0,
    );
    scene.ends("s3get -k a | s3seal --verify -i old", 100);
    if !lacking.is_empty() {
        return missing::skipped("rewrapped dumps with stock age", "age is not installed");
    }
    scene.ends(
        &format!("s3get -k a | age -d -i new | cmp - <({numbers})"),
        0,
    );
}

/// All that an object says of itself stays, and only what is said otherwise changes.
#[test]
fn what_is_said_of_an_object_is_carried_over() {
    let scene = scene(9 * MIB);
    let put = scene.client.put_object().bucket("backups").key("b");
    let put = put
        .metadata("origin", "there")
        .metadata("other", "too")
        .tagging("kind=srv&keep=a%20b")
        .storage_class(StorageClass::StandardIa)
        .content_type("application/x-age")
        .content_encoding("none")
        .content_disposition("attachment")
        .content_language("en")
        .cache_control("no-store");
    wait_for(put.body(scene.read("sealed").into()).send()).expect("put");
    scene.ends(
        "s3put -q --rest-of b -k c <head | jq -e '.class == \"STANDARD_IA\"'",
        0,
    );
    scene.ends("s3put -q --rest-of b -k d --meta origin=new --tag kind=new --storage-class ONEZONE_IA <head", 0);
    for (key, origin, kind, class) in [
        ("c", "there", "srv", StorageClass::StandardIa),
        ("d", "new", "new", StorageClass::OnezoneIa),
    ] {
        assert_eq!(scene.get(key), scene.read("whole"), "{key}");
        let head = scene.client.head_object().bucket("backups").key(key);
        let head = wait_for(head.send()).expect("head");
        let says = |name: &str| head.metadata().and_then(|all| all.get(name)).cloned();
        assert_eq!(says("origin").as_deref(), Some(origin), "{key}");
        assert_eq!(says("other").as_deref(), Some("too"), "{key}");
        assert_eq!(head.storage_class(), Some(&class), "{key}");
        assert_eq!(head.content_type(), Some("application/x-age"), "{key}");
        assert_eq!(head.content_encoding(), Some("none"), "{key}");
        assert_eq!(head.content_disposition(), Some("attachment"), "{key}");
        assert_eq!(head.content_language(), Some("en"), "{key}");
        assert_eq!(head.cache_control(), Some("no-store"), "{key}");
        let tags = scene.client.get_object_tagging().bucket("backups").key(key);
        let tags = wait_for(tags.send()).expect("tags");
        let mut tags: Vec<String> = tags
            .tag_set()
            .iter()
            .map(|tag| format!("{}={}", tag.key(), tag.value()))
            .collect();
        tags.sort();
        assert_eq!(
            tags,
            ["keep=a b".to_owned(), format!("kind={kind}")],
            "{key}"
        );
    }
}

/// The source of a copy is named in a header, as a URL.
#[test]
fn odd_keys_are_found() {
    let scene = scene(9 * MIB);
    scene.ends(
        "key='o d+d%41\u{e9}//?#&'
        for place in s3://backups 's3://backups/pre fix/+'; do
            s3put -q -b \"$place\" -k \"$key\" <sealed >/dev/null
            s3put -q -b \"$place\" --rest-of \"$key\" --overwrite <head >/dev/null
            s3get -b \"$place\" -k \"$key\" | cmp - whole
        done",
        0,
    );
}

/// Tags that can't be read are not silently lost.
#[test]
fn tags_that_may_not_be_read() {
    let mut scene = scene(1000);
    scene.serve(&["GetObjectTagging:deny"]);
    let said = scene.ends(REPLACE, 100);
    assert!(
        said.contains("could not read the tags of a") && said.contains("the right to read tags"),
        "{said}"
    );
    assert_eq!(scene.get("a"), scene.read("sealed"));
    assert_eq!(scene.uploads(), []);
}

/// A server that doesn't copy: a clear error, what would help, and the old object.
#[test]
fn a_server_that_cannot_copy() {
    let mut scene = scene(9 * MIB);
    scene.serve(&["UploadPartCopy:error=501,NotImplemented"]);
    let said = scene.ends(REPLACE, 100);
    assert!(
        said.contains("could not copy part 2 of a from a")
            && said.contains("hint: all of it can be sent"),
        "{said}"
    );
    assert_eq!(scene.get("a"), scene.read("sealed"));
    assert_eq!(scene.uploads(), []);
    // One that takes the request for a part of no bytes is not asked again and again.
    scene.serve(&["UploadPartCopy:hollow"]);
    let said = scene.ends(REPLACE, 100);
    assert!(
        said.contains("the server says that it is done, and nothing of a copy")
            && said.contains("hint: all of it can be sent"),
        "{said}"
    );
    assert_eq!(scene.get("a"), scene.read("sealed"));
    assert_eq!(scene.uploads(), []);
    scene.serve(&["UploadPartCopy:error=501,NotImplemented"]);
    // What the hint says, to the letter.
    scene.ends(
        "s3get -k a | s3seal --rewrap -i old -R new.pub | s3put -q -k b",
        0,
    );
    assert_eq!(scene.get("b").len(), scene.read("whole").len());
}

/// What the server copies is not what it holds a checksum of: nothing is stored.
#[test]
fn a_rotten_disk_is_noticed() {
    for (at, code) in [(8_500_000, 100), (1_000_000, 100)] {
        let scene = scene(9 * MIB);
        let body = scene.shop.folder().join("disk/backups/a");
        let mut byte = [0];
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&body);
        let file = file.expect("open the body");
        file.read_exact_at(&mut byte, at).expect("read");
        file.write_all_at(&[byte[0] ^ 1], at).expect("write");
        let said = scene.ends(REPLACE, code);
        assert!(said.contains("could not"), "{said}");
        let keys = ["a"];
        assert_eq!(
            (scene.keys().as_slice(), scene.uploads()),
            (&keys.map(str::to_owned)[..], vec![])
        );
        assert_eq!(scene.get("a").len(), scene.read("sealed").len());
    }
}

/// Ceph 16 knows no CRC-64/NVME: parts are copied as they were cut, and their ETags are the proof. A receipt for later
/// could not be checked, and what has no such ETag is not copied.
#[test]
fn where_no_crc_is_known() {
    let Some(server) = servers::radosgw() else {
        return;
    };
    let mut shop = Workshop::new();
    let bucket = "rewrapped";
    shop.go_to(server, bucket);
    let client = server.client();
    wait_for(client.create_bucket().bucket(bucket).send()).expect("make a bucket");
    let scene = Scene {
        shop,
        server: None,
        client,
    };
    scene.write("stream", &pattern(9, 70 * MIB));
    let script = "s3seal -z none -R old.pub <stream >sealed
        s3put -q -k a --part-size 20M <sealed >/dev/null
        head -c 100000 sealed | s3seal --rewrap -i old -R new.pub >head";
    scene.ends(&format!("{KEYS}{script}"), 0);
    let said = scene.ends("s3put --rest-of a -k b --prepare <head", 100);
    assert!(
        said.contains("could not prepare b: the server tells no CRC-64/NVME"),
        "{said}"
    );
    scene.ends("s3ls -a --uploads", 1);
    scene.ends(
        "s3put -q --rest-of a -k b <head | jq -e '.crc64nvme == null and .parts == 4'",
        0,
    );
    scene.ends("s3get -k b | s3seal -d -i new -Z none | cmp - stream", 0);
    let put = scene.client.put_object().bucket(bucket).key("foreign");
    wait_for(put.body(scene.read("sealed").into()).send()).expect("put");
    let said = scene.ends("s3put -q --rest-of foreign -k c <head", 100);
    assert!(
        said.contains("the server holds no checksum of it by which a copy could be proven"),
        "{said}"
    );
    assert!(said.contains("hint: all of it can be sent"), "{said}");
    scene.ends(
        "s3ls -a -j --no-checksum | jq -r .key | paste -sd' ' | grep -qx 'a b foreign'",
        0,
    );
}

/// Somebody else replaces the object between our look and the copies, or the last request: theirs stays.
#[test]
fn who_is_faster_stays() {
    for size in [1000, 9 * MIB] {
        let scene = scene(size);
        let mut put = scene.put("--overwrite --rest-of a");
        // It has seen the object, and waits for what comes.
        until("it has read the beginning", || scene.count("GetObject") > 0);
        scene.overtaken();
        let mut input = put.stdin.take().expect("its input");
        input.write_all(&scene.read("head")).expect("feed it");
        drop(input);
        let done = put.wait_with_output().expect("wait for it");
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(100), "{said}");
        assert!(done.stdout.is_empty(), "there is a receipt");
        assert_eq!(scene.get("a"), b"newer");
        assert_eq!(scene.uploads(), []);
    }
    // Prepared, and then: a look tells, or where that is not allowed the condition of the last request.
    for (fault, code) in [
        ("CompleteMultipartUpload:blind", 100),
        ("HeadObject:deny", 111),
    ] {
        let mut scene = scene(9 * MIB);
        scene.ends(
            "s3put -q --overwrite --rest-of a --prepare <head >receipt",
            0,
        );
        assert_eq!(
            scene.get("a"),
            scene.read("sealed"),
            "nothing is visible yet"
        );
        scene.overtaken();
        scene.serve(&[fault]);
        scene.ends("s3put -q --patience 0 --commit <receipt", code);
        assert_eq!(scene.get("a"), b"newer", "{fault}");
    }
}

/// A state of the disk that many runs begin with, and what a run without a fault makes of it.
struct Ready {
    scene: Scene,
    template: tempfile::TempDir,
    before: Stored,
    goal: Stored,
    operations: Vec<String>,
}

impl Ready {
    fn new() -> Self {
        let mut scene = scene(9 * MIB);
        let template = scratch::folder();
        copy_tree(
            &scene.shop.folder().join("disk"),
            &template.path().join("disk"),
        );
        let before = scene.held();
        scene.serve(&[]);
        scene.ends(REPLACE, 0);
        let goal = scene.held();
        assert_eq!(goal.objects["a"].body, scene.read("whole"));
        assert_eq!(goal.objects["a"].metadata["origin"], "here");
        let first = |line: &String| line.split(' ').next().unwrap_or_default().to_owned();
        let operations = scene.log().iter().map(first).collect();
        Self {
            scene,
            template,
            before,
            goal,
            operations,
        }
    }

    /// A bucket as it was before, on a server with a fault.
    fn again(&self, fault: &str) -> Scene {
        let mut scene = Scene::new(&[]);
        drop(scene.server.take());
        let disk = scene.shop.folder().join("disk");
        std::fs::remove_dir_all(&disk).expect("remove a folder");
        copy_tree(&self.template.path().join("disk"), &disk);
        for name in ["head", "whole", "sealed"] {
            link(&self.scene.file(name), &scene.file(name));
        }
        scene.serve(&[fault]);
        scene
    }

    /// Once more without a fault, whatever was there.
    fn in_the_end(&self, scene: &mut Scene, what: &str) {
        scene.serve(&[]);
        scene.ends(REPLACE, 0);
        assert_eq!(scene.held().objects, self.goal.objects, "{what}");
    }
}

fn link(from: &Path, to: &Path) {
    std::fs::hard_link(from, to)
        .or_else(|_| std::fs::copy(from, to).map(|_| ()))
        .expect("link a file");
}

/// Whatever goes wrong with whichever request: the old object is there or the new one, whole, and the same command
/// ends well afterwards.
#[test]
fn faults_at_every_request() {
    // Those that last leave no way to abort the upload.
    const FAULTS: [(&str, bool); 13] = [
        ("slowdown", false),
        ("late", false),
        ("conflict", false),
        ("deny", false),
        ("html=200", false),
        ("reset", false),
        ("lost", false),
        ("cut=10", false),
        ("short=5", false),
        ("bare", false),
        ("reset", true),
        ("lost", true),
        ("deny", true),
    ];
    let ready = Ready::new();
    assert!(
        ready.operations.iter().any(|name| name == "UploadPartCopy"),
        "{:?}",
        ready.operations
    );
    let mut cells = Vec::new();
    for (fault, lasts) in FAULTS {
        for number in 1..=ready.operations.len() {
            cells.push((fault, lasts, number));
        }
    }
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    wrong.lock().unwrap().extend(judged(&ready, *cell));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn judged(ready: &Ready, (fault, lasts, number): (&str, bool, usize)) -> Option<String> {
    let operation = &ready.operations[number - 1];
    if fault == "late" && operation.starts_with("Head") {
        // It has no body that could hold an error.
        return None;
    }
    let dash = if lasts { "-" } else { "" };
    let spec = format!("any#{number}{dash}:{fault}");
    let mut scene = ready.again(&spec);
    let patience = if lasts { "1s" } else { "3s" };
    let done = scene.run(&REPLACE.replace("3s", patience));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let after = scene.held();
    let complaint = |why: &str| {
        Some(format!(
            "{spec} ({operation}): {why}: {:?}: {said}",
            after.objects
        ))
    };
    if !scene.log().iter().any(|line| line.contains(" fault=")) {
        return complaint("the fault did not happen");
    }
    let is_new = after.objects == ready.goal.objects;
    let is_old = after.objects == ready.before.objects;
    match done.status.code() {
        Some(0) if !is_new || scene.read("receipt").is_empty() => {
            return complaint("exit 0 without the new object");
        }
        Some(0) => {}
        Some(100 | 111) if is_old || (is_new && said.contains("could not learn whether")) => {}
        Some(100 | 111) => return complaint("it failed, and the old object is gone"),
        code => return complaint(&format!("exit {code:?}")),
    }
    // An upload whose name never arrived, or that no request could abort.
    let nameless =
        operation == "CreateMultipartUpload" && matches!(fault, "lost" | "cut=10" | "short=5");
    if !after.uploads.is_empty() && !lasts && !nameless {
        return complaint("an upload is left");
    }
    ready.in_the_end(&mut scene, &spec);
    None
}

/// Killed at each request, which the server never answers.
#[test]
fn kills_at_every_request() {
    let ready = Ready::new();
    let commit = ready
        .operations
        .iter()
        .position(|name| name == "CompleteMultipartUpload");
    let commit = commit.expect("a commit") + 1;
    for number in 1..=ready.operations.len() {
        let mut scene = ready.again(&format!("any#{number}:stall"));
        let mut put = scene.put("--overwrite --rest-of a");
        let mut input = put.stdin.take().expect("its input");
        let head = scene.read("head");
        // One that is killed before it reads takes nothing.
        let feeder = std::thread::spawn(move || drop(input.write_all(&head)));
        until("the request comes", || {
            scene.log().iter().any(|line| line.contains(" fault=stall"))
        });
        put.kill().expect("kill it");
        put.wait().expect("wait for it");
        feeder.join().expect("feed it");
        let expected = if number > commit {
            &ready.goal
        } else {
            &ready.before
        };
        assert_eq!(scene.held().objects, expected.objects, "{number}");
        ready.in_the_end(&mut scene, &format!("killed at {number}"));
    }
}
