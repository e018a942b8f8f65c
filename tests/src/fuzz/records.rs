//! The records of a bucket on a disk, which anybody who may write to the disk can change.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;

use common::args::Where;
use common::bucket::Bucket;
use common::bucket::get::Wish;
use common::rate::{Pacer, Timetable};
use tempfile::TempDir;

use super::{harmless, speaker};

/// The key that the record is about. Its body holds [`BODY`].
const KEY: &str = "h:home:0:2024-01-01";
const BODY: &[u8] = b"hi\n";

struct Shelf {
    bucket: Bucket,
    record: PathBuf,
    outside: PathBuf,
    _folder: TempDir,
}

/// A record: what it makes of the object, nothing outside of the bucket is read, and an object that passes for
/// proven is what it always was.
pub fn target(data: &[u8]) {
    thread_local! {
        static SHELF: RefCell<Option<Shelf>> = const { RefCell::new(None) };
    }
    SHELF.with_borrow_mut(|shelf| check(shelf.get_or_insert_with(shelf_of_one), data));
}

fn check(shelf: &Shelf, data: &[u8]) {
    std::fs::write(&shelf.record, data).expect("write a record");
    match shelf.bucket.list("") {
        Ok(entries) => assert!(entries.len() <= 2),
        Err(error) => harmless(&error),
    }
    if let Err(error) = shelf.bucket.checksums(&[KEY.to_owned()]) {
        harmless(&error);
    }
    let mut read = Vec::new();
    let wish = Wish {
        keys: vec![KEY.to_owned()],
        span: None,
        range_size: 1 << 20,
        parallel: 1,
        memory: 1 << 24,
        pacer: Arc::new(Pacer::new(Timetable::default())),
    };
    let fetched = shelf.bucket.get(
        &wish,
        &mut |bytes| {
            read.extend_from_slice(bytes);
            Ok(())
        },
        &|_| {},
    );
    match fetched {
        Ok(fetched) => assert_eq!(fetched.size, read.len() as u64),
        Err(error) => harmless(&error),
    }
    let secret = std::fs::read(&shelf.outside).expect("read what lies outside");
    assert!(
        !read.windows(secret.len()).any(|part| part == secret),
        "it got out of its bucket"
    );
}

fn shelf_of_one() -> Shelf {
    let folder = crate::scratch::folder();
    let place = folder.path().join("bucket");
    let at = Where {
        bucket: Some(format!("file://{}", place.display())),
        ..Where::default()
    };
    let bucket = Bucket::open(&at, speaker()).expect("open a bucket");
    bucket.make().expect("make a bucket");
    std::fs::write(place.join(KEY), BODY).expect("write a body");
    let outside = folder.path().join("outside");
    std::fs::write(&outside, "what lies outside").expect("write a file");
    Shelf {
        bucket,
        record: place.join(format!(".s3pipes/meta/{KEY}%o")),
        outside,
        _folder: folder,
    }
}
