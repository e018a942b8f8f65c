//! The file keys of a stream's headers, each found once: whoever has a passphrase or a token is asked no more than that.

use std::io::Read;

use age_core::format::FileKey;
use common::{Error, Result};

use crate::header::{ANY_VERSION, Header};
use crate::input::Peeked;
use crate::keys::Identities;
use crate::magic::LOOK;
use crate::secrets;
use crate::stream::PayloadKey;

/// Headers are kept up to this many bytes: thousands, if they are as short as most are.
const KEPT: usize = 1 << 20;

/// The file keys found so far, by the exact bytes of their headers. The one used last comes first.
pub struct Keys {
    identities: Identities,
    known: Vec<Known>,
}

struct Known {
    header: Vec<u8>,
    key: FileKey,
    /// The header for others, if there is one.
    new: Vec<u8>,
}

impl Keys {
    /// None found yet.
    #[must_use]
    pub fn new(identities: Identities) -> Self {
        Self {
            identities,
            known: Vec::new(),
        }
    }

    /// True if nothing can be found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }

    /// Reads header and nonce off a sealed stream: how many bytes that was, and the key of what follows.
    ///
    /// # Errors
    /// If it isn't sealed, or none of the identities opens it.
    pub fn payload(&mut self, stream: &mut Peeked<impl Read>) -> Result<(usize, PayloadKey)> {
        let (length, known) = self.found(stream)?;
        let nonce = secrets::read_nonce(stream)?;
        Ok((
            length + secrets::NONCE,
            secrets::payload_key(&known.key, &nonce)?,
        ))
    }

    /// Reads the header off a sealed stream: how long it was, and another one for the same file key, which `wrap` makes
    /// if it hasn't before.
    ///
    /// # Errors
    /// As [`Keys::payload`]; those of `wrap`.
    pub fn rewrapped(
        &mut self,
        stream: &mut Peeked<impl Read>,
        wrap: impl FnOnce(&FileKey) -> Result<Vec<u8>>,
    ) -> Result<(usize, &[u8])> {
        let (length, known) = self.found(stream)?;
        if known.new.is_empty() {
            known.new = wrap(&known.key)?;
        }
        Ok((length, &known.new))
    }

    /// Reads the header: how long it was, and what is known of it.
    fn found(&mut self, stream: &mut Peeked<impl Read>) -> Result<(usize, &mut Known)> {
        if !stream.peek(LOOK)?.starts_with(ANY_VERSION) {
            return Err(Error::permanent(
                "open the sealed stream",
                "its name says that it is sealed, and it is not",
            ));
        }
        let header = Header::read(stream)?;
        let length = header.bytes.len();
        let found = self.known.iter().position(|one| one.header == header.bytes);
        match found {
            Some(at) => self.known[..=at].rotate_right(1),
            None => {
                let key = self.identities.unlock(&header)?;
                let known = Known {
                    header: header.bytes,
                    key,
                    new: Vec::new(),
                };
                self.known.insert(0, known);
                self.forget();
            }
        }
        Ok((length, &mut self.known[0]))
    }

    /// Drops those that were not used for longest, if they are too many. The first one stays.
    fn forget(&mut self) {
        let mut bytes = 0;
        let fits = |one: &Known| {
            bytes += one.header.len() + one.new.len();
            bytes <= KEPT
        };
        let count = self.known.iter().map(fits).take_while(|fits| *fits).count();
        self.known.truncate(count.max(1));
    }
}
