//! The verbs of the matrix: what is in the bucket before, what is run, and what a failure may leave behind.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use tests::tools::Ran;

use crate::conformance::answers::pattern;
use crate::stored::{ORIGIN, Stored};

/// The bucket.
pub const BUCKET: &str = "backups";

/// A verb.
pub struct Verb {
    /// As the page calls it.
    pub name: &'static str,
    /// Makes what is there before; false: not even the bucket.
    pub stock: Option<&'static [Put]>,
    /// Bytes on standard input.
    pub input: Option<usize>,
    /// The command, without the flags that all have.
    pub command: &'static [&'static str],
    /// A second command, which gets what the first one says if that has succeeded.
    pub commit: Option<&'static [&'static str]>,
    /// What a failed run has half done, if it has: the bucket before and after, and what was said.
    pub half: fn(&Stored, &Stored, &Ran) -> Option<String>,
}

/// An object that is there before: its key, and how many bytes.
pub type Put = (&'static str, usize);

const ONE: &str = "h:home:0:2024-02-01";

/// A chain, a newer dump that makes it superfluous, and a dump of the first generation, in pieces.
const HISTORY: &[Put] = &[
    ("h:home:0:2012-01-01:0", 1000),
    ("h:home:0:2012-01-01:1", 1000),
    ("h:home:0:2012-01-01:2", 500),
    ("h:home:0:2024-01-01", 100),
    ("h:home:1:2024-01-02", 100),
    ("h:home:2:2024-01-03", 100),
    (ONE, 200_000),
];

/// All of them, in the order of the page.
pub static VERBS: &[Verb] = &[
    Verb {
        name: "put of one part",
        stock: Some(&[]),
        input: Some(100_000),
        command: &[
            "s3put",
            "--host",
            "h",
            "--date",
            "2024-02-01",
            "--meta",
            "origin=the tests",
            "home",
            "0",
        ],
        commit: None,
        half: stored_or_not,
    },
    Verb {
        name: "put of parts",
        stock: Some(&[]),
        input: Some((10 << 20) + 1),
        command: &[
            "s3put",
            "--host",
            "h",
            "--date",
            "2024-02-01",
            "--meta",
            "origin=the tests",
            "--part-size",
            "5M",
            "home",
            "0",
        ],
        commit: None,
        half: stored_or_not,
    },
    Verb {
        name: "put in two phases",
        stock: Some(&[]),
        input: Some(100_000),
        command: &[
            "s3put",
            "--host",
            "h",
            "--date",
            "2024-02-01",
            "--meta",
            "origin=the tests",
            "--prepare",
            "home",
            "0",
        ],
        commit: Some(&["s3put", "--commit"]),
        half: stored_or_not,
    },
    Verb {
        name: "get",
        stock: Some(HISTORY),
        input: None,
        command: &[
            "s3get",
            "--host",
            "h",
            "--date",
            "2024-02-01",
            "--part-size",
            "64K",
            "home",
            "0",
        ],
        commit: None,
        half: changed,
    },
    Verb {
        name: "get of pieces",
        stock: Some(HISTORY),
        input: None,
        command: &["s3get", "--host", "h", "--date", "2012-01-01", "home", "0"],
        commit: None,
        half: changed,
    },
    Verb {
        name: "ls",
        stock: Some(HISTORY),
        input: None,
        command: &["s3ls", "--host", "h"],
        commit: None,
        half: changed,
    },
    Verb {
        name: "prune",
        stock: Some(HISTORY),
        input: None,
        command: &[
            "s3prune",
            "--host",
            "h",
            "--keep-last",
            "1",
            "--trust-dates",
            "--delete",
        ],
        commit: None,
        half: named_or_there,
    },
    Verb {
        name: "make bucket",
        stock: None,
        input: None,
        command: &["s3put", "--make-bucket"],
        commit: None,
        half: empty,
    },
];

/// Puts what is there before.
pub async fn stock(client: &Client, objects: &[Put]) {
    client
        .create_bucket()
        .bucket(BUCKET)
        .send()
        .await
        .expect("make a bucket");
    for (seed, (key, size)) in objects.iter().enumerate() {
        client
            .put_object()
            .bucket(BUCKET)
            .key(*key)
            .metadata(ORIGIN.0, ORIGIN.1)
            .body(ByteStream::from(bytes_of(seed as u64, *size)))
            .send()
            .await
            .expect("put");
    }
}

/// Bytes that no other seed has.
pub fn bytes_of(seed: u64, size: usize) -> Vec<u8> {
    pattern(seed, size)
}

/// A put that failed has stored nothing, unless it said that it doesn't know.
fn stored_or_not(before: &Stored, after: &Stored, ran: &Ran) -> Option<String> {
    if after.objects == before.objects {
        return None;
    }
    let unknown = ran.code == Some(111) && ran.err.contains("could not learn whether");
    let ours = after.keys() == [ONE];
    (!(unknown && ours)).then(|| format!("it failed, and this is there: {:?}", after.objects))
}

/// What only reads changes nothing.
fn changed(before: &Stored, after: &Stored, _: &Ran) -> Option<String> {
    (after.objects != before.objects).then(|| format!("this is there: {:?}", after.keys()))
}

/// What makes a bucket leaves nothing in it; where it couldn't, the next run does (that is looked at as well).
fn empty(_: &Stored, after: &Stored, ran: &Ran) -> Option<String> {
    let told = ran.err.contains("s3pipes-canary may be left");
    let canary = after.keys() == ["s3pipes-canary"] && (told || ran.code == Some(111));
    (!after.objects.is_empty() && !canary).then(|| format!("this is there: {:?}", after.keys()))
}

/// What is gone was named, and what was named is gone. Of a dump that lost its first object only, that is said.
fn named_or_there(before: &Stored, after: &Stored, ran: &Ran) -> Option<String> {
    let out = String::from_utf8_lossy(&ran.out);
    let named: Vec<&str> = out.lines().collect();
    // A dump in pieces is named as a whole.
    let is_named = |key: &str| {
        named
            .iter()
            .any(|name| key == *name || key.starts_with(&format!("{name}:")))
    };
    let torn = ran
        .err
        .contains("could not delete h:home:0:2012-01-01:1 and 1 more");
    let silent: Vec<&str> = before
        .keys()
        .into_iter()
        .filter(|key| !after.objects.contains_key(*key) && !is_named(key))
        .filter(|key| !(torn && key.contains(":2012-01-01:")))
        .collect();
    let alive: Vec<&str> = after
        .keys()
        .into_iter()
        .filter(|key| is_named(key))
        .collect();
    if silent.is_empty() && alive.is_empty() {
        return None;
    }
    Some(format!(
        "gone and not named: {silent:?}; named and not gone: {alive:?}"
    ))
}
