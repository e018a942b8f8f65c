//! What servers say: listings, errors, ACLs, headers, and a 200 that is none.

use std::cell::RefCell;
use std::io::Read;
use std::sync::Arc;

use common::bucket::get::Wish;
use common::bucket::put::{Approval, Order};
use common::levels::Set;
use common::listing::Catalogue;
use common::rate::{Pacer, Timetable};

use super::harmless;
use super::server::{Liar, plain};

/// What answers are made of.
pub const WORDS: &[&str] = &[
    "<Key>",
    "</Key>",
    "<Contents>",
    "<IsTruncated>true</IsTruncated>",
    "<NextContinuationToken>x</NextContinuationToken>",
    "<Size>-1</Size>",
    "<Size>18446744073709551616</Size>",
    "<LastModified>9999-12-31T23:59:60Z</LastModified>",
    "<Error><Code>InternalError</Code></Error>",
    "<Code>SlowDown</Code>",
    "%2F",
    "%",
    "&#x0;",
    "&amp;",
    "<![CDATA[",
    "<!--",
    "content-length: 18446744073709551615",
    "transfer-encoding: chunked",
    "content-range: bytes 0-0/1",
    "x-amz-checksum-crc64nvme: ",
    "x-amz-checksum-type: COMPOSITE",
    "etag: \"-1\"",
    "\r\n",
];

fn with_liar(run: impl FnOnce(&Liar)) {
    thread_local! {
        static LIAR: RefCell<Option<Liar>> = const { RefCell::new(None) };
    }
    LIAR.with_borrow_mut(|liar| run(liar.get_or_insert_with(Liar::start)));
}

/// A byte that says what is asked, one that says with which status it is answered, and the body.
pub fn target(data: &[u8]) {
    let [ask, status, body @ ..] = data else {
        return;
    };
    let status =
        [200, 200, 200, 200, 400, 403, 404, 412, 416, 500, 501, 503][usize::from(status % 12)];
    let answer = plain(status, body);
    // An answer that says that there is more is asked for more: not for ever.
    let left = std::sync::atomic::AtomicU32::new(3);
    with_liar(|liar| {
        liar.says(Box::new(move |_| {
            use std::sync::atomic::Ordering::Relaxed;
            let more = left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
            if more.is_ok() {
                answer.clone()
            } else {
                plain(403, b"")
            }
        }));
        let bucket = &liar.bucket;
        let keys = || vec!["a".to_owned(), "b".to_owned()];
        let failed = match ask % 6 {
            0 => bucket.list("").map(|entries| {
                let catalogue: Catalogue = entries.into_iter().collect();
                for set in Set::all(&catalogue.dumps) {
                    for (index, dump) in set.dumps().iter().enumerate() {
                        let _ = (set.obstacle(index), dump.size(), dump.flaw());
                    }
                }
            }),
            1 => bucket.uploads().map(|_| ()),
            2 => bucket.delete(&keys()).map(|failed| {
                for (key, error) in failed {
                    assert!(keys().contains(&key));
                    harmless(&error);
                }
            }),
            3 => bucket.acl("a").map(|_| ()),
            4 => bucket.check_absent("a"),
            _ => bucket.make().map(|_| ()),
        };
        if let Err(error) = failed {
            harmless(&error);
        }
    });
}

/// Everything after the status line of the answer to HEAD and to GET: what was read whole has the size that was
/// promised.
pub fn headers(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    let status = [200, 206, 304, 404][usize::from(choice % 4)];
    let mut answer = format!("HTTP/1.1 {status} Whatever\r\n").into_bytes();
    answer.extend_from_slice(rest);
    with_liar(|liar| {
        liar.says(Box::new(move |line| {
            let mut answer = answer.clone();
            // The body is for GET.
            if line.starts_with("GET") {
                answer.extend_from_slice(b"\r\n\r\nhi\n");
            } else {
                answer.extend_from_slice(b"\r\n\r\n");
            }
            answer
        }));
        if let Err(error) = liar.bucket.checksums(&["a".to_owned()]) {
            harmless(&error);
        }
        let mut read = 0u64;
        let wish = Wish {
            keys: vec!["a".to_owned()],
            span: None,
            range_size: 1 << 20,
            parallel: 1,
            memory: 1 << 22,
            pacer: Arc::new(Pacer::new(Timetable::default())),
        };
        let fetched = liar.bucket.get(
            &wish,
            &mut |bytes| {
                read += bytes.len() as u64;
                Ok(())
            },
            &|_| {},
        );
        match fetched {
            Ok(fetched) => assert_eq!(fetched.size, read),
            Err(error) => harmless(&error),
        }
    });
}

/// A byte that says which answer is wrong, and its body: beginning an upload, a part, completing it (200, and then
/// perhaps an error), or storing at once. Nothing is stored that wasn't said to be.
pub fn complete(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else {
        return;
    };
    let (which, body) = (choice % 4, body.to_vec());
    let says_error = is_error(&String::from_utf8_lossy(&body));
    with_liar(|liar| {
        liar.says(Box::new(move |line| {
            let step = match line.split(' ').next() {
                Some("POST") if line.contains("uploads") => 0,
                Some("PUT") if line.contains("partNumber") => 1,
                Some("POST") => 2,
                Some("PUT") => 3,
                Some("DELETE") => return plain(204, b""),
                _ => return plain(403, b""),
            };
            match step {
                _ if step == which => plain(200, &body),
                0 => plain(200, b"<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>a</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>"),
                2 => plain(200, b"<CompleteMultipartUploadResult><ETag>\"e-2\"</ETag></CompleteMultipartUploadResult>"),
                _ => b"HTTP/1.1 200 OK\r\netag: \"e\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec(),
            }
        }));
        let length = if which == 3 { 3 } else { (5 << 20) + 1 };
        let order = Order {
            part_size: Some(5 << 20),
            parallel: 1,
            memory: 16 << 20,
            ..Order::of("a".to_owned())
        };
        let input = std::io::repeat(7).take(length);
        match liar
            .bucket
            .put(input, &order, &|_| {}, Box::new(|| Ok(Approval::default())))
        {
            Ok(stored) => {
                assert_eq!(stored.size, length);
                assert!(which != 2 || !says_error, "an error was taken for success");
            }
            Err(error) => harmless(&error),
        }
    });
}

/// True if the document is an error, which its first element says. What stands further inside says nothing.
fn is_error(document: &str) -> bool {
    let declared = document.trim_start().strip_prefix("<?xml");
    let rest = declared.and_then(|rest| rest.split_once("?>"));
    let root = rest.map_or(document, |(_, root)| root);
    root.trim_start().starts_with("<Error>")
}
