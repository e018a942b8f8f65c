//! The known file (doc/format/known-file.md): the chunks of a dump and where they lie.
//!
//! Promised: what was read is what was written, or an error; a chunk that is found has the hash that was asked for;
//! reading takes one buffer of the size of the file, whatever is in it. What is damaged or none of ours is refused.
//! Whether what it says may be used, now, is not asked here.

use std::io::Write;

use common::chunks::{Cut, Entry, Id, LONGEST, Object};
use common::error::{Doing, Error, Result};

use crate::key::{Hash, Key};

const MAGIC: &[u8; 16] = b"s3pipes-known/1\n";
/// Bytes before the first chunk.
const HEADER: usize = 128;
/// Bytes of a chunk.
const RECORD: usize = 48;
/// Bytes of the hash at the end.
const SEAL: usize = 32;

/// What a known file says of its dump.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct About {
    /// Of the chunk stream.
    pub id: Id,
    /// Of its hashes and cuts.
    pub key: Key,
    /// How it was cut.
    pub cut: Cut,
    /// When it was begun, in seconds since 1970; 0 in a pending file.
    pub started: i64,
    /// Seconds.
    pub grace: u64,
}

/// The objects that chunks lie in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Names {
    /// Where they are. Empty if that isn't known yet.
    pub place: String,
    /// The dump itself, then those that it refers to.
    pub objects: Vec<Object>,
}

/// A known file, in memory as it is on disk.
pub struct Known {
    bytes: Vec<u8>,
    /// Of the dump.
    pub about: About,
    /// Of the objects.
    pub names: Names,
    count: usize,
}

impl Known {
    /// Understands the content of a file.
    ///
    /// # Errors
    /// If it is no known file, of another format, or damaged.
    pub fn parse(bytes: Vec<u8>) -> Result<Self> {
        if bytes.starts_with(b"s3pipes-known/") && !bytes.starts_with(MAGIC) {
            return Err(flaw("its format is not the one that this program knows"));
        }
        if !bytes.starts_with(MAGIC) {
            return Err(flaw("it is no known file"));
        }
        let (about, names, count) = understood(&bytes).ok_or_else(|| flaw("it is damaged"))?;
        let known = Self {
            bytes,
            about,
            names,
            count,
        };
        if known.is_sound() {
            Ok(known)
        } else {
            Err(flaw("it is damaged"))
        }
    }

    /// Chunks in it.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// All chunks, sorted by hash.
    pub fn chunks(&self) -> impl Iterator<Item = Entry> + '_ {
        self.records().iter().map(entry)
    }

    /// The chunk with this hash.
    #[must_use]
    pub fn find(&self, hash: &Hash) -> Option<Entry> {
        let records = self.records();
        // Hashes are spread evenly, so where one is can be told well from its beginning.
        let guess = (u128::from(beginning(hash)) * records.len() as u128) >> 64;
        let guess = usize::try_from(guess).unwrap_or(0);
        let (mut low, mut high, mut step) = (guess, guess, 8);
        while low > 0 && records[low][..32] > hash[..] {
            low = low.saturating_sub(step);
            step *= 2;
        }
        step = 8;
        while high < records.len() && records[high][..32] <= hash[..] {
            high = (high + step).min(records.len());
            step *= 2;
        }
        let between = records.get(low..high)?;
        let at = between
            .binary_search_by(|record| record[..32].cmp(hash))
            .ok()?;
        Some(entry(&between[at]))
    }

    /// The lines of hashes are in order, none twice, and each chunk is in an object that has a name.
    fn is_sound(&self) -> bool {
        let fits = |record: &[u8; RECORD]| {
            let entry = entry(record);
            (1..=LONGEST).contains(&u64::from(entry.length))
                && usize::try_from(entry.object).is_ok_and(|n| n < self.names.objects.len())
        };
        self.records().iter().all(fits)
            && self
                .records()
                .is_sorted_by(|one, next| one[..32] < next[..32])
    }

    fn records(&self) -> &[[u8; RECORD]] {
        let bytes = &self.bytes[HEADER..HEADER + RECORD * self.count];
        bytes.as_chunks().0
    }
}

/// Names no file: whoever read it does.
fn flaw(what: &str) -> Error {
    Error::permanent("read the known file", what)
}

