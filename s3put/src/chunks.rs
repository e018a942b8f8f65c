//! A chunk stream on its way into the bucket: recognised by its beginning, checked, and completed.
//!
//! [`Chunks::completed`] is the stream as it is stored. What isn't a chunk stream passes as it is. A chunk stream of the
//! form that is stored passes, too, and gets the members `toc` and `end` before its two closing blocks of zeros; if it
//! has them already they must be those. Of plain pieces the contents pass, and [`Pieces`] is told where each begins: they
//! become an object each. Any other form is refused, and so is what breaks the format or ends early: then
//! the stream ends where that is seen, and [`Chunks::stopped`] and [`Chunks::whole`] say why nothing may come of it.
//! Nothing is opened: what is sealed is nobody's business here.

mod archive;
mod tail;

use std::io::{self, Chain, Cursor, Read};
use std::sync::{Arc, Mutex, OnceLock};

use common::bucket::put::{Approval, ChunkStream, Pieces};
use common::chunks::{self, Form, Head, Id, Member, Opened, Reader};
use common::{Class, Doing, Error, Result};

use self::archive::Archive;
use self::tail::Tail;
use crate::producer::held;

/// What is known of the stream, on its way from the thread that reads it. Handles are cheap.
#[derive(Clone, Default)]
pub struct Chunks {
    id: Arc<OnceLock<Id>>,
    pieces: Pieces,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// What streams are refused for, whatever is in them.
    unfit: Unfit,
    /// The end is to be kept.
    keeps: bool,
    /// Why it can't be stored.
    flaw: Option<Error>,
    /// The stream had come to its own end when that was seen.
    ended: bool,
    /// What it held.
    stream: Option<ChunkStream>,
    tail: Option<Tail>,
}

/// Why the command line has no use for streams of a kind, if it hasn't.
#[derive(Default)]
pub struct Unfit {
    /// For chunk streams.
    pub chunks: Option<Error>,
    /// For streams in numbered pieces.
    pub pieces: Option<Error>,
}

impl Chunks {
    /// Of a stream that is still to be read. `id` is set if it turns out to be a chunk stream, and `pieces` are told
    /// where it is cut, if it comes in pieces. Those that are `unfit` are refused. If it `keeps` the tail, that comes in
    /// the end.
    #[must_use]
    pub fn new(id: Arc<OnceLock<Id>>, pieces: Pieces, unfit: Unfit, keeps: bool) -> Self {
        let seen = Seen {
            unfit,
            keeps,
            ..Seen::default()
        };
        Self {
            id,
            pieces,
            seen: Arc::new(Mutex::new(seen)),
        }
    }

    /// `input`, as it is stored.
    pub fn completed<R: Read>(&self, input: R) -> Completed<R> {
        let source = Source {
            input,
            end: Arc::default(),
        };
        Completed {
            end: Arc::clone(&source.end),
            state: State::Unopened(source),
            queue: Cursor::default(),
            chunks: self.clone(),
        }
    }

    /// Fails if the stream was ended here, before its own end: nobody else is to be asked about it then.
    ///
    /// # Errors
    /// If it is not one that can be stored as `key`, whatever would have followed.
    pub fn stopped(&self, key: &str) -> Result<()> {
        let seen = held(&self.seen);
        match &seen.flaw {
            Some(flaw) if !seen.ended => Err(refused(flaw, key)),
            _ => Ok(()),
        }
    }

    /// After its end: what the stream is, if it is a chunk stream, and its tail, if that was to be kept.
    ///
    /// # Errors
    /// If it is one that can't be stored as `key`.
    pub fn whole(&self, key: &str) -> Result<Approval> {
        let mut seen = held(&self.seen);
        match &seen.flaw {
            Some(flaw) => Err(refused(flaw, key)),
            None if self.id.get().is_some() && seen.stream.is_none() => {
                Err(refused(&flaw("it was not read to its end"), key))
            }
            None => Ok(Approval {
                chunks: seen.stream.take(),
                tail: match seen.tail.take() {
                    Some(tail) => Some(tail.bytes().doing("keep the end of the stream")?),
                    None => None,
                },
            }),
        }
    }
}

/// The error of who wanted to store it.
fn refused(flaw: &Error, key: &str) -> Error {
    if flaw.class() == Class::Usage {
        return flaw.clone();
    }
    let error = Error::new(flaw.class(), format!("store {key}"), flaw.cause());
    match flaw.advice() {
        Some(advice) => error.hint(advice),
        None => error.hint("the program that made it may have failed; nothing was stored"),
    }
}

/// What is wrong with a chunk stream.
fn flaw(what: impl std::fmt::Display) -> Error {
    Error::permanent("read the chunk stream", what)
}

/// A stream as it is stored.
pub struct Completed<R> {
    state: State<R>,
    end: Arc<Mutex<End>>,
    /// What comes next, before anything is read.
    queue: Cursor<Vec<u8>>,
    chunks: Chunks,
}

