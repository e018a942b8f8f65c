//! Joining: a chunk stream becomes the stream that was cut.
//!
//! Promised: bytes come out only after the hash of their chunk matched, in the order of the index, and success only if
//! all of them came out and nothing else was there. Refused: what is sealed, what refers to chunks that are elsewhere,
//! and anything that is not in its place, shape, length and hash what the index says.

mod part;
mod spool;
mod tail;

use std::io::{BufRead, BufReader, Read, Write};

use common::chunks::{
    BLOCK, Brought, End, Entry, Files, Form, Id, Index, Member, Name, Opened, Place, Reader, Refs,
    Suffix, Toc, open,
};
use common::flow::{Inlet, Outlet, stage};
use common::pool::{self, Pool, Shelf};
use common::run::{Streams, written};
use common::{Error, Result};

use crate::blocks::on_the_way;
use crate::key::Key;
use crate::output::writing;

pub use part::part;
use spool::Spool;
pub use tail::Tail;

/// Chunks, checked, in their order.
pub type Chunks = Inlet<pool::Chunk>;

/// Joins standard input; writes nothing if it is only to be checked.
///
/// # Errors
/// If it isn't whole and as its index says, or a stream fails.
pub fn join(shown: bool, streams: &mut Streams) -> Result<()> {
    let mut chunks = joined(chunk_stream(streams.take_input()?)?)?;
    if !shown {
        while chunks.next()?.is_some() {}
        return Ok(());
    }
    writing(streams, |out| {
        while let Some(chunk) = chunks.next()? {
            written(out.write_all(&chunk))?;
        }
        Ok(())
    })
}

/// What a chunk stream holds, in order.
///
/// # Errors
/// At once, or inside, if it isn't whole and as its index says.
pub fn joined<R: Read + Send + 'static>(reader: Reader<R>) -> Result<Chunks> {
    match reader.head().form {
        Form::Whole => whole(reader),
        Form::New => new(reader),
        Form::Part => Err(refuse("it holds only some chunks of a stream")
            .hint("--tail FILE tells whose, and PATH which of its files they are for")),
        Form::Tail => Err(refuse("it is only the tail of one")
            .hint("--list shows it; s3get without --tail brings all of the stream")),
        Form::Pieces => Err(
            refuse("it was cut into plain pieces, which need nothing like this")
                .hint("s3put stores each of them as an object, and s3get joins them"),
        ),
    }
}

/// The chunk stream in `input`.
///
/// # Errors
/// If it is something else.
pub fn chunk_stream<R: Read>(input: R) -> Result<Reader<R>> {
    let mut other = match open(input)? {
        Opened::Chunks(reader) => return Ok(reader),
        Opened::Other(other) => other,
    };
    // More than the beginning was not read; of a pipe this much is there when anything is.
    let mut first = [0; 64];
    let length = common::input::some(&mut other, &mut first)?;
    let first = &first[..length];
    Err(if first.is_empty() {
        refuse("nothing is on standard input")
    } else if first.starts_with(b"age-encryption.org/") || first.starts_with(b"-----BEGIN AGE") {
        refuse("it is sealed").hint("s3seal -d -i KEY opens it first")
    } else if COMPRESSED.iter().any(|magic| first.starts_with(magic)) {
        refuse("it is compressed").hint("s3seal -d --plain undoes that first")
    } else {
        refuse("it is none").hint("what was stored without s3chunk is restored without it")
    })
}

/// How zstd, gzip, bzip2 and xz begin.
const COMPRESSED: [&[u8]; 4] = [b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"];

/// Something is wrong with the stream.
pub fn refuse(why: impl std::fmt::Display) -> Error {
    Error::permanent("read the chunk stream", why)
}

/// Its members are as s3chunk made them.
pub fn is_open(member: &Member) -> Result<()> {
    if member.suffix == Suffix::PLAIN {
        return Ok(());
    }
    Err(if member.suffix.age {
        refuse("it is sealed").hint("s3seal -d -i KEY opens it first")
    } else {
        refuse("it is compressed").hint("s3seal -d --plain undoes that first")
    })
}

/// The index, at which the stream stands, with its total checked.
pub fn index<R: Read>(reader: &mut Reader<R>, member: &Member) -> Result<Index> {
    is_open(member)?;
    let id = reader.head().id;
    let index = Index::read(text(reader))?;
    same(index.id, id, "index is that")?;
    let mut total = Key(index.key).total();
    index.chunks.iter().for_each(|entry| total.add(entry));
    if total.finish() == index.hash {
        Ok(index)
    } else {
        Err(refuse("the total of its index does not match"))
    }
}

/// The content of a member that is a text.
fn text<R: Read>(reader: &mut Reader<R>) -> impl BufRead + '_ {
    BufReader::with_capacity(128 << 10, reader)
}

