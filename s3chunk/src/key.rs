//! The secret of a chain of dumps: the key of its hashes, from which the secrets of the cuts are derived.

use common::chunks::random;

use crate::cutter::WINDOW;

/// The hash of a chunk.
pub type Hash = [u8; 32];

/// What the words of NH and the key of AES take.
const CUT_SECRETS: usize = WINDOW + 16;

/// A key. It has no `Debug`, so that it is in no message.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Key(pub [u8; 32]);

impl Key {
    /// A new one.
    pub fn random() -> Self {
        Self(random())
    }

    /// The hash of a chunk, or of anything else, under this key.
    pub fn hash(&self, bytes: &[u8]) -> Hash {
        *blake3::keyed_hash(&self.0, bytes).as_bytes()
    }

    /// The same of bytes that come in parts.
    pub fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }

    /// The secret words of NH, little endian, and the key of AES.
    pub fn cut_secrets(&self) -> [u8; CUT_SECRETS] {
        let mut secrets = [0; CUT_SECRETS];
        blake3::Hasher::new_derive_key("s3pipes 2026-11 cut points")
            .update(&self.0)
            .finalize_xof()
            .fill(&mut secrets);
        secrets
    }
}