enum State<R> {
    Unopened(Source<R>),
    Foreign(Chain<Cursor<Vec<u8>>, Source<R>>),
    Chunks(Box<Reader<Source<R>>>, Box<Archive>),
    Pieces(Box<Reader<Source<R>>>),
    Over,
}

impl<R: Read> Read for Completed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.queue.read(buffer)? {
                0 if !buffer.is_empty() => {}
                count => return Ok(count),
            }
            match self.step(buffer) {
                Ok(Some(count)) => return Ok(count),
                Ok(None) => {}
                Err(flaw) => {
                    self.state = State::Over;
                    if let Some(error) = held(&self.end).failure.take() {
                        return Err(error);
                    }
                    let mut seen = held(&self.chunks.seen);
                    (seen.ended, seen.flaw) = (held(&self.end).over, Some(flaw));
                    return Ok(0);
                }
            }
        }
    }
}

impl<R: Read> Completed<R> {
    /// Reads on: bytes of the buffer that were filled, or none where something was queued.
    fn step(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        match &mut self.state {
            State::Over => Ok(Some(0)),
            State::Foreign(stream) => stream.read(buffer).map(Some).map_err(broken),
            State::Unopened(_) => {
                let State::Unopened(source) = std::mem::replace(&mut self.state, State::Over)
                else {
                    return Ok(None);
                };
                self.state = match chunks::open(source)? {
                    Opened::Other(stream) => State::Foreign(stream),
                    Opened::Chunks(reader) => match self.begun(reader.head())? {
                        Some(archive) => {
                            self.queue = Cursor::new(reader.head().encode().to_vec());
                            State::Chunks(Box::new(reader), Box::new(archive))
                        }
                        None => State::Pieces(Box::new(reader)),
                    },
                };
                Ok(None)
            }
            State::Chunks(reader, archive) => {
                if reader.left() > 0 && !archive.is_own() {
                    let count = reader.read(buffer).map_err(broken)?;
                    archive.passed(&buffer[..count]);
                    return Ok(Some(count));
                }
                // Some names are ours to write: what comes under them is only compared.
                if reader.left() > 0 {
                    archive.came(reader.content(chunks::MOST)?);
                }
                let next = match reader.next()? {
                    Some(member) => archive.begin(&member)?,
                    None => {
                        let (last, stream, tail) = archive.end()?;
                        let mut seen = held(&self.chunks.seen);
                        (seen.stream, seen.tail) = (Some(stream), tail);
                        self.state = State::Over;
                        last
                    }
                };
                self.queue = Cursor::new(next);
                Ok(None)
            }
            State::Pieces(reader) => {
                if reader.left() > 0 {
                    return reader.read(buffer).map(Some).map_err(broken);
                }
                match reader.next()? {
                    Some(member) => self.chunks.pieces.begins(size_of(&member)?),
                    None => self.state = State::Over,
                }
                Ok(None)
            }
        }
    }

    /// What a chunk stream begins with, if it can be stored; nothing of one in pieces.
    fn begun(&self, head: Head) -> Result<Option<Archive>> {
        let seen = held(&self.chunks.seen);
        let unfit = match head.form {
            Form::Pieces => &seen.unfit.pieces,
            _ => &seen.unfit.chunks,
        };
        if let Some(unfit) = unfit {
            return Err(unfit.clone());
        }
        let (what, instead) = match head.form {
            Form::New => {
                let _ = self.chunks.id.set(head.id);
                return Ok(Some(Archive::new(head.id, seen.keeps)));
            }
            Form::Whole => (
                "it is a dump as s3get puts it together, which is not how one is stored",
                "'s3chunk -d' makes a plain stream of it; 's3get --raw' reads a dump as it is stored",
            ),
            Form::Part => (
                "it is only a part of a dump",
                "'s3get --raw' reads a dump as it is stored",
            ),
            Form::Tail => (
                "it is only the end of a dump",
                "'s3get --raw' reads a dump as it is stored",
            ),
            Form::Pieces => {
                self.chunks.pieces.come();
                return Ok(None);
            }
        };
        Err(flaw(what).hint(instead))
    }
}

/// The size of a piece, if it can be an object.
fn size_of(piece: &Member) -> Result<u64> {
    match piece.size {
        0 => Err(flaw(format!("piece {} of it is empty", piece.name))),
        size @ 1..=Pieces::LARGEST => Ok(size),
        _ => Err(flaw(format!(
            "piece {} of it is longer than 5G",
            piece.name
        ))),
    }
}

fn broken(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => flaw("it breaks off before its end"),
        // The failure itself is told in its place.
        _ => flaw(error),
    }
}

/// What came of reading the input.
#[derive(Default)]
struct End {
    over: bool,
    failure: Option<io::Error>,
}

/// The input, and how reading it ends.
struct Source<R> {
    input: R,
    end: Arc<Mutex<End>>,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.input.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let kind = error.kind();
                    held(&self.end).failure = Some(error);
                    return Err(kind.into());
                }
                Ok(0) if !buffer.is_empty() => {
                    held(&self.end).over = true;
                    return Ok(0);
                }
                Ok(count) => return Ok(count),
            }
        }
    }
}

#[cfg(test)]
mod tests;
