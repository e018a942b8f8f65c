//! Reading a chunk stream, member by member.
//!
//! [`Reader::next`] admits only what may come at this place, and `None` only after a whole end with nothing behind it:
//! who has seen `None` has seen all of it. What the texts say is compared with the members by whoever reads both.

use std::io::{self, BufReader, Chain, Cursor, Read};

use super::{BLOCK, Form, HEAD, Head, Member, Name, flaw, padding};
use crate::error::{Doing, Error, Result};

/// A stream, whose beginning was looked at.
#[derive(Debug)]
pub enum Opened<R> {
    /// It is a chunk stream.
    Chunks(Reader<R>),
    /// It is something else: all of its bytes.
    Other(Chain<Cursor<Vec<u8>>, R>),
}

/// Looks at the first bytes of a stream, at most [`HEAD`].
///
/// # Errors
/// If it can't be read, or is a chunk stream that this program doesn't know.
pub fn open<R: Read>(mut from: R) -> Result<Opened<R>> {
    let mut first = Vec::with_capacity(HEAD);
    // One that begins otherwise is not waited for.
    const NAME: &[u8] = b"s3pipes\0";
    while first.len() < HEAD && first.starts_with(&NAME[..first.len().min(NAME.len())]) {
        let begun = first.len();
        first.resize(HEAD, 0);
        let got = match from.read(&mut first[begun..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error).doing("read standard input"),
            Ok(0) => {
                first.truncate(begun);
                break;
            }
            Ok(got) => got,
        };
        first.truncate(begun + got);
    }
    match Head::parse(&first) {
        None => Ok(Opened::Other(Cursor::new(first).chain(from))),
        Some(head) => Ok(Opened::Chunks(Reader::after(head?, from))),
    }
}

/// What may come when. For those who don't read with a [`Reader`].
#[derive(Clone, Debug)]
pub struct Sequence {
    form: Form,
    last: Option<Name>,
}

impl Sequence {
    /// At the first member.
    #[must_use]
    pub fn new(form: Form) -> Self {
        Self { form, last: None }
    }

    /// The next member.
    ///
    /// # Errors
    /// If it may not come now.
    pub fn admit(&mut self, name: Name) -> Result<()> {
        use Name::{Chunk, End, Files, Index, Piece, Refs, Toc};
        let fits = match (self.form, self.last, name) {
            (Form::New, None, Chunk { object: 0, number }) => number == 0,
            (Form::New, Some(Chunk { number: last, .. }), Chunk { object: 0, number }) => {
                Some(number) == last.checked_add(1)
            }
            (Form::New, None | Some(Chunk { .. }), Index) => true,
            (Form::Whole | Form::Tail, None, Index) => true,
            (Form::New | Form::Tail, Some(Index), Files | Refs) => true,
            (Form::New | Form::Tail, Some(Files), Refs) => true,
            (Form::New | Form::Tail, Some(Refs), Toc) => true,
            (Form::New | Form::Tail, Some(Toc), End) => true,
            (Form::Whole, Some(_), Chunk { .. }) => true,
            (Form::Part, _, Chunk { .. }) => true,
            (Form::Pieces, last, Piece(number)) => {
                let before = if let Some(Piece(last)) = last {
                    last
                } else {
                    0
                };
                Some(number) == before.checked_add(1)
            }
            _ => false,
        };
        if !fits {
            return Err(match self.last {
                None => flaw(format!("it begins with {name}")),
                Some(last) => flaw(format!("{name} comes after {last}")),
            });
        }
        self.last = Some(name);
        Ok(())
    }

    /// The end of the archive.
    ///
    /// # Errors
    /// If something is missing.
    pub fn close(&self) -> Result<()> {
        let fits = match self.form {
            Form::New | Form::Tail => matches!(self.last, Some(Name::Refs | Name::End)),
            Form::Whole => self.last.is_some(),
            Form::Part | Form::Pieces => true,
        };
        match self.last {
            _ if fits => Ok(()),
            None => Err(flaw("it holds nothing")),
            Some(last) => Err(flaw(format!("it ends after {last}"))),
        }
    }
}

/// A chunk stream, after its head. Reads from it give the content of the member at which it stands.
#[derive(Debug)]
pub struct Reader<R> {
    head: Head,
    from: BufReader<R>,
    sequence: Sequence,
    left: u64,
    padding: usize,
    ended: bool,
}

impl<R: Read> Reader<R> {
    fn after(head: Head, from: R) -> Self {
        Self {
            head,
            from: BufReader::with_capacity(256 << 10, from),
            sequence: Sequence::new(head.form),
            left: 0,
            padding: 0,
            ended: false,
        }
    }

    /// What it began with.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The next member; its content is what is read then. What wasn't read of the one before is passed over.
    ///
    /// # Errors
    /// If something may not come now, is damaged, or is missing.
    #[allow(
        clippy::should_implement_trait,
        reason = "it fails, and lends itself between two calls"
    )]
    pub fn next(&mut self) -> Result<Option<Member>> {
        if self.ended {
            return Ok(None);
        }
        io::copy(self, &mut io::sink()).map_err(of_io)?;
        let mut block = [0; BLOCK];
        let (padding, _) = block.split_at_mut(self.padding);
        self.from.read_exact(padding).map_err(of_io)?;
        self.padding = 0;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(flaw("what fills up a block in it is not zeros"));
        }
        self.from.read_exact(&mut block).map_err(of_io)?;
        let Some(member) = Member::parse(&block)? else {
            self.sequence.close()?;
            self.from.read_exact(&mut block).map_err(of_io)?;
            if block.iter().any(|byte| *byte != 0) {
                return Err(flaw("its end is damaged"));
            }
            if self.from.read(&mut block).map_err(of_io)? > 0 {
                return Err(flaw("something comes after its end"));
            }
            self.ended = true;
            return Ok(None);
        };
        self.sequence.admit(member.name)?;
        self.left = member.size;
        // Less than a block.
        self.padding = padding_of(member.size);
        Ok(Some(member))
    }

    /// All that is left of the content, if it is at most `limit` bytes.
    ///
    /// # Errors
    /// If it is longer, or the stream breaks off.
    pub fn content(&mut self, limit: u64) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        self.content_into(&mut content, limit)?;
        Ok(content)
    }

    /// The same, at the end of `content`.
    ///
    /// # Errors
    /// As [`Reader::content`].
    pub fn content_into(&mut self, content: &mut Vec<u8>, limit: u64) -> Result<()> {
        let left = self.left;
        if left > limit {
            return Err(flaw(format!(
                "a member of it has {left} bytes, and {limit} is the most"
            )));
        }
        // What a header says is not believed before it came: no more at once than there can be in a chunk.
        content.reserve(usize::try_from(left.min(super::LONGEST)).unwrap_or(0));
        let got = (&mut self.from)
            .take(left)
            .read_to_end(content)
            .map_err(of_io)?;
        self.left -= got as u64;
        if self.left > 0 {
            Err(broken_off())
        } else {
            Ok(())
        }
    }

    /// Bytes of the member's content that were not read yet.
    pub fn left(&self) -> u64 {
        self.left
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let most = buffer
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        match self.from.read(&mut buffer[..most])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            got => {
                self.left -= got as u64;
                Ok(got)
            }
        }
    }
}

fn padding_of(size: u64) -> usize {
    usize::try_from(padding(size)).unwrap_or(0)
}

fn of_io(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return broken_off();
    }
    match Err::<(), _>(error).doing("read the chunk stream") {
        Err(error) => error,
        Ok(()) => broken_off(),
    }
}

fn broken_off() -> Error {
    flaw("it breaks off before its end")
}
