//! Whole streams, parts and tails, out of a bucket on a directory.

use std::sync::Arc;

use bytes::Bytes;

use super::shelf::{Recipe, Shelf};
use super::{Emitted, Gathered, Want};
use crate::bucket::continued::CHUNKS;
use crate::bucket::get::Wish;
use crate::chunks::{Brought, Form, Member, Name, Opened, Place, Suffix, open};
use crate::error::Result;
use crate::rate::{Pacer, Timetable};

const KEY: &str = "h:home:0:2026-11-20";
const OLD: &str = "h:home:0:2026-11-01";
const OLDER: &str = "h:home:0:2026-10-01";

fn wish(range_size: u64, memory: u64) -> Wish {
    Wish {
        keys: Vec::new(),
        span: None,
        range_size,
        parallel: 3,
        memory,
        pacer: Arc::new(Pacer::new(Timetable::default())),
    }
}

fn gather(shelf: &Shelf, key: &str, want: Want) -> Result<Gathered> {
    let looked = shelf.bucket.look_at(&[key.to_owned()]).unwrap();
    let id = looked.says_chunks()?;
    let gathered = shelf
        .bucket
        .gather(&looked, id, want, &Pacer::new(Timetable::default()))?;
    Ok(gathered.expect("a chunk stream"))
}

fn emit(shelf: &Shelf, gathered: &Gathered, wish: &Wish) -> Result<(Emitted, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut sink = |pieces: &[Bytes]| {
        bytes.extend(pieces.concat());
        Ok(())
    };
    let emitted = shelf
        .bucket
        .emit(gathered, wish, 1 << 18, &mut sink, &|_| {})?;
    assert_eq!(emitted.size, bytes.len() as u64);
    assert_eq!(gathered.size(), emitted.size);
    Ok((emitted, bytes))
}

/// The members of a chunk stream, which must be a good one of this form.
fn members(bytes: &[u8], form: Form) -> Vec<(Member, Vec<u8>)> {
    let Ok(Opened::Chunks(mut reader)) = open(bytes) else {
        panic!("it is no chunk stream");
    };
    assert_eq!(reader.head().form, form);
    let mut members = Vec::new();
    while let Some(member) = reader.next().unwrap() {
        members.push((member, reader.content(1 << 30).unwrap()));
    }
    members
}

/// Three dumps: the newest needs both others, and repeats itself.
struct Three {
    shelf: Shelf,
    recipes: [Recipe; 3],
    places: Vec<(u32, u64)>,
}

fn three() -> Three {
    let chunk = |seed: u8, length: usize| vec![seed; length];
    let older: Vec<Vec<u8>> = (0..20).map(|n| chunk(n, 300 * usize::from(n))).collect();
    let old: Vec<Vec<u8>> = (0..5).map(|n| chunk(100 + n, 70_000)).collect();
    let new: Vec<Vec<u8>> = (0..7)
        .map(|n| chunk(200 + n, 5000 + usize::from(n)))
        .collect();
    let slices = |chunks: &[Vec<u8>]| -> Vec<Vec<u8>> { chunks.to_vec() };
    let mut places = vec![
        (2, 3),
        (2, 4),
        (0, 0),
        (2, 5),
        (1, 2),
        (0, 1),
        (0, 2),
        (0, 0),
        (2, 19),
    ];
    places.extend([(1, 4); 9]);
    places.extend([
        (0, 3),
        (0, 4),
        (2, 3),
        (0, 5),
        (0, 6),
        (2, 0),
        (0, 6),
        (0, 6),
    ]);
    let of = |id, chunks: &[Vec<u8>]| {
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        Recipe::of(id, &chunks)
    };
    let refs: Vec<&[u8]> = new.iter().map(Vec::as_slice).collect();
    let recipes = [
        Recipe::needing(1, &refs, &[(2, OLD), (3, OLDER)], &places),
        of(2, &slices(&old)),
        of(3, &slices(&older)),
    ];
    let shelf = Shelf::new();
    for (key, recipe) in [KEY, OLD, OLDER].into_iter().zip(&recipes) {
        shelf.put(key, &recipe.object());
    }
    Three {
        shelf,
        recipes,
        places,
    }
}

impl Three {
    fn expected(&self, places: &[(u32, u64)]) -> Vec<(Member, Vec<u8>)> {
        places
            .iter()
            .map(|&(object, number)| {
                let chunk = &self.recipes[object as usize].chunks[usize::try_from(number).unwrap()];
                let member = Member {
                    name: Name::Chunk { object, number },
                    suffix: Recipe::suffix(number),
                    size: chunk.len() as u64,
                };
                (member, chunk.clone())
            })
            .collect()
    }

