//! Opening: from standard input, decrypted, decompressed, to standard output.
//!
//! The first bytes say what a stream is, at every layer: sealed, armored or neither; then compressed how. What was
//! sealed leaves only after its piece was found authentic, and exit 0 comes only after the last. Who gives a key gets
//! nothing that isn't sealed: whoever can write to the bucket could have put anything there.

use std::io::Read;

use age_core::format::FileKey;
use common::chunks::Opened;
use common::run::Streams;
use common::{Error, Result};

use crate::args::Args;
use crate::armor::dearmored;
use crate::compress::{self, command::Program};
use crate::flow::Bytes;
use crate::header::{ANY_VERSION, Header};
use crate::input::{self, Peeked};
use crate::keys::Identities;
use crate::magic::{self, Packing};
use crate::members::{self, Keys};
use crate::passphrase::Asker;
use crate::pool::Pool;
use crate::seal::{chunks, emit};
use crate::{secrets, seeds, stream};
use zeroize::Zeroizing;

/// Opens standard input; writes what was in it if that is to be `shown`.
///
/// # Errors
/// If it isn't authentic, whole and understood, or a stream fails.
pub fn open(args: &Args, shown: bool, streams: &mut Streams) -> Result<()> {
    let pool = Pool::new()?;
    if let Some(seed) = args.seed {
        let asker = Asker::new(args.passphrase_source().as_ref(), streams.voice())?;
        let passphrase = asker.to_open("the container")?;
        let bytes = seeds::open(seed, &passphrase, streams.take_input()?)?;
        return unpack(args, bytes, true, shown, pool, streams);
    }
    let identities = identities(args, streams)?;
    let input = match members::look(streams.take_input()?)? {
        Opened::Chunks(reader) => {
            let keys = Keys::new(identities);
            let how = members::HowOpened {
                decompress: args.decompress.as_deref(),
                plain: args.plain,
            };
            let to = shown.then(|| streams.output());
            return members::open(reader, keys, how, pool, to);
        }
        Opened::Other(input) => Peeked::new(input),
    };
    let (bytes, sealed) = unsealed(input, &identities, &pool)?;
    if !sealed && !identities.is_empty() && !args.plain {
        return Err(Error::permanent(
            "open the stream",
            "it is not sealed, though keys were given",
        )
        .hint("--plain opens what is only compressed"));
    }
    unpack(args, bytes, sealed, shown, pool, streams)
}

/// Those that the command line names.
///
/// # Errors
/// If one of them can't be understood.
pub fn identities(args: &Args, streams: &Streams) -> Result<Identities> {
    let asker = Asker::new(args.passphrase_source().as_ref(), streams.voice())?;
    let mut identities = Identities::new(asker, streams.voice());
    for path in &args.identity {
        identities.add_file(path)?;
    }
    if args.has_passphrase() {
        identities.add_passphrase();
    }
    Ok(identities)
}

/// What was in the seal, if there is one.
fn unsealed(
    mut input: Peeked<impl Read + Send + 'static>,
    identities: &Identities,
    pool: &Pool,
) -> Result<(Bytes, bool)> {
    let start = input.peek(magic::LOOK)?;
    if start.starts_with(ANY_VERSION) {
        return Ok((opened(input, identities, pool)?, true));
    }
    if magic::is_armored(start) {
        let dearmored = Peeked::new(dearmored(input));
        return Ok((opened(dearmored, identities, pool)?, true));
    }
    Ok((chunks(input)?, false))
}

fn opened(
    mut input: Peeked<impl Read + Send + 'static>,
    identities: &Identities,
    pool: &Pool,
) -> Result<Bytes> {
    let header = Header::read(&mut input)?;
    if identities.is_empty() {
        return Err(
            Error::permanent("open the sealed stream", "no key was given")
                .hint("use -i FILE, or -p if it was sealed with a passphrase"),
        );
    }
    let file_key = identities.unlock(&header)?;
    let nonce = secrets::read_nonce(&mut input)?;
    let key = secrets::payload_key(&file_key, &nonce)?;
    stream::open(key, pool.clone(), input)
}

fn unpack(
    args: &Args,
    mut bytes: Bytes,
    sealed: bool,
    shown: bool,
    pool: Pool,
    streams: &mut Streams,
) -> Result<()> {
    let program = match args.decompress.as_deref() {
        Some("none") => None,
        Some(command) => Some(Program::Shell(command.to_owned())),
        None => {
            let packing;
            (bytes, packing) = decompressed(bytes, pool)?;
            if packing == Packing::None && !sealed && !args.plain {
                return Err(Error::permanent(
                    "open the stream",
                    "it is neither sealed nor compressed in a known way",
                )
                .hint("-Z COMMAND names a decompressor; --plain passes on what isn't compressed"));
            }
            match packing {
                Packing::Program(name) => Some(Program::Named(name)),
                Packing::None | Packing::Zstd | Packing::Bzip2 => None,
            }
        }
    };
    match program {
        Some(program) => compress::command::decompress(&program, bytes, shown),
        None if shown => emit(bytes, streams.output()),
        None => emit(bytes, &mut std::io::sink()),
    }
}

/// How a stream is compressed; and its content, if it is in a way that we undo ourselves.
fn decompressed(mut bytes: Bytes, pool: Pool) -> Result<(Bytes, Packing)> {
    let packing = bytes
        .peek()?
        .map_or(Packing::None, |chunk| Packing::of(chunk));
    let bytes = match packing {
        Packing::Zstd => compress::zstd::decompress(bytes, pool)?,
        Packing::Bzip2 => compress::bzip2::decompress(bytes, pool)?,
        Packing::None | Packing::Program(_) => bytes,
    };
    Ok((bytes, packing))
}

/// All that `input` holds, in memory: what `-d` would write, but for the formats that take a program.
///
/// # Errors
/// As for any stream.
pub fn whole(
    input: impl Read + Send + 'static,
    identities: &Identities,
    pool: &Pool,
) -> Result<Vec<u8>> {
    let (bytes, _) = unsealed(Peeked::new(input), identities, pool)?;
    let (bytes, _) = decompressed(bytes, pool.clone())?;
    let mut content = Vec::new();
    emit(bytes, &mut content)?;
    Ok(content)
}

/// Opens a short sealed text, such as a protected identity, armored or not, compressed by zstd or not. `unlock` finds
/// the file key. What comes out is no longer than `most` bytes.
///
/// # Errors
/// As for any sealed stream; those of `unlock`.
pub fn in_memory(
    text: &[u8],
    most: u64,
    unlock: impl FnOnce(&Header) -> Result<FileKey>,
) -> Result<Zeroizing<Vec<u8>>> {
    let mut input = Peeked::new(dearmored(text));
    let header = Header::read(&mut input)?;
    let file_key = unlock(&header)?;
    let nonce = secrets::read_nonce(&mut input)?;
    let mut payload = vec![0; text.len()];
    let length = input::full(&mut input, &mut payload)?;
    payload.truncate(length);
    let opened = stream::open_whole(&secrets::payload_key(&file_key, &nonce)?, payload)?;
    match Packing::of(&opened) {
        Packing::Zstd => compress::zstd::decompress_whole(&opened, most),
        _ => Ok(opened),
    }
}
