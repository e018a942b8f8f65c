//! The secret of a chain of dumps: the key of its hashes, from which the secrets of the cuts are derived.

use common::chunks::{Entry, random};

/// The hash of a chunk.
pub type Hash = [u8; 32];

/// A key. It has no `Debug`, so that it is in no message.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Key(pub [u8; 32]);

impl Key {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(random())
    }

    /// The hash of a chunk under this key.
    #[must_use]
    pub fn hash(&self, bytes: &[u8]) -> Hash {
        *blake3::keyed_hash(&self.0, bytes).as_bytes()
    }

    /// The hash of bytes that come in parts.
    pub fn hash_of<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in parts {
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }

    /// What an index says at its end: the hash of its lines of chunks.
    #[must_use]
    pub fn total(&self) -> Total {
        Total(blake3::Hasher::new_keyed(&self.0))
    }

    /// The secrets of the cuts, as many bytes as are wanted.
    #[must_use]
    pub fn cut_secrets(&self) -> blake3::OutputReader {
        blake3::Hasher::new_derive_key("s3pipes 2026-11 cut points")
            .update(&self.0)
            .finalize_xof()
    }
}

/// The hash over all lines of chunks of an index, line by line.
pub struct Total(blake3::Hasher);

impl Total {
    /// The next chunk.
    pub fn add(&mut self, entry: &Entry) {
        self.0.update(entry.line().as_bytes());
    }

    /// The hash of all.
    #[must_use]
    pub fn finish(&self) -> Hash {
        *self.0.finalize().as_bytes()
    }
}