fn same(found: Id, wanted: Id, what: &str) -> Result<()> {
    if found == wanted {
        Ok(())
    } else {
        Err(refuse(format!("its {what} of another stream")))
    }
}

/// Form `whole`: the index, then every chunk.
fn whole<R: Read + Send + 'static>(mut reader: Reader<R>) -> Result<Chunks> {
    // Nothing else may come first.
    let first = reader.next()?.ok_or_else(|| refuse("it holds nothing"))?;
    let index = index(&mut reader, &first)?;
    let key = Key(index.key);
    checked(index, move |out, pool, index| {
        let shelf = Shelf::default();
        for entry in &index.chunks {
            let chunk = take(&mut reader, entry, &shelf)?;
            check(out, pool, key, chunk, entry)?;
        }
        ended(&mut reader)
    })
}

/// A stage that reads chunks, each of which is checked.
fn checked(
    index: Index,
    work: impl FnOnce(&Outlet<pool::Chunk>, &Pool, &Index) -> Result<()> + Send + 'static,
) -> Result<Chunks> {
    let pool = Pool::new()?;
    let longest = index.chunks.iter().map(|entry| entry.length).max();
    let ahead = on_the_way(longest.unwrap_or(0).into(), &pool);
    stage(ahead, move |out| work(out, &pool, &index))
}

/// The next chunk of a stream, which must be this one.
fn take<R: Read>(
    reader: &mut Reader<R>,
    entry: &Entry,
    shelf: &Shelf<Vec<u8>>,
) -> Result<pool::Chunk> {
    let name = Name::Chunk {
        object: entry.object,
        number: entry.number,
    };
    let Some(member) = reader.next()? else {
        return Err(refuse(format!("{name} is missing at its end")));
    };
    is_open(&member)?;
    if member.name != name {
        return Err(refuse(format!("{} comes where {name} should", member.name)));
    }
    if member.size != u64::from(entry.length) {
        return Err(refuse(format!(
            "{name} has not the length that its index says"
        )));
    }
    let mut chunk = shelf.room(usize::try_from(entry.length).unwrap_or(0));
    reader.content_into(&mut chunk, entry.length.into())?;
    Ok(chunk)
}

/// Sends a chunk on, to be taken when its hash was found right.
fn check(
    out: &Outlet<pool::Chunk>,
    pool: &Pool,
    key: Key,
    chunk: pool::Chunk,
    entry: &Entry,
) -> Result<()> {
    let entry = *entry;
    out.send(pool.run(move || {
        if key.hash(&chunk) == entry.hash {
            return Ok(chunk);
        }
        let (object, number) = (entry.object, entry.number);
        let name = Name::Chunk { object, number };
        Err(refuse(format!("{name} is damaged, or another chunk")))
    }))
}

/// Nothing may follow.
fn ended<R: Read>(reader: &mut Reader<R>) -> Result<()> {
    match reader.next()? {
        None => Ok(()),
        Some(member) => Err(refuse(format!(
            "{} comes after its last chunk",
            member.name
        ))),
    }
}

