//! Properties: any bytes, cut in any way, come back, through dumps that refer to dumps that refer to dumps; and a stream
//! that was tampered with never comes out as something else.

mod picked;
mod tampered;

use std::collections::HashMap;
use std::io::{Cursor, Read};

use common::Result;
use common::chunks::{
    Cut, Form, Head, Id, Index, Member, Name, Opened, Place, Reader, Refs, Suffix, Writer, open,
};
use proptest::prelude::*;

use crate::cut::stream;
use crate::join::joined;
use crate::key::Key;
use crate::known::{self, About, Known};
use crate::members::Members;

/// When every dump of these tests is begun.
const STARTED: i64 = 1_790_000_000;

/// A chunk stream, and what a known file says of it once it is stored under `key`.
struct Made {
    bytes: Vec<u8>,
    known: Vec<u8>,
    /// Chunks, and how many are new.
    counts: (usize, u64),
}

/// Cuts `content`; what `base` knows is left out.
fn make(content: &[u8], cut: Cut, base: Option<&Made>, key: &str) -> Made {
    made(content, cut, base, key, None)
}

fn made(
    content: &[u8],
    cut: Cut,
    base: Option<&Made>,
    key: &str,
    members: Option<Members>,
) -> Made {
    let base = base.map(|made| Known::parse(made.known.clone()).unwrap());
    let about = About {
        id: Id::random(),
        key: base.as_ref().map_or(Key([3; 32]), |base| base.about.key),
        cut,
        started: 0,
        grace: 1_000_000,
    };
    let (mut bytes, mut known) = (Vec::new(), Vec::new());
    let input = Cursor::new(content.to_vec());
    let counts = stream(input, &mut bytes, about, base, members, |finished| {
        let (about, mut names, count, chunks) = finished.pending();
        let about = About {
            started: STARTED,
            ..*about
        };
        "file:///here".clone_into(&mut names.place);
        key.clone_into(&mut names.objects[0].key);
        known::write(&mut known, &about, &names, count, chunks).unwrap();
    })
    .unwrap()
    .counts;
    Made {
        bytes,
        known,
        counts,
    }
}

fn reader(bytes: &[u8]) -> Reader<Cursor<Vec<u8>>> {
    match open(Cursor::new(bytes.to_vec())).unwrap() {
        Opened::Chunks(reader) => reader,
        Opened::Other(_) => panic!("it is no chunk stream"),
    }
}

/// Everything that comes out, and how it ends.
fn join(bytes: &[u8]) -> (Vec<u8>, Result<()>) {
    let mut content = Vec::new();
    let outcome = (|| {
        let Opened::Chunks(reader) = open(Cursor::new(bytes.to_vec()))? else {
            return Err(crate::join::refuse("it is none"));
        };
        let mut chunks = joined(reader)?;
        while let Some(chunk) = chunks.next()? {
            content.extend_from_slice(&chunk);
        }
        Ok(())
    })();
    (content, outcome)
}

fn come_back(bytes: &[u8], content: &[u8]) {
    let (out, outcome) = join(bytes);
    assert_eq!(outcome, Ok(()));
    assert!(out == content);
}

/// What a stream holds, member by member.
fn members(bytes: &[u8]) -> (Head, Vec<(Name, Vec<u8>)>) {
    let mut reader = reader(bytes);
    let mut members = Vec::new();
    while let Some(member) = reader.next().unwrap() {
        members.push((member.name, reader.content(u64::MAX).unwrap()));
    }
    (reader.head(), members)
}

