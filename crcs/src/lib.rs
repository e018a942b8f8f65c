//! CRCs at full speed in every profile.
//!
//! All of `crc-fast` is inlined into whoever calls it, and optimised as that is. In a development build, which is
//! what the tests run, that made the CRC of a stream cost more than all that is done with it besides. This crate
//! is small enough to be optimised always, and inlines nothing into others.

pub use crc_fast::CrcAlgorithm;

/// The CRC of `bytes`.
#[must_use]
#[inline(never)]
pub fn checksum(algorithm: CrcAlgorithm, bytes: &[u8]) -> u64 {
    crc_fast::checksum(algorithm, bytes)
}

/// The CRC of two pieces put together, from those of the two and the length of the second.
#[must_use]
#[inline(never)]
pub fn checksum_combine(
    algorithm: CrcAlgorithm,
    first: u64,
    second: u64,
    second_length: u64,
) -> u64 {
    crc_fast::checksum_combine(algorithm, first, second, second_length)
}

/// A CRC that is computed piece by piece.
#[derive(Clone, Debug)]
pub struct Digest(crc_fast::Digest);

impl Digest {
    /// Of nothing yet.
    #[must_use]
    #[inline(never)]
    pub fn new(algorithm: CrcAlgorithm) -> Self {
        Self(crc_fast::Digest::new(algorithm))
    }

    /// Takes in the next bytes.
    #[inline(never)]
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The CRC of all bytes so far.
    #[must_use]
    #[inline(never)]
    pub fn finalize(&self) -> u64 {
        self.0.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn piece_by_piece_and_joined() {
        let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
        digest.update(b"1234");
        let first = digest.finalize();
        digest.update(b"56789");
        // The check value of CRC-64/NVME in the catalogue of CRC algorithms.
        assert_eq!(digest.finalize(), 0xae8b_1486_0a79_9888);
        let second = checksum(CrcAlgorithm::Crc64Nvme, b"56789");
        let joined = checksum_combine(CrcAlgorithm::Crc64Nvme, first, second, 5);
        assert_eq!(joined, digest.finalize());
    }
}
