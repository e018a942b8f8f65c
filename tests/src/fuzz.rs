//! What comes from outside, fed with nonsense: nothing may panic, and what was understood must be true.
//!
//! Each target is a function of bytes. `fuzz/` runs them under libFuzzer, guided by coverage, by hand; `it/fuzz.rs`
//! runs each over the examples in `tests/fuzz/corpus/TARGET` and over some mutations of them, in every test run.
//! A target panics if a promise is broken.

pub mod answers;
pub mod archive;
pub mod chunk;
pub mod expect;
pub mod mutate;
pub mod names;
pub mod records;
pub mod seal;
pub mod server;
pub mod stored;
pub mod words;

use std::io::Write;

use common::args::Voice;
use common::run::{Speaker, Streams};
use tempfile::NamedTempFile;

/// A target.
pub struct Target {
    /// Its name, and that of its folder of examples in `tests/fuzz/corpus`.
    pub name: &'static str,
    /// Where more examples are, or all of them.
    pub also: Option<&'static str>,
    /// Takes anything.
    pub run: fn(&[u8]),
    /// How many mutations are tried in a test run: slow ones get few.
    pub rounds: u32,
    /// What mutations put in besides bytes.
    pub words: &'static [&'static str],
}

/// What people write.
const WORDS: &[&str] = &[
    "Mon-Fri ",
    "08:00-18:00 ",
    "300k",
    ", ",
    "1.5M/s",
    "off",
    "99999999999999999999",
    "24:00",
    "1y6m",
    "\u{e9}",
    "50%",
    "tar:1",
    "=",
    "s3://",
    "file:///",
];

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "names",
        also: None,
        run: names::target,
        rounds: 20_000,
        words: names::WORDS,
    },
    Target {
        name: "catalogue",
        also: None,
        run: names::catalogue,
        rounds: 10_000,
        words: names::WORDS,
    },
    Target {
        name: "settings",
        also: None,
        run: words::settings,
        rounds: 10_000,
        words: &[
            "bucket_name ",
            "server ",
            "access_key_id ",
            "secret_access_key ",
            "service s3",
            "\u{feff}",
            "\u{85}",
            "\r\n",
            ":",
            "//",
        ],
    },
    Target {
        name: "prices",
        also: None,
        run: words::prices,
        rounds: 5_000,
        words: &["NaN", "inf", "1e308", "-", "0", "128k", "class", "currency"],
    },
    Target {
        name: "words",
        also: None,
        run: words::target,
        rounds: 10_000,
        words: WORDS,
    },
    Target {
        name: "arguments",
        also: None,
        run: words::argument,
        rounds: 1_000,
        words: WORDS,
    },
    Target {
        name: "receipts",
        also: None,
        run: words::receipts,
        rounds: 10_000,
        words: &[
            "\"key\":",
            "\"action\":\"remove\"",
            "\"upload\":null",
            "{",
            "}",
            "\0",
            "\n",
            "\\ud800",
            "[[[[[[[[",
        ],
    },
    Target {
        name: "expect",
        also: None,
        run: expect::target,
        rounds: 10_000,
        words: &[
            "ustar\0",
            "BZh91AY&SY",
            "\u{1f}",
            "YZ",
            "age-encryption.org/v1\n",
            "\n--- ",
            "\0\0\0\0\0\0\0\0",
            "size=",
        ],
    },
    Target {
        name: "records",
        also: None,
        run: records::target,
        rounds: 200,
        words: &[
            "\"body\":",
            "..",
            "/",
            "-1",
            "18446744073709551615",
            "null",
            "[[1,2,3]]",
            "\"parts\":",
            "1e999",
        ],
    },
    Target {
        name: "answers",
        also: None,
        run: answers::target,
        rounds: 600,
        words: answers::WORDS,
    },
    Target {
        name: "headers",
        also: None,
        run: answers::headers,
        rounds: 400,
        words: answers::WORDS,
    },
    Target {
        name: "complete",
        also: None,
        run: answers::complete,
        rounds: 30,
        words: answers::WORDS,
    },
    Target {
        name: "opener",
        also: Some(SEALS),
        run: seal::opener,
        rounds: 1_500,
        words: SEALED_WORDS,
    },
    Target {
        name: "header",
        also: Some(SEALS),
        run: seal::header,
        rounds: 20_000,
        words: SEALED_WORDS,
    },
    Target {
        name: "join",
        also: None,
        run: chunk::join,
        rounds: 1_000,
        words: CHUNK_WORDS,
    },
    Target {
        name: "passing",
        also: None,
        run: stored::passing,
        rounds: 2_000,
        words: CHUNK_WORDS,
    },
    Target {
        name: "sealed",
        also: None,
        run: stored::sealed,
        rounds: 500,
        words: SEALED_WORDS,
    },
    Target {
        name: "tails",
        also: None,
        run: stored::tails,
        rounds: 100,
        words: CHUNK_WORDS,
    },
    Target {
        name: "known",
        also: None,
        run: chunk::known,
        rounds: 10_000,
        words: &[
            "s3pipes-known/1\n",
            "place ",
            "\u{ff}\u{ff}\u{ff}",
            "\0\0\0\0\0\0\0\0",
            "\n",
        ],
    },
    Target {
        name: "members",
        also: None,
        run: chunk::members,
        rounds: 10_000,
        words: &[
            "ustar\0",
            "ustar  \0",
            "path=",
            "size=",
            "GNU.sparse.name=",
            "18446744073709551615",
            "\n",
            "L",
            "x",
        ],
    },
    Target {
        name: "archive",
        also: Some("tests/fuzz/corpus/members"),
        run: archive::target,
        rounds: 5_000,
        words: &[
            "ustar\0",
            "path=",
            "mtime=-1.5\n",
            "GNU.sparse.major=1\n",
            "GNU.sparse.map=",
            "GNU.sparse.offset=",
            "SCHILY.xattr.user.a=",
            "18446744073709551615",
            "\n",
            "L",
            "S",
            "x",
        ],
    },
    Target {
        name: "metadata",
        also: None,
        run: archive::metadata,
        rounds: 10_000,
        words: &[
            "\\\\udc80",
            "\\\\x2e",
            "..",
            "/",
            "-1",
            "True",
            "sparse",
            "hardlink",
            "chardev",
            "9223372036854775808",
            "0+5,",
            "\"",
        ],
    },
];

