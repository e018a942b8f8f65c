//! Chunk streams on their way into a bucket, in it, and sealed.

use std::cell::RefCell;
use std::io::{Cursor, Read};
use std::sync::{Arc, OnceLock};

use common::args::Where;
use common::bucket::Bucket;
use common::bucket::chunked::Want;
use common::bucket::get::Wish;
use common::bucket::put::{Approval, Order, Pieces};
use common::chunks::{Id, Opened, open};
use common::rate::{Pacer, Timetable};
use common::{Error, Result};
use s3put::chunks::{Chunks, Unfit};
use tempfile::TempDir;

use super::{harmless, speaker};

const KEY: &str = "h:home:0:2024-01-01";

/// A chunk stream whose members are sealed: what comes of it is a chunk stream, or an error.
pub fn sealed(data: &[u8]) {
    match s3seal::fuzz::members(data.to_vec()) {
        Ok(opened) => whole(&opened).expect("a chunk stream came out"),
        Err(error) => harmless(&error),
    }
}

/// A chunk stream as `s3put` lets it pass: what came of it is let pass again, unchanged.
pub fn passing(data: &[u8]) {
    match passed(data) {
        Ok((bytes, true)) => {
            whole(&bytes).expect("a chunk stream is stored");
            let again = passed(&bytes).expect("what is stored can be stored");
            assert!(again == (bytes, true), "it was completed twice");
        }
        Ok((_, false)) => {}
        Err(error) => harmless(&error),
    }
}

/// What is stored of a stream, and whether it is a chunk stream.
fn passed(data: &[u8]) -> Result<(Vec<u8>, bool)> {
    let id: Arc<OnceLock<Id>> = Arc::default();
    let chunks = Chunks::new(Arc::clone(&id), Pieces::default(), Unfit::default(), true);
    let mut bytes = Vec::new();
    chunks
        .completed(Cursor::new(data))
        .read_to_end(&mut bytes)
        .map_err(|error| Error::permanent("read memory", error))?;
    let approval = chunks.whole(KEY)?;
    if let Some(mut tail) = approval.tail {
        let mut kept = Vec::new();
        tail.read_to_end(&mut kept).expect("read the tail");
        whole(&kept).expect("the tail is a chunk stream");
    }
    Ok((bytes, id.get().is_some()))
}

/// Reads a chunk stream to its end.
fn whole(bytes: &[u8]) -> Result<()> {
    let Opened::Chunks(mut reader) = open(bytes)? else {
        return Err(Error::permanent("read it", "it is no chunk stream"));
    };
    while reader.next()?.is_some() {}
    Ok(())
}

/// An object that may be a chunk stream: what its end says is shown, and what it needs gathered, or refused.
pub fn tails(data: &[u8]) {
    thread_local! {
        static SHELF: RefCell<Option<(Bucket, TempDir)>> = const { RefCell::new(None) };
    }
    SHELF.with_borrow_mut(|shelf| {
        let (bucket, _) = shelf.get_or_insert_with(shelf_of_none);
        put(bucket, data);
        match bucket.tail(KEY) {
            Ok(Some(tail)) => {
                let runs = tail.refs().runs.iter().filter(|run| run.object == 0);
                let most = runs.map(|run| run.first + run.count).max();
                assert!(most.unwrap_or(0) <= tail.end().chunks);
                let toc = bucket.tocs(&[&tail]).remove(0);
                toc.as_ref().err().into_iter().for_each(harmless);
            }
            Ok(None) => {}
            Err(error) => harmless(&error),
        }
        if let Err(error) = gathered(bucket) {
            harmless(&error);
        }
    });
}

fn gathered(bucket: &Bucket) -> Result<()> {
    let pacer = Arc::new(Pacer::new(Timetable::default()));
    let wish = Wish {
        keys: vec![KEY.to_owned()],
        span: None,
        range_size: 1 << 20,
        parallel: 2,
        memory: 1 << 24,
        pacer: Arc::clone(&pacer),
    };
    let looked = bucket.look_at(&wish.keys)?;
    let Some(gathered) = bucket.gather(&looked, None, Want::Whole, &pacer)? else {
        return Ok(());
    };
    let mut bytes = Vec::new();
    let emitted = bucket.emit(
        &gathered,
        &wish,
        0,
        &mut |pieces| {
            for piece in pieces {
                bytes.extend_from_slice(piece);
            }
            Ok(())
        },
        &|_| {},
    )?;
    assert_eq!(emitted.size, bytes.len() as u64);
    whole(&bytes).expect("a chunk stream comes out");
    Ok(())
}

fn put(bucket: &Bucket, data: &[u8]) {
    let order = Order {
        overwrite: true,
        allow_empty: true,
        ..Order::of(KEY.to_owned())
    };
    let judge = Box::new(|| Ok(Approval::default()));
    let input = Cursor::new(data.to_vec());
    bucket
        .put(input, &order, &|_| {}, judge)
        .expect("store an object");
}

fn shelf_of_none() -> (Bucket, TempDir) {
    let folder = crate::scratch::folder();
    let at = Where {
        bucket: Some(format!("file://{}", folder.path().join("bucket").display())),
        ..Where::default()
    };
    let bucket = Bucket::open(&at, speaker()).expect("open a bucket");
    bucket.make().expect("make a bucket");
    (bucket, folder)
}