/// Form `new`: the chunks come before the index, and are kept until it is known.
fn new<R: Read + Send + 'static>(mut reader: Reader<R>) -> Result<Chunks> {
    let mut spool = Spool::default();
    let mut index = loop {
        // It doesn't end before the index.
        let member = reader.next()?.ok_or_else(|| refuse("it has no index"))?;
        is_open(&member)?;
        if member.name == Name::Index {
            break index(&mut reader, &member)?;
        }
        spool.keep(&mut reader, &member)?;
    };
    // Where its own chunks end, and what was brought there begins.
    let mut own = spool.count();
    if index.chunks.iter().all(|entry| entry.object == 0) {
        fits(&index, &spool, own)?;
        rest(&mut reader, &index, Some(&spool))?;
    } else {
        let elsewhere = || {
            refuse("some of its chunks are in earlier dumps")
                .hint("s3get brings all of them together")
        };
        let brought = rest(&mut reader, &index, Some(&spool))?.brought;
        let brought = brought.ok_or_else(elsewhere)?;
        let finder = brought.finder();
        for entry in index.chunks.iter_mut().filter(|entry| entry.object > 0) {
            let (object, number) = (entry.object, entry.number);
            let lies = finder.at(Place { object, number });
            (entry.object, entry.number) = (0, lies.ok_or_else(elsewhere)?);
        }
        own = brought.here.first().map_or(own, |here| here.at);
        fits(&index, &spool, own)?;
    }
    let key = Key(index.key);
    checked(index, move |out, pool, index| {
        let shelf = Shelf::default();
        index.chunks.iter().try_for_each(|entry| {
            let chunk = spool.chunk(entry, &shelf)?;
            check(out, pool, key, chunk, entry)
        })
    })
}

/// The chunks that are kept are those of the index, in the order in which they first appear in it: first the stream's
/// `own`, then those that were brought to it.
fn fits(index: &Index, spool: &Spool, own: u64) -> Result<()> {
    let mut next = [0, own];
    for entry in &index.chunks {
        let next = &mut next[usize::from(entry.number >= own)];
        if entry.number > *next {
            return Err(refuse("its chunks are not in the order of its index"));
        }
        *next = (*next).max(entry.number + 1);
        if spool.size(entry.number) != Some(entry.length.into()) {
            let (object, number) = (0, entry.number);
            let name = Name::Chunk { object, number };
            return Err(refuse(format!(
                "{name} is missing, or has not the length that its index says"
            )));
        }
    }
    if next == [own, spool.count()] {
        Ok(())
    } else {
        Err(refuse("it has more chunks than its index"))
    }
}

/// What follows an index.
#[derive(Default)]
struct Rest {
    files: Option<Files>,
    brought: Option<Brought>,
}

/// What comes after the index, to the end of the stream: the list of files, if there is one and it is open.
///
/// # Errors
/// If something is not in the shape that it should have, or about another stream.
fn rest<R: Read>(reader: &mut Reader<R>, index: &Index, spool: Option<&Spool>) -> Result<Rest> {
    let mut found = Rest::default();
    while let Some(member) = reader.next()? {
        match member.name {
            Name::Files => {
                is_open(&member)?;
                let files = Files::read(text(reader))?;
                same(files.id, index.id, "list of files is that")?;
                found.files = Some(files);
            }
            Name::Refs => {
                let refs = Refs::read(text(reader))?;
                same(refs.id, index.id, "refs are those")?;
                agree(&refs, index)?;
                found.brought = refs.brought;
            }
            Name::Toc => {
                let toc = Toc::read(text(reader))?;
                let counts = |spool: &Spool| spool.count() == toc.sizes.len() as u64;
                if !spool.is_none_or(counts) {
                    return Err(refuse("its toc is that of another stream"));
                }
            }
            Name::End => {
                let end = End::parse(&reader.content(BLOCK as u64)?)?;
                same(end.id, index.id, "end is that")?;
                if spool.is_some_and(|spool| spool.count() != end.chunks) {
                    return Err(refuse("its end is that of another stream"));
                }
            }
            // The reader admits nothing else after the index.
            _ => return Err(refuse(format!("{} comes too late", member.name))),
        }
    }
    Ok(found)
}

/// Whoever fetches by the refs fetches what is in the index.
fn agree(refs: &Refs, index: &Index) -> Result<()> {
    let chunks = index
        .chunks
        .iter()
        .map(|entry| (entry.object, entry.number));
    let places = refs.places().map(|place| (place.object, place.number));
    // Counted first: a few lines can say a great many.
    if refs.count() == index.chunks.len() as u64 && places.eq(chunks) {
        Ok(())
    } else {
        Err(refuse("its refs are not those of its index"))
    }
}
