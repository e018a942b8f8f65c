//! Sealing: standard input, compressed, encrypted, to standard output.
//!
//! The mark of the last piece is written only after the input's end was reached and a compressor that is a program
//! exited with 0. Whatever fails before leaves a stream that nobody can take for a whole one.

use std::io::{Read, Write};

use common::chunks::Opened;
use common::run::{Speaker, Streams, written};
use common::{Error, Result};

use crate::args::Args;
use crate::compress::{self, Method, command::Program};
use crate::flow::{Bytes, stage};
use crate::input::{self, Peeked};
use crate::keys::Recipients;
use crate::magic::{self, Packing};
use crate::members::{self, Lock};
use crate::pad;
use crate::passphrase::Asker;
use crate::pool::{Pool, Shelf};
use crate::stream::{self, PayloadKey};

/// How much is written at once: more would have the reader wait for all of it.
const STEP: usize = 128 << 10;

/// Seals standard input.
///
/// # Errors
/// If a stream, a recipient or a compressor fails.
pub fn seal(args: Args, streams: &mut Streams) -> Result<()> {
    if streams.output().is_terminal() {
        return Err(Error::usage("a sealed stream is not for a terminal")
            .hint("send it to a file or to another program"));
    }
    let asker = Asker::new(args.passphrase_source().as_ref(), streams.voice())?;
    let pool = Pool::new()?;
    let lock = if args.plain {
        None
    } else {
        let mut recipients = recipients(&args, asker, streams.voice())?;
        Some(Lock::new(&mut recipients, args.mixed)?)
    };
    let method = args.compress.unwrap_or_default();
    let input = match members::look(streams.take_input()?)? {
        Opened::Chunks(reader) => {
            if matches!(method, Method::Zstd { long: true, .. }) {
                streams.voice().note(
                    "each chunk is compressed by itself, so 'long' finds nothing more in them",
                );
            }
            let how = members::HowSealed {
                method,
                pad: args.pad,
                lock,
            };
            return members::seal(reader, how, &pool, streams.output());
        }
        Opened::Other(input) => input,
    };
    let key = match lock {
        Some(lock) => {
            let (start, key) = lock.begin()?;
            written(streams.output().write_all(&start))?;
            Some(key)
        }
        None => None,
    };
    if let (Method::None, Some(key)) = (&method, &key) {
        let mut input = Peeked::new(input);
        warn_of_packing(&mut input, streams)?;
        let sealed = stream::seal(key.clone(), pool, move |sealing| {
            sealing.write_all_of(&mut input)
        })?;
        return emit(sealed, streams.output());
    }
    let mut compressed = match method {
        Method::Command(text) => {
            let (head, input) = input.into_inner();
            compress::command::compress(Program::Shell(text), head.into_inner(), input)?
        }
        method => compressed(&method, args.plain, &pool, input)?,
    };
    if args.pad {
        compressed = pad::padded(compressed)?;
    }
    let sealed = match key {
        Some(key) => sealed(key, pool, compressed)?,
        None => compressed,
    };
    emit(sealed, streams.output())
}

/// Those that the command line names.
///
/// # Errors
/// If one of them can't be understood.
pub fn recipients(args: &Args, asker: Asker, voice: Speaker) -> Result<Recipients> {
    let mut recipients = Recipients::new(asker, voice);
    for text in &args.recipient {
        recipients.add(text)?;
    }
    for path in &args.recipients_file {
        recipients.add_file(path)?;
    }
    // While recipients are changed, the passphrase is that of the old ones.
    if args.has_passphrase() && !args.rewrap {
        recipients.add_passphrase()?;
    }
    Ok(recipients)
}

/// A stream compressed on all cores, by what needs no program.
///
/// # Errors
/// If no thread can be started.
pub fn compressed(
    method: &Method,
    plain: bool,
    pool: &Pool,
    input: impl Read + Send + 'static,
) -> Result<Bytes> {
    match method {
        // In a seal damage is noticed anyway.
        Method::Zstd { level, long: false } => {
            compress::zstd::compress(input, *level, plain, pool.clone())
        }
        Method::Zstd { level, long: true } => {
            compress::zstd::compress_long(input, *level, plain, pool)
        }
        Method::Bzip2(level) => compress::bzip2::compress(input, *level, pool.clone()),
        Method::Command(_) | Method::None => chunks(input),
    }
}

/// A stream as it is, in chunks.
///
/// # Errors
/// If no thread can be started.
pub fn chunks(mut input: impl Read + Send + 'static) -> Result<Bytes> {
    stage(4, move |out| {
        let shelf = Shelf::default();
        loop {
            let mut chunk = shelf.chunk(1 << 20);
            let length = input::full(&mut input, &mut chunk)?;
            let ends = length < chunk.len();
            chunk.truncate(length);
            if length > 0 {
                out.give(chunk)?;
            }
            if ends {
                return Ok(());
            }
        }
    })
}

/// A stream of bytes, sealed.
///
/// # Errors
/// If no thread can be started.
pub fn sealed(key: PayloadKey, pool: Pool, mut bytes: Bytes) -> Result<Bytes> {
    stream::seal(key, pool, move |sealing| {
        while let Some(chunk) = bytes.next()? {
            sealing.write(&chunk)?;
        }
        Ok(())
    })
}

/// Writes all of a stream.
///
/// # Errors
/// If it fails, or can't be written.
pub fn emit(mut bytes: Bytes, output: &mut impl Write) -> Result<()> {
    while let Some(chunk) = bytes.next()? {
        for part in chunk.chunks(STEP) {
            written(output.write_all(part))?;
        }
    }
    Ok(())
}

/// What is sealed as it is and is compressed already will be decompressed when it is opened.
fn warn_of_packing(input: &mut Peeked<impl Read>, streams: &Streams) -> Result<()> {
    let packing = Packing::of(input.peek(magic::LOOK)?);
    if packing != Packing::None {
        streams.voice().note(format!(
            "this stream is {name} already, and opening will undo that too: 's3seal -d -Z none' leaves it",
            name = packing.name()
        ));
    }
    Ok(())
}
