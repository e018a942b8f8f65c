//! The header of age: for whom the file key is wrapped, under a MAC made with that key.
//!
//! It is read strictly and kept as it came, because the MAC covers its bytes. It promises nothing until
//! [`Header::unlock`] has found the file key and the MAC fits. A header is made for a given file key, so that a
//! stream can get new recipients while its payload stays as it is.

mod stanza;
mod told;

pub use told::one_sentence;

use std::collections::HashSet;
use std::io::Read;

use age::{DecryptError, Identity, Recipient};
use age_core::format::{FileKey, Stanza};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use common::{Error, Result};
use ring::hmac;

use crate::input::Peeked;
use crate::secrets::mac_key;

/// The first line of a sealed stream.
pub const MAGIC: &[u8] = b"age-encryption.org/v1\n";
/// How a sealed stream of any version begins.
pub const ANY_VERSION: &[u8] = b"age-encryption.org/";
/// More than a thousand recipients of any type but one; whoever sends more wants our memory.
pub const LONGEST: usize = 2 << 20;
/// The stanza of a passphrase. It stands alone.
pub const SCRYPT: &str = "scrypt";

/// A header, as it came or as it goes.
pub struct Header {
    /// What holds the file key, each for somebody else.
    pub stanzas: Vec<Stanza>,
    /// All of it, with the line of the MAC.
    pub bytes: Vec<u8>,
    mac: [u8; 32],
}

impl Header {
    /// Reads the header off the front of a stream, and nothing more.
    ///
    /// # Errors
    /// If the stream can't be read, or doesn't begin with a header.
    pub fn read(stream: &mut Peeked<impl Read>) -> Result<Self> {
        let mut searched = 0;
        loop {
            // The line of the MAC is the only one that begins so.
            if let Some(at) = find(&stream.seen()[searched..], b"\n--- ") {
                let end = searched + at + b"\n--- ".len() + MAC_LINE;
                let bytes = stream.peek(end)?.get(..end).ok_or_else(ends_early)?;
                let header = Self::parse(bytes)?;
                stream.skip(end);
                return Ok(header);
            }
            searched = stream.seen().len().saturating_sub(b"\n--- ".len());
            if stream.seen().len() > LONGEST {
                return Err(damaged("it has no end"));
            }
            if !stream.look_further()? {
                return Err(ends_early());
            }
        }
    }

    /// Understands a whole header.
    ///
    /// # Errors
    /// If it isn't one, to the last character.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not text"))?;
        let text = text
            .strip_suffix('\n')
            .ok_or_else(|| damaged("its last line has no end"))?;
        let mut lines = text.split('\n').peekable();
        if lines.next().map(str::as_bytes) != Some(&MAGIC[..MAGIC.len() - 1]) {
            return Err(damaged("its version is not known"));
        }
        let mut stanzas = Vec::new();
        while let Some(arguments) = lines.peek().and_then(|line| line.strip_prefix("-> ")) {
            lines.next();
            stanzas.push(stanza::read(arguments, &mut lines)?);
        }
        let mac = lines
            .next()
            .and_then(|line| line.strip_prefix("--- "))
            .and_then(|text| STANDARD_NO_PAD.decode(text).ok())
            .and_then(|mac| <[u8; 32]>::try_from(mac).ok())
            .ok_or_else(|| damaged("a line of it is wrong"))?;
        if lines.next().is_some() {
            return Err(damaged("it goes on behind its end"));
        }
        if stanzas.is_empty() {
            return Err(damaged("it is for nobody"));
        }
        let header = Self {
            stanzas,
            bytes: bytes.to_vec(),
            mac,
        };
        if header.is_for_passphrase() && header.stanzas.len() > 1 {
            return Err(damaged("a passphrase is not alone in it"));
        }
        Ok(header)
    }

    /// Makes the header that wraps `key` for all of `recipients`. They must agree on how strong they are, unless
    /// they may be `mixed`.
    ///
    /// # Errors
    /// If there is none, one of them fails, or they don't agree.
    pub fn wrap<'a>(
        key: &FileKey,
        recipients: impl IntoIterator<Item = &'a dyn Recipient>,
        mixed: bool,
    ) -> Result<Self> {
        let mut stanzas = Vec::new();
        let mut common: Option<HashSet<String>> = None;
        for recipient in recipients {
            let (more, labels) = recipient
                .wrap_file_key(key)
                .map_err(|why| told::refused(&why))?;
            stanzas.extend(more);
            match &common {
                Some(known) if *known != labels && !mixed => return Err(unequal()),
                Some(_) => {}
                None => common = Some(labels),
            }
        }
        let passphrases = stanzas.iter().filter(|stanza| stanza.tag == SCRYPT).count();
        if stanzas.is_empty() {
            return Err(Error::usage("there are no recipients"));
        }
        if passphrases > 0 && stanzas.len() > 1 {
            return Err(Error::usage(
                "a passphrase can't be one of several recipients",
            ));
        }
        let mut text = String::from_utf8_lossy(MAGIC).into_owned();
        for stanza in &stanzas {
            stanza::write(&mut text, stanza)?;
        }
        text.push_str("---");
        let tag = hmac::sign(&mac_key(key), text.as_bytes());
        let mut mac = [0; 32];
        mac.copy_from_slice(tag.as_ref());
        text.push(' ');
        text.push_str(&STANDARD_NO_PAD.encode(mac));
        text.push('\n');
        // What could be made, but not opened again, is not made.
        if text.len() > LONGEST {
            return Err(Error::usage(format!(
                "there are too many recipients: a header has at most {LONGEST} bytes"
            )));
        }
        Ok(Self {
            stanzas,
            bytes: text.into_bytes(),
            mac,
        })
    }

    /// The file key, found by the first identity that has one of the stanzas, and proven by the MAC.
    ///
    /// # Errors
    /// If none has, or the header was changed.
    pub fn unlock<'a>(
        &self,
        identities: impl IntoIterator<Item = &'a dyn Identity>,
    ) -> Result<FileKey> {
        let key = identities
            .into_iter()
            .find_map(|identity| identity.unwrap_stanzas(&self.stanzas))
            .unwrap_or(Err(DecryptError::NoMatchingKeys))
            .map_err(|why| told::locked(&why))?;
        let covered = self.bytes.len() - MAC_LINE - 1;
        hmac::verify(&mac_key(&key), &self.bytes[..covered], &self.mac)
            .map_err(|_| damaged("its MAC doesn't fit: somebody changed it"))?;
        Ok(key)
    }

    /// True if it takes a passphrase to open it.
    #[must_use]
    pub fn is_for_passphrase(&self) -> bool {
        self.stanzas.iter().any(|stanza| stanza.tag == SCRYPT)
    }
}

/// Characters of the MAC and its line feed.
const MAC_LINE: usize = 43 + 1;

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

fn damaged(why: &str) -> Error {
    Error::permanent("read the header of the sealed stream", why)
}

/// That a stream ends before its payload.
pub fn ends_early() -> Error {
    Error::permanent("open the sealed stream", "it is cut off in its header")
}

fn unequal() -> Error {
    Error::usage("post-quantum recipients can't be mixed with others: the seal would be only as strong as the weakest")
        .hint("give recipients of one kind, or --mixed")
}