    fn index(&self) -> (Member, Vec<u8>) {
        let content = self.recipes[0].index.clone();
        let member = Member {
            name: Name::Index,
            suffix: Recipe::suffix(0),
            size: content.len() as u64,
        };
        (member, content)
    }
}

#[test]
fn a_stream_comes_whole_from_all_that_it_needs() {
    let three = three();
    let mut expected = vec![three.index()];
    expected.extend(three.expected(&three.places));
    let gathered = gather(&three.shelf, KEY, Want::Whole).unwrap();
    for (size, memory) in [
        (1 << 16, 1 << 18),
        (512, 512),
        (1 << 10, 1 << 12),
        (8 << 20, 256 << 20),
        (4000, 9000),
    ] {
        let (emitted, bytes) = emit(&three.shelf, &gathered, &wish(size, memory)).unwrap();
        assert_eq!(members(&bytes, Form::Whole), expected, "{size} {memory}");
        assert!(emitted.proven, "{size} {memory}");
    }
    let readings = gathered.readings(&wish(8 << 20, 256 << 20), 1 << 18);
    let told: Vec<(&str, u64)> = readings
        .iter()
        .map(|reading| (reading.key.as_str(), reading.requests))
        .collect();
    assert_eq!(told, [(KEY, 2), (OLD, 1), (OLDER, 1)]);
}

#[test]
fn parts_of_a_stream() {
    let three = three();
    for text in ["0", "25", "3-6,9-12,25", "0-25"] {
        let gathered = gather(&three.shelf, KEY, Want::Part(text.parse().unwrap())).unwrap();
        let (_, bytes) = emit(&three.shelf, &gathered, &wish(1 << 20, 1 << 22)).unwrap();
        let wanted: Vec<(u32, u64)> = (0..)
            .zip(&three.places)
            .filter(|(at, _)| {
                text.split(',').any(|range| {
                    let (first, last) = range.split_once('-').unwrap_or((range, range));
                    (first.parse().unwrap()..=last.parse::<u32>().unwrap()).contains(at)
                })
            })
            .map(|(_, place)| *place)
            .collect();
        assert_eq!(
            members(&bytes, Form::Part),
            three.expected(&wanted),
            "{text}"
        );
    }
    let refused = gather(&three.shelf, KEY, Want::Part("26".parse().unwrap())).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("could not read {KEY}: it has only 26 chunks")
    );
    // What isn't wanted need not be there.
    three.shelf.bucket.delete(&[OLD.to_owned()]).unwrap();
    gather(&three.shelf, KEY, Want::Part("0-2".parse().unwrap())).unwrap();
    gather(&three.shelf, KEY, Want::Tail).unwrap();
    let refused = gather(&three.shelf, KEY, Want::Whole).unwrap_err();
    let place = three.shelf.bucket.place();
    assert_eq!(
        refused.to_string(),
        format!("could not read {KEY}: it needs {OLD}, which is not in {place}")
    );
}

#[test]
fn a_repacked_stream_comes_as_before() {
    let three = three();
    let bucket = &three.shelf.bucket;
    let all = |want: Want| {
        let gathered = gather(&three.shelf, KEY, want).unwrap();
        emit(&three.shelf, &gathered, &wish(1 << 16, 1 << 18)).unwrap()
    };
    let part = || Want::Part("3-6,9-12,25".parse().unwrap());
    let (whole, some) = (all(Want::Whole), all(part()));
    let repack = bucket.look_to_repack(KEY).unwrap();
    let told: Vec<(String, u64)> = repack
        .readings()
        .into_iter()
        .map(|reading| (reading.key, reading.requests))
        .collect();
    assert_eq!(told, [(OLD.to_owned(), 1), (OLDER.to_owned(), 1)]);
    let stored = bucket.repack(&repack, &|_| {}).unwrap();
    assert_eq!(stored.size, repack.size());
    let keys = [OLD, OLDER].map(str::to_owned);
    bucket.delete(&keys).unwrap();
    assert_eq!(all(Want::Whole), whole);
    assert!(whole.0.proven);
    assert_eq!(all(part()), some);

    // Stored as it lies, it has each chunk once: its own first, then the others in the order of the stream.
    let looked = bucket.look_at(&[KEY.to_owned()]).unwrap();
    assert_eq!(looked.size(), stored.size);
    let tail = bucket.tail(KEY).unwrap().unwrap();
    assert_eq!(tail.end().chunks, 7 + 7);
    assert!(tail.refs().objects().is_empty());
    let brought = tail.refs().brought.clone().unwrap();
    let places = [(2, 3), (2, 4), (2, 5), (1, 2), (2, 19), (1, 4), (2, 0)];
    for (at, (object, number)) in (7..).zip(places) {
        assert_eq!(brought.was_at(at), Some(Place { object, number }));
    }
    assert_eq!(brought.was_at(6), None);

    // It can't be done twice, nor to what another took the place of.
    let Err(nothing) = bucket.look_to_repack(KEY) else {
        panic!("it needs nothing");
    };
    assert_eq!(nothing.class(), crate::error::Class::Nothing);
    let refused = bucket.repack(&repack, &|_| {}).unwrap_err();
    assert_eq!(refused.class(), crate::error::Class::Permanent);
    assert_eq!(bucket.tail(KEY).unwrap().unwrap().size(), stored.size);
}

