//! A stored chunk stream, laid out anew with all that it needs in its own object. Pure.
//!
//! What was in the object before its index stays where it is, byte for byte: so whatever refers to its chunks finds them.
//! Behind it come the chunks of other objects, each once, under numbers of this one; then index and files, byte for
//! byte, for they may be sealed; then refs, toc and end, new.

use bytes::Bytes;

use super::Gathered;
use super::gather::{Reading, Renamed};
use super::layout::stored;
use super::tail::{LONGEST, begin, broken};
use crate::bucket::get::Wish;
use crate::chunks::{BLOCK, Brought, End, Form, Head, Member, Name, Refs, Run, Span, Toc, padding};
use crate::error::{Error, Result};

/// How it will lie.
pub(in crate::bucket) struct Repacked {
    /// Bytes at its beginning that are those of the old object.
    pub(in crate::bucket) kept: u64,
    /// Bytes behind them that are brought.
    pub(in crate::bucket) brought: u64,
    /// Where in the old object that begins which isn't taken over.
    pub(in crate::bucket) replaced: u64,
    /// What takes its place.
    pub(in crate::bucket) last: Bytes,
}

impl Repacked {
    /// Bytes of the new object.
    pub(in crate::bucket) fn size(&self) -> u64 {
        self.replaced + self.brought + self.last.len() as u64
    }
}

impl Gathered {
    /// How the dump will lie, and what is to be gathered for that: the chunks that are brought, by their new names.
    ///
    /// # Errors
    /// If it needs no other object, or what its refs say can't be so.
    pub(in crate::bucket) fn repacked(mut self) -> Result<(Repacked, Self)> {
        let key = self.key().to_owned();
        let damaged = || broken(&key, "its refs are damaged");
        let (end, old) = (self.ending.end, &self.refs);
        if old.bond.is_none() {
            return Err(Error::nothing(format!(
                "{key} needs no other dump: there is nothing to bring into it"
            )));
        }
        if old.held() != end.chunks {
            return Err(damaged());
        }
        let brought = Brought::of(&old.runs, end.chunks, old.objects().to_vec());
        let refs = Refs {
            id: old.id,
            grace: old.grace,
            bond: None,
            brought: (!brought.here.is_empty()).then(|| brought.clone()),
            runs: old.runs.clone(),
        };
        let mut text = Vec::new();
        refs.write(&mut text)?;
        // What can't be read back must not be written.
        if Refs::read(text.as_slice()).map_err(|_| damaged())? != refs {
            return Err(damaged());
        }
        let taken: Vec<Run> = brought.taken().collect();
        let sizes = |run: &Run| {
            let layout = &self.layouts[run.object as usize];
            (run.first..run.first + run.count).map(|number| layout.size(number))
        };
        let own = Run {
            object: 0,
            first: 0,
            count: end.chunks,
            times: 1,
        };
        let toc = Toc {
            sizes: std::iter::once(&own)
                .chain(&taken)
                .flat_map(sizes)
                .collect(),
        };
        let bytes: u64 = taken.iter().flat_map(sizes).map(stored).sum();
        let kept = begin(&end).ok_or_else(damaged)?;
        let replaced = end.refs.offset - BLOCK as u64;
        let last = last(&end, bytes, &text, &toc)?;
        let repacked = Repacked {
            kept,
            brought: bytes,
            replaced,
            last,
        };
        self.refs = Refs {
            runs: taken,
            ..refs
        };
        self.renamed = Some(Renamed::Into(brought.finder()));
        self.crc = None;
        Ok((repacked, self))
    }

    /// The first bytes of its hot tail.
    pub(in crate::bucket) fn tail_head(&self) -> Bytes {
        let head = Head {
            id: self.ending.end.id,
            form: Form::Tail,
        };
        Bytes::copy_from_slice(&head.encode())
    }

    /// What is read of each object for its chunks alone.
    pub(in crate::bucket) fn chunk_readings(&self, wish: &Wish, gap: u64) -> Vec<Reading> {
        let mut readings: Vec<Reading> = self
            .sources
            .iter()
            .map(|stored| Reading {
                key: stored.key().to_owned(),
                class: stored.class().to_owned(),
                requests: 0,
                bytes: 0,
                size: stored.size(),
            })
            .collect();
        for stretch in self.plan(wish, gap) {
            for request in stretch.order.iter().map(|index| &stretch.requests[*index]) {
                if let Some(reading) = readings.get_mut(request.object as usize) {
                    reading.requests += 1;
                    reading.bytes += request.to - request.from;
                }
            }
        }
        readings.retain(|reading| reading.requests > 0);
        readings
    }
}

/// Refs, toc and end, behind index and files that lie `shift` bytes further than before.
fn last(old: &End, shift: u64, refs: &[u8], toc: &Toc) -> Result<Bytes> {
    let moved = |span: Span| match span {
        none if none == Span::default() => none,
        Span { offset, size } => Span {
            offset: offset + shift,
            size,
        },
    };
    let mut sizes = Vec::new();
    toc.write(&mut sizes)?;
    if refs.len().max(sizes.len()) as u64 > LONGEST {
        return Err(Error::permanent(
            "lay the dump out anew",
            "it has more chunks than can be told of",
        ));
    }
    let refs_at = old.refs.offset + shift;
    let toc_at = refs_at + refs.len() as u64 + padding(refs.len() as u64) + BLOCK as u64;
    let end = End {
        id: old.id,
        chunks: toc.sizes.len() as u64,
        index: moved(old.index),
        files: moved(old.files),
        refs: Span {
            offset: refs_at,
            size: refs.len() as u64,
        },
        toc: Span {
            offset: toc_at,
            size: sizes.len() as u64,
        },
    };
    let mut bytes = Vec::new();
    let contents = [
        (Name::Refs, refs),
        (Name::Toc, sizes.as_slice()),
        (Name::End, &end.encode()),
    ];
    for (name, content) in contents {
        let size = content.len() as u64;
        bytes.extend_from_slice(&Member::plain(name, size).header());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    }
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    Ok(bytes.into())
}
