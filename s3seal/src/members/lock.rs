//! What seals the members of a stream: one header, one file key, and a new nonce each.

use age_core::format::FileKey;
use common::Result;

use crate::header::Header;
use crate::keys::Recipients;
use crate::secrets;
use crate::stream::{self, PayloadKey};

/// A header, and the file key that it wraps.
pub struct Lock {
    header: Vec<u8>,
    key: FileKey,
}

impl Lock {
    /// A new file key, wrapped for all recipients.
    ///
    /// # Errors
    /// As [`Recipients::wrap`].
    pub fn new(recipients: &mut Recipients, mixed: bool) -> Result<Self> {
        let key = secrets::new_file_key()?;
        let Header { bytes, .. } = recipients.wrap(&key, mixed)?;
        Ok(Self { header: bytes, key })
    }

    /// Begins a seal: the bytes that it begins with, and the key of what follows them.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn begin(&self) -> Result<(Vec<u8>, PayloadKey)> {
        let nonce = secrets::new_nonce()?;
        let key = secrets::payload_key(&self.key, &nonce)?;
        Ok(([&self.header[..], &nonce].concat(), key))
    }

    /// Seals `content` at the end of `out`.
    ///
    /// # Errors
    /// As [`Lock::begin`].
    pub fn seal(&self, content: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let (start, key) = self.begin()?;
        out.extend_from_slice(&start);
        stream::seal_whole(&key, content, out)
    }

    /// How many bytes a seal around `length` bytes has.
    #[must_use]
    pub fn size(&self, length: usize) -> usize {
        let pieces = length.div_ceil(stream::PIECE).max(1);
        self.header.len() + secrets::NONCE + length + pieces * stream::TAG
    }
}