fn understood(bytes: &[u8]) -> Option<(About, Names, usize)> {
    let (content, seal) = bytes.split_last_chunk::<SEAL>()?;
    let (header, rest) = content.split_first_chunk::<HEADER>()?;
    let number = |at: usize| Some(u64::from_le_bytes(*header.get(at..)?.first_chunk()?));
    let cut = match (number(64)?, number(72)?) {
        (average, 0) if average > 0 => Cut::Average(average),
        (0, size) if size > 0 => Cut::Fixed(size),
        _ => return None,
    };
    let count = usize::try_from(number(96)?).ok()?;
    let (records, names) = rest.split_at_checked(count.checked_mul(RECORD)?)?;
    if names.len() as u64 != number(104)? || header[112..].iter().any(|byte| *byte != 0) {
        return None;
    }
    debug_assert_eq!(records.len(), count * RECORD);
    if blake3::hash(content) != *seal {
        return None;
    }
    let about = About {
        id: Id(*header.get(16..)?.first_chunk()?),
        key: Key(*header.get(32..)?.first_chunk()?),
        cut,
        started: i64::try_from(number(80)?).ok()?,
        grace: number(88)?,
    };
    let names = parse_names(std::str::from_utf8(names).ok()?)?;
    (names.objects.first()?.id == about.id).then_some((about, names, count))
}

fn parse_names(text: &str) -> Option<Names> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let place = lines.next()?.strip_prefix("place ")?.to_owned();
    let objects = lines.map(|line| {
        let (id, key) = line.split_once(' ')?;
        Some(Object {
            id: id.parse().ok()?,
            key: key.to_owned(),
        })
    });
    Some(Names {
        place,
        objects: objects.collect::<Option<_>>()?,
    })
}

