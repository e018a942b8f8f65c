//! Cutting: standard input becomes a chunk stream of the form `new`, without the chunks that the known file knows.
//!
//! Promised: whoever reads the end of the archive can learn of the dump, for the pending file is on disk by then. What can't
//! be known is new: nothing about a known file makes a dump fail that would not have to fail without one.

use std::io::{Read, Write};
use std::path::PathBuf;

use common::Result;
use common::chunks::{Cut, Files, Form, Head, Id, Member, Name, Suffix, Writer};
use common::run::{Speaker, Streams};

use crate::blocks::{Piece, pieces};
use crate::dump::{Dump, Finished};
use crate::key::Key;
use crate::known::{About, Known};
use crate::life::KnownFile;
use crate::members::{Flaw, Members};
use crate::output::{self, writing};

/// What is asked for.
pub struct Order {
    /// How to cut.
    pub cut: Cut,
    /// The known file.
    pub known: Option<PathBuf>,
    /// Seconds.
    pub grace: u64,
    /// Use nothing of the known file.
    pub full: bool,
    /// List the members of the tar archive that it is.
    pub members: bool,
}

/// Cuts standard input.
///
/// # Errors
/// If a stream fails, or somebody else is cutting with the same known file.
pub fn cut(order: &Order, streams: &mut Streams) -> Result<()> {
    let voice = streams.voice();
    let file = order.known.as_deref().map(KnownFile::new);
    let _lock = file.as_ref().map(KnownFile::lock).transpose()?;
    let base = match &file {
        Some(file) => base(file, order, voice)?,
        None => None,
    };
    let about = About {
        id: Id::random(),
        key: base
            .as_ref()
            .map_or_else(Key::random, |base| base.about.key),
        cut: order.cut,
        started: 0,
        grace: order.grace,
    };
    let input = streams.take_input()?;
    let members = order.members.then(Members::default);
    let made = writing(streams, |out| {
        stream(input, out, about, base, members, |finished| {
            if let Some(file) = &file {
                remember(file, finished, voice);
            }
        })
    });
    made.map(|Made { counts, unlisted }| {
        if let Some(why) = unlisted {
            voice.warning(format!("the stream has no list of files: {why}"));
        }
        let (chunks, fresh) = counts;
        voice.detail(format!("{chunks} chunks, {fresh} of them new"));
    })
}

/// What this dump may refer to.
fn base(file: &KnownFile, order: &Order, voice: Speaker) -> Result<Option<Known>> {
    file.tidy(order.grace);
    if order.full {
        return Ok(None);
    }
    Ok(file
        .base(order.cut, order.grace)?
        .map_err(|why| voice.note(why))
        .ok())
}

/// A dump without a memory of it is a dump all the same.
fn remember(file: &KnownFile, finished: &mut Finished, voice: Speaker) {
    let (about, names, count, chunks) = finished.pending();
    if let Err(error) = file.write_pending(about, &names, count, chunks) {
        voice.warning(format!("nothing can be learned of this dump: {error}"));
    }
}

/// A chunk stream was made.
pub struct Made {
    /// How many chunks there are, and how many of them are new.
    pub counts: (usize, u64),
    /// Why there is no list of files, if one was wanted.
    pub unlisted: Option<Flaw>,
}

/// Makes a chunk stream of `input`, with a list of `members` if they are wanted. Before its end is written, `remember` is
/// told what is in it.
///
/// # Errors
/// If a stream fails.
pub fn stream(
    input: impl Read + Send + 'static,
    out: impl Write,
    about: About,
    base: Option<Known>,
    mut members: Option<Members>,
    remember: impl FnOnce(&mut Finished),
) -> Result<Made> {
    let mut pieces = pieces(input, about.key, about.cut, true)?;
    let mut dump = Dump::new(about, base);
    let head = Head {
        id: about.id,
        form: Form::New,
    };
    let mut writer = Writer::new(out, &head)?;
    while let Some(batch) = pieces.next()? {
        for piece in batch {
            // No chunk is longer than 256 MiB.
            let length = u32::try_from(piece.length()).unwrap_or(u32::MAX);
            if let Some(members) = &mut members {
                piece.parts.iter().for_each(|part| members.take(part));
            }
            if let Some(number) = dump.add(piece.hash, length)? {
                let object = 0;
                emit(&mut writer, Name::Chunk { object, number }, &piece)?;
            }
        }
    }
    let counts = dump.counts();
    let mut finished = dump.finish();
    output::text(&mut writer, Name::Index, |to| finished.index.write(to))?;
    let unlisted = match members.map(Members::finish) {
        Some(Ok(files)) => {
            let files = Files {
                id: about.id,
                files,
            };
            output::text(&mut writer, Name::Files, |to| files.write(to))?;
            None
        }
        Some(Err(flaw)) => Some(flaw),
        None => None,
    };
    output::text(&mut writer, Name::Refs, |to| finished.refs.write(to))?;
    remember(&mut finished);
    writer.finish()?;
    Ok(Made { counts, unlisted })
}

/// Writes a piece as a member.
///
/// # Errors
/// If the stream fails.
pub fn emit(writer: &mut Writer<impl Write>, name: Name, piece: &Piece) -> Result<()> {
    writer.begin(&Member {
        name,
        suffix: Suffix::PLAIN,
        size: piece.length(),
    })?;
    piece.parts.iter().try_for_each(|part| writer.content(part))
}