/// Refs that say that more was brought than there is.
#[test]
fn what_was_not_brought_is_refused() {
    let shelf = Shelf::new();
    let places = [(0, 0), (1, 0), (1, 1)];
    let mut recipe = Recipe::needing(1, &[b"own", b"brought"], &[(2, OLD)], &places);
    let was = recipe.refs.objects().to_vec();
    recipe.refs.bond = None;
    recipe.refs.brought = Some(Brought::of(&recipe.refs.runs, 1, was));
    shelf.put(KEY, &recipe.object());
    let looked = shelf.bucket.look_at(&[KEY.to_owned()]).unwrap();
    let pacer = Pacer::new(Timetable::default());
    let refused = shelf.bucket.gather(&looked, None, Want::Whole, &pacer);
    assert_eq!(
        refused.unwrap_err().to_string(),
        format!("could not read {KEY}: its refs are those of another stream")
    );
}

#[test]
fn the_tail_of_a_stream() {
    let shelf = Shelf::new();
    let mut recipe = Recipe::of(1, &[b"one", b"two"]);
    recipe.files = Some(b"a list of files".to_vec());
    shelf.put(KEY, &recipe.object());
    let gathered = gather(&shelf, KEY, Want::Tail).unwrap();
    let (_, bytes) = emit(&shelf, &gathered, &wish(1 << 20, 1 << 22)).unwrap();
    let members = members(&bytes, Form::Tail);
    let names: Vec<String> = members
        .iter()
        .map(|(member, _)| member.to_string())
        .collect();
    assert_eq!(names, ["index.age", "files.age", "refs"]);
    assert_eq!(members[1].1, b"a list of files");
    assert_eq!(
        members[0].0.suffix,
        Suffix {
            age: true,
            ..Suffix::PLAIN
        }
    );
}

#[test]
fn a_stream_of_nothing() {
    let shelf = Shelf::new();
    shelf.put(KEY, &Recipe::of(1, &[]).object());
    let gathered = gather(&shelf, KEY, Want::Whole).unwrap();
    let (emitted, bytes) = emit(&shelf, &gathered, &wish(1 << 20, 1 << 22)).unwrap();
    assert_eq!(members(&bytes, Form::Whole).len(), 1);
    assert!(emitted.proven);
}

#[test]
fn what_is_not_what_it_should_be_is_refused() {
    let three = three();
    let refused = |what: &str, bytes: &[u8], key: &str| {
        three.shelf.put(key, bytes);
        let outcome = gather(&three.shelf, KEY, Want::Whole)
            .and_then(|gathered| emit(&three.shelf, &gathered, &wish(1 << 16, 1 << 20)));
        let said = outcome.map(|(emitted, _)| emitted).unwrap_err().to_string();
        let [new, old, older] = &three.recipes;
        for (key, recipe) in [(KEY, new), (OLD, old), (OLDER, older)] {
            three.shelf.put(key, &recipe.object());
        }
        assert_eq!(said, format!("could not read {what}"));
    };
    let other = Recipe::of(9, &[[0; 70_000].as_slice(); 5]).object();
    refused(
        &format!("{KEY}: it needs {OLD}, and what is there is another dump than the one needed"),
        &other,
        OLD,
    );
    refused(
        &format!("{KEY}: it needs {OLD}, and what is there is no chunk stream"),
        &[0; 4096],
        OLD,
    );
    refused(
        &format!("{KEY}: it needs 5 chunks of {OLD}, which has 3"),
        &Recipe::of(2, &[b"a", b"b", b"c"]).object(),
        OLD,
    );
    // A chunk that isn't where the toc says.
    let mut moved = three.recipes[1].object();
    let at = moved
        .windows(12)
        .position(|bytes| bytes == b"c/0000000002")
        .unwrap();
    moved[at..at + 512].fill(0);
    refused(
        &format!("{OLD}: c/0000000002 is not where its toc says"),
        &moved,
        OLD,
    );
    // Another beginning.
    let mut bytes = three.recipes[0].object();
    bytes[..1024].copy_from_slice(&other[..1024]);
    refused(
        &format!("{KEY}: it begins otherwise than it ends"),
        &bytes,
        KEY,
    );
    // Another index.
    let (mut bytes, index) = (three.recipes[0].object(), b"index.age");
    let at = bytes
        .windows(index.len())
        .position(|bytes| bytes == index)
        .unwrap();
    bytes[at] = b'I';
    refused(
        &format!("{KEY}: there is no index where its end says"),
        &bytes,
        KEY,
    );
    assert!(gather(&three.shelf, KEY, Want::Whole).is_ok());
}