const CHUNK_WORDS: &[&str] = &[
    "run 0 0 1 1\n",
    "chunk ",
    "total ",
    "cut average ",
    "18446744073709551615",
    "c/0000000001\0",
    "index\0",
    "S3PIPES.form=whole\n",
    "\n",
];

const SEALS: &str = "tests/vectors/seal";
const SEALED_WORDS: &[&str] = &[
    "age-encryption.org/v1\n",
    "-> ",
    "-> X25519 ",
    "-> scrypt ",
    "-> mlkem768x25519 ",
    "\n--- ",
    "-----BEGIN AGE ENCRYPTED FILE-----\n",
    "-----END AGE ENCRYPTED FILE-----\n",
    "BZh91AY&SY",
    "(\u{b5}/\u{fd}",
    "P*M\u{18}",
    "\r\n",
    "=",
];

/// A voice that says nothing but warnings.
fn speaker() -> Speaker {
    let voice = Voice {
        quiet: true,
        verbose: false,
    };
    Streams::standard("fuzz", voice).voice()
}

/// A file with these bytes in it, for what is read by its path.
fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new_in(crate::scratch::root()).expect("make a file");
    file.write_all(bytes).expect("write a file");
    file
}

/// A message is one harmless line, whatever was read.
fn harmless(error: &common::Error) {
    let text = format!("{error}{}", error.advice().unwrap_or_default());
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(!text.contains("thread"), "something panicked: {text}");
}
