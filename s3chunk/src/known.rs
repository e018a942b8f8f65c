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