fn beginning(hash: &[u8]) -> u64 {
    hash.first_chunk()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

fn entry(record: &[u8; RECORD]) -> Entry {
    let part = |at: usize| record[at..].first_chunk();
    let half = |at: usize| record[at..].first_chunk();
    Entry {
        hash: record.first_chunk().copied().unwrap_or_default(),
        number: part(32).map_or(0, |bytes| u64::from_le_bytes(*bytes)),
        object: half(40).map_or(0, |bytes| u32::from_le_bytes(*bytes)),
        length: half(44).map_or(0, |bytes| u32::from_le_bytes(*bytes)),
    }
}

/// Writes a known file. `chunks` are as many as `count` says, sorted by hash, each once.
///
/// # Errors
/// If `to` fails.
pub fn write(
    to: impl Write,
    about: &About,
    names: &Names,
    count: usize,
    chunks: impl Iterator<Item = Entry>,
) -> Result<()> {
    let mut to = Sealing {
        to,
        hasher: blake3::Hasher::new(),
    };
    let mut text = format!("place {}\n", names.place);
    for object in &names.objects {
        text.push_str(&format!("{} {}\n", object.id, object.key));
    }
    let (average, fixed) = match about.cut {
        Cut::Average(bytes) => (bytes, 0),
        Cut::Fixed(bytes) => (0, bytes),
    };
    to.add(MAGIC)?;
    to.add(&about.id.0)?;
    to.add(&about.key.0)?;
    for number in [
        average,
        fixed,
        about.started.unsigned_abs(),
        about.grace,
        count as u64,
        text.len() as u64,
        0,
        0,
    ] {
        to.add(&number.to_le_bytes())?;
    }
    for chunk in chunks {
        let mut record = [0; RECORD];
        record[..32].copy_from_slice(&chunk.hash);
        record[32..40].copy_from_slice(&chunk.number.to_le_bytes());
        record[40..44].copy_from_slice(&chunk.object.to_le_bytes());
        record[44..].copy_from_slice(&chunk.length.to_le_bytes());
        to.add(&record)?;
    }
    to.add(text.as_bytes())?;
    let seal = to.hasher.finalize();
    to.add(seal.as_bytes())
}

/// Writes, and hashes what was written.
struct Sealing<W> {
    to: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Sealing<W> {
    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.to.write_all(bytes).doing("write the known file")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn about() -> About {
        About {
            id: Id([1; 16]),
            key: Key([2; 32]),
            cut: Cut::Average(4096),
            started: 1_790_000_000,
            grace: 2_592_000,
        }
    }

    fn names() -> Names {
        let object = |id, key: &str| Object {
            id: Id([id; 16]),
            key: key.to_owned(),
        };
        Names {
            place: "s3://bucket/a place".to_owned(),
            objects: vec![object(1, "h:home:1:2026-11-21"), object(7, "two words")],
        }
    }

    /// Chunks whose hashes begin with these numbers.
    fn chunks(beginnings: &[u64]) -> Vec<Entry> {
        let mut chunks: Vec<Entry> = (0..)
            .zip(beginnings)
            .map(|(number, beginning)| {
                let mut hash = [0x55; 32];
                hash[..8].copy_from_slice(&beginning.to_be_bytes());
                Entry {
                    hash,
                    length: 1 + (*beginning % 1000) as u32,
                    object: (beginning % 2) as u32,
                    number,
                }
            })
            .collect();
        chunks.sort_unstable_by_key(|chunk| chunk.hash);
        chunks.dedup_by_key(|chunk| chunk.hash);
        chunks
    }

    fn file(chunks: &[Entry]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(
            &mut bytes,
            &about(),
            &names(),
            chunks.len(),
            chunks.iter().copied(),
        )
        .unwrap();
        bytes
    }

    /// The same file with other bytes and a hash that fits.
    fn resealed(mut bytes: Vec<u8>, edit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        bytes.truncate(bytes.len() - SEAL);
        edit(&mut bytes);
        let seal = blake3::hash(&bytes);
        bytes.extend(seal.as_bytes());
        bytes
    }

    proptest! {
        #[test]
        fn what_was_written_is_found(
            beginnings in prop::collection::vec(prop_oneof![any::<u64>(), 0..300u64, u64::MAX - 300..], 0..600),
            others in prop::collection::vec(any::<u64>(), 0..50),
        ) {
            let chunks = chunks(&beginnings);
            let known = Known::parse(file(&chunks)).unwrap();
            prop_assert!(known.about == about());
            prop_assert_eq!(&known.names, &names());
            prop_assert_eq!(known.count(), chunks.len());
            prop_assert_eq!(known.chunks().collect::<Vec<_>>(), chunks.clone());
            for chunk in &chunks {
                prop_assert_eq!(known.find(&chunk.hash), Some(*chunk));
                let mut near = chunk.hash;
                near[31] ^= 1;
                prop_assert_eq!(known.find(&near), None);
            }
            for other in others {
                let mut hash = [0x55; 32];
                hash[..8].copy_from_slice(&other.to_be_bytes());
                let there = chunks.iter().find(|chunk| chunk.hash == hash).copied();
                prop_assert_eq!(known.find(&hash), there);
            }
        }

        #[test]
        fn a_changed_byte_is_noticed(at: prop::sample::Index, bit in 0..8u8) {
            let mut bytes = file(&chunks(&[1, 2, 3, u64::MAX]));
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(Known::parse(bytes).is_err());
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = [&MAGIC[..], &bytes].concat();
            prop_assert!(Known::parse(bytes.clone()).is_err());
            bytes = resealed([bytes, vec![0; SEAL]].concat(), |_| {});
            let _ = Known::parse(bytes);
        }
    }

    #[test]
    fn what_is_cut_off_is_noticed() {
        let bytes = file(&chunks(&[1, 2, 3]));
        for length in 0..bytes.len() {
            assert!(Known::parse(bytes[..length].to_vec()).is_err(), "{length}");
        }
        assert!(Known::parse([&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused_even_if_its_hash_fits() {
        let good = file(&chunks(&[1, 2, 3]));
        assert!(Known::parse(resealed(good.clone(), |_| {})).is_ok());
        let record = |n: usize| HEADER + n * RECORD;
        type Edit = Box<dyn FnOnce(&mut Vec<u8>)>;
        let edits: [(&str, Edit); 9] = [
            (
                "out of order",
                Box::new(move |b| b.copy_within(record(2)..record(3), record(0))),
            ),
            (
                "twice",
                Box::new(move |b| b.copy_within(record(0)..record(1), record(1))),
            ),
            ("no such object", Box::new(move |b| b[record(0) + 40] = 2)),
            (
                "no length",
                Box::new(move |b| b[record(0) + 44..record(1)].fill(0)),
            ),
            (
                "too long",
                Box::new(move |b| b[record(0) + 44..record(1)].fill(0xff)),
            ),
            ("both ways to cut", Box::new(|b| b[72] = 1)),
            ("no way to cut", Box::new(|b| b[64..72].fill(0))),
            ("another id", Box::new(|b| b[16] ^= 1)),
            (
                "more chunks than bytes",
                Box::new(|b| b[96..104].fill(0xff)),
            ),
        ];
        for (what, edit) in edits {
            assert!(
                Known::parse(resealed(good.clone(), edit)).is_err(),
                "{what}"
            );
        }
        let newer = resealed(good, |bytes| bytes[14] = b'2');
        let error = Known::parse(newer).map(drop).unwrap_err();
        assert!(error.cause().contains("format"), "{error}");
    }
}