/// A stream of these members, in whatever order.
fn written(head: Head, members: &[(Name, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = head.encode().to_vec();
    for (name, content) in members {
        bytes.extend(Member::plain(*name, content.len() as u64).header());
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// Stored dumps, by their keys: what a fetcher does, in memory.
#[derive(Default)]
struct Store(HashMap<String, (Id, Vec<Vec<u8>>)>);

impl Store {
    fn put(&mut self, key: &str, bytes: &[u8]) {
        let (head, members) = members(bytes);
        let chunks = members
            .into_iter()
            .filter_map(|(name, content)| matches!(name, Name::Chunk { .. }).then_some(content));
        self.0.insert(key.to_owned(), (head.id, chunks.collect()));
    }

    /// The form `whole` of a stream, from its refs alone, and not from dumps other than those named there.
    fn whole(&self, bytes: &[u8]) -> Vec<u8> {
        let (head, members) = members(bytes);
        let text = |wanted| &members.iter().find(|(name, _)| *name == wanted).unwrap().1;
        let refs = Refs::read(&text(Name::Refs)[..]).unwrap();
        let own: Vec<&Vec<u8>> = members
            .iter()
            .filter(|(name, _)| matches!(name, Name::Chunk { .. }))
            .map(|(_, content)| content)
            .collect();
        let head = Head {
            form: Form::Whole,
            ..head
        };
        let mut writer = Writer::new(Vec::new(), &head).unwrap();
        writer
            .member(Name::Index, Suffix::PLAIN, text(Name::Index))
            .unwrap();
        for Place { object, number } in refs.places() {
            let at = usize::try_from(number).unwrap();
            let chunk = match object {
                0 => own[at],
                _ => {
                    let object = &refs.objects()[object as usize - 1];
                    let (id, chunks) = &self.0[&object.key];
                    assert_eq!(*id, object.id);
                    &chunks[at]
                }
            };
            writer
                .member(Name::Chunk { object, number }, Suffix::PLAIN, chunk)
                .unwrap();
        }
        writer.finish().unwrap()
    }
}

/// Bytes of which parts repeat, and parts don't.
fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// What somebody does to a file between two backups.
#[derive(Clone, Debug)]
struct Change {
    at: prop::sample::Index,
    removed: usize,
    added: usize,
    seed: u64,
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let begin = self.at.index(bytes.len() + 1);
        let end = bytes.len().min(begin + self.removed);
        bytes.splice(begin..end, content(self.seed, self.added));
    }
}

fn change() -> impl Strategy<Value = Change> {
    (
        any::<prop::sample::Index>(),
        0..20_000usize,
        0..20_000usize,
        0..4u64,
    )
        .prop_map(|(at, removed, added, seed)| Change {
            at,
            removed,
            added,
            seed,
        })
}

fn any_cut() -> impl Strategy<Value = Cut> {
    prop_oneof![
        (256..20_000u64).prop_map(Cut::Average),
        (1..30_000u64).prop_map(Cut::Fixed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_bytes_come_back(cut in any_cut(), seed: u64, length in 0..300_000usize, zeros in 0..50_000usize) {
        let content = [content(seed, length), vec![0; zeros], content(seed, length / 3)].concat();
        // A chunk a byte takes too long.
        let cut = if let Cut::Fixed(size) = cut { Cut::Fixed(size.max(content.len() as u64 / 2000 + 1)) } else { cut };
        let made = make(&content, cut, None, "a");
        come_back(&made.bytes, &content);
        let mut store = Store::default();
        store.put("a", &made.bytes);
        come_back(&store.whole(&made.bytes), &content);
    }

    #[test]
    fn dumps_refer_to_dumps_that_refer_to_dumps(
        cut in (256..9000u64).prop_map(Cut::Average),
        length in 0..200_000usize,
        changes in prop::collection::vec((prop::collection::vec(change(), 0..3), any::<prop::sample::Index>()), 1..5),
    ) {
        let mut now = content(0, length);
        let mut store = Store::default();
        let mut dumps = vec![make(&now, cut, None, "dump 0")];
        store.put("dump 0", &dumps[0].bytes);
        for (number, (edits, base)) in changes.iter().enumerate() {
            edits.iter().for_each(|change| change.apply(&mut now));
            let key = format!("dump {}", number + 1);
            // Not always the newest: whoever lost a receipt still has the one before.
            let base = &dumps[base.index(dumps.len())];
            let made = make(&now, cut, Some(base), &key);
            come_back(&store.whole(&made.bytes), &now);
            store.put(&key, &made.bytes);
            dumps.push(made);
        }
    }
}

#[test]
fn what_is_known_is_not_stored_again() {
    let before = content(1, 1_000_000);
    let cut = Cut::Average(4096);
    let first = make(&before, cut, None, "first");
    let (chunks, fresh) = first.counts;
    assert_eq!(fresh, chunks as u64);
    let mut after = before.clone();
    after.splice(500_000..500_000, *b"inserted");
    let second = make(&after, cut, Some(&first), "second");
    assert!(second.counts.1 < 10, "{:?}", second.counts);
    // Unchanged: nothing is new, and where chunks lie is known from the second alone.
    let third = make(&after, cut, Some(&second), "third");
    assert_eq!(third.counts.1, 0);
    let (_, members) = members(&third.bytes);
    let names: Vec<Name> = members.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, [Name::Index, Name::Refs]);
    let refs = Refs::read(&members[1].1[..]).unwrap();
    let keys: Vec<&str> = refs
        .objects()
        .iter()
        .map(|object| &object.key[..])
        .collect();
    assert_eq!(keys, ["first", "second"]);
    let bond = refs.bond.unwrap();
    assert_eq!(
        (&bond.place[..], bond.until),
        ("file:///here", STARTED + 1_000_000 - 3600)
    );
    // What is no longer needed is no longer named.
    let fourth = make(&after[..400_000], cut, Some(&third), "fourth");
    let known = Known::parse(fourth.known).unwrap();
    let keys: Vec<&str> = known
        .names
        .objects
        .iter()
        .map(|object| &object.key[..])
        .collect();
    assert_eq!(keys, ["fourth", "first"]);
}

#[test]
fn what_repeats_is_stored_once() {
    let block = content(2, 5000);
    let made = make(&block.repeat(50), Cut::Fixed(5000), None, "a");
    assert_eq!(made.counts, (50, 1));
    come_back(&made.bytes, &block.repeat(50));
    let (_, members) = members(&made.bytes);
    let refs = Refs::read(&members[2].1[..]).unwrap();
    assert_eq!((refs.runs.len(), refs.runs[0].times), (1, 50));
    assert!(refs.bond.is_none());
}

#[test]
fn nothing_is_a_stream_too() {
    let made = make(b"", Cut::Average(1 << 20), None, "a");
    assert_eq!(made.counts, (0, 0));
    come_back(&made.bytes, b"");
    assert_eq!(Known::parse(made.known).unwrap().count(), 0);
}

#[test]
fn the_index_says_what_is_in_it() {
    let content = content(7, 100_000);
    let made = make(&content, Cut::Average(4096), None, "a");
    let (head, members) = members(&made.bytes);
    let index = Index::read(&members[members.len() - 2].1[..]).unwrap();
    assert_eq!(index.id, head.id);
    assert_eq!(index.length, 100_000);
    let mut at = 0;
    for entry in &index.chunks {
        let chunk = &content[at..at + entry.length as usize];
        assert_eq!(
            entry.hash,
            *blake3::keyed_hash(&index.key, chunk).as_bytes()
        );
        at += chunk.len();
    }
    // Whoever reads slowly, and in small portions, gets the same.
    let mut again = Vec::new();
    let mut slow = made.bytes.chunks(997).fold(
        Box::new(std::io::empty()) as Box<dyn Read + Send>,
        |before, part| Box::new(before.chain(Cursor::new(part.to_vec()))),
    );
    slow.read_to_end(&mut again).unwrap();
    assert_eq!(again, made.bytes);
}