#[test]
fn what_the_metadata_says_must_be_so() {
    let shelf = Shelf::new();
    let (one, other) = ("01".repeat(16), "02".repeat(16));
    let object = Recipe::of(1, &[b"one"]).object();
    shelf.put_as(KEY, &object, "STANDARD", &[(CHUNKS, &one)]);
    assert!(gather(&shelf, KEY, Want::Whole).is_ok());
    for (bytes, says, why) in [
        (
            object.as_slice(),
            other.as_str(),
            "it ends as another chunk stream than it is said to be",
        ),
        (
            &object[..object.len() - 512],
            &one,
            "it is said to be a chunk stream, and does not end as one",
        ),
        (
            &object,
            "x",
            "its metadata names a chunk stream by what is no id",
        ),
    ] {
        shelf.put_as(KEY, bytes, "STANDARD", &[(CHUNKS, says)]);
        let said = gather(&shelf, KEY, Want::Whole).unwrap_err().to_string();
        assert_eq!(said, format!("could not read {KEY}: {why}"));
    }
}

#[test]
fn a_copy_of_a_tail_is_no_dump() {
    let shelf = Shelf::new();
    let tail = Recipe::of(1, &[b"one"]).build().1;
    shelf.put("KEY.tail", &tail);
    assert!(shelf.bucket.tail("KEY.tail").unwrap().is_none());
}

#[test]
fn what_is_archived_is_told_before_anything_is_written() {
    let three = three();
    let (whole, tail) = three.recipes[1].build();
    three.shelf.put_as(OLD, &whole, "GLACIER", &[]);
    three.shelf.put(&format!("{OLD}.tail"), &tail);
    let gathered = gather(&three.shelf, KEY, Want::Whole).unwrap();
    assert_eq!(
        gathered.is_readable().unwrap_err().to_string(),
        format!("could not read {KEY}: {OLD} is in an archive")
    );
    let part = gather(&three.shelf, KEY, Want::Part("0-3".parse().unwrap())).unwrap();
    part.is_readable().unwrap();
    assert_eq!(
        emit(&three.shelf, &part, &wish(1 << 20, 1 << 22))
            .unwrap()
            .0
            .size,
        part.size()
    );
}

#[test]
fn what_was_replaced_meanwhile_is_not_mixed_in() {
    let three = three();
    for (number, key) in [KEY, OLD, OLDER].into_iter().enumerate() {
        let gathered = gather(&three.shelf, KEY, Want::Whole).unwrap();
        // The same chunks of another moment: another ETag, and nothing else that could be noticed.
        let mut bytes = three.recipes[number].object();
        bytes[1024 + 512] ^= 1;
        three.shelf.put(key, &bytes);
        let refused = emit(&three.shelf, &gathered, &wish(1 << 16, 1 << 20)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("could not read {key}: it was replaced while it was being read")
        );
    }
}

#[test]
fn keys_are_seen_from_where_we_stand() {
    let at = |url: &str| {
        let at = crate::args::Where {
            bucket: Some(url.to_owned()),
            region: Some("x".to_owned()),
            endpoint: Some("http://127.0.0.1:1".to_owned()),
            ..crate::args::Where::default()
        };
        let speaker = crate::run::Streams::standard("test", crate::args::Voice::default()).voice();
        crate::bucket::Bucket::open(&at, speaker).unwrap()
    };
    for (here, place, seen) in [
        ("s3://b/daily", "s3://b/daily", "k"),
        ("s3://b", "s3://b/daily", "daily/k"),
        ("s3://b/daily", "s3://b", "k"),
        ("s3://b/daily", "s3://other/weekly", "k"),
        ("s3://b", "file:///backups", "k"),
        ("s3://b", "nonsense", "k"),
    ] {
        assert_eq!(at(here).key_here(place, "k"), seen, "{here} {place}");
    }
}
