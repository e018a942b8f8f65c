//! New recipients for a sealed stream: another header for the same file key, and the payload as it is.
//!
//! The old header is believed only if its MAC fits. The payload passes through unread: whether it is sound, opening
//! tells. Whoever has seen the file key, or kept the old header and its identity, can still open the payload.

use std::io::{Read, Write};

use common::chunks::Opened;
use common::run::{Streams, written};
use common::{Error, Result};

use crate::args::Args;
use crate::armor::dearmored;
use crate::header::{ANY_VERSION, Header};
use crate::input::{self, Peeked};
use crate::keys::{Identities, Recipients};
use crate::magic;
use crate::members::{self, Keys};
use crate::open::identities;
use crate::passphrase::Asker;
use crate::seal::recipients;

/// Seals standard input for others.
///
/// # Errors
/// If none of the identities opens it, a recipient fails, or a stream does.
pub fn rewrap(args: &Args, streams: &mut Streams) -> Result<()> {
    if streams.output().is_terminal() {
        return Err(Error::usage("a sealed stream is not for a terminal")
            .hint("send it to a file or to another program"));
    }
    let identities = identities(args, streams)?;
    if identities.is_empty() {
        return Err(Error::usage("no old identity is named").hint("use -i FILE, or -p"));
    }
    let recipients = recipients(args, Asker::new(None, streams.voice())?, streams.voice())?;
    let input = match members::look(streams.take_input()?)? {
        Opened::Chunks(reader) => {
            let keys = Keys::new(identities);
            return members::rewrap(reader, keys, recipients, args.mixed, streams.output());
        }
        Opened::Other(input) => input,
    };
    let mut input = Peeked::new(input);
    let start = input.peek(magic::LOOK)?;
    if start.starts_with(ANY_VERSION) {
        return change(&mut input, &identities, recipients, args.mixed, streams);
    }
    if magic::is_armored(start) {
        let mut input = Peeked::new(dearmored(input));
        return change(&mut input, &identities, recipients, args.mixed, streams);
    }
    Err(Error::permanent(
        "change the recipients",
        "the stream is not sealed",
    ))
}

fn change(
    input: &mut Peeked<impl Read>,
    identities: &Identities,
    mut recipients: Recipients,
    mixed: bool,
    streams: &mut Streams,
) -> Result<()> {
    let old = Header::read(input)?;
    let file_key = identities.unlock(&old)?;
    let new = recipients.wrap(&file_key, mixed)?;
    written(streams.output().write_all(&new.bytes))?;
    pass_on(input, streams)
}

fn pass_on(input: &mut impl Read, streams: &mut Streams) -> Result<()> {
    let mut buffer = vec![0; 128 << 10];
    loop {
        match input::some(input, &mut buffer)? {
            0 => return Ok(()),
            length => written(streams.output().write_all(&buffer[..length]))?,
        }
    }
}
