//! How streams begin, and what that says of them.

use common::chunks::Compression;

/// How many bytes it takes to tell.
pub const LOOK: usize = 64;

/// The first line of an armored seal. Spaces and empty lines may come before it.
const ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// True for a seal as text.
#[must_use]
pub fn is_armored(start: &[u8]) -> bool {
    start.trim_ascii_start().starts_with(ARMOR)
}

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Packing {
    /// Not, as far as we know.
    None,
    /// Opened by ourselves.
    Zstd,
    /// Opened by ourselves.
    Bzip2,
    /// Opened by this program, told `-dc`.
    Program(&'static str),
}

impl Packing {
    /// What `start` is the start of.
    #[must_use]
    pub fn of(start: &[u8]) -> Self {
        const PROGRAMS: [(&[u8], &str); 6] = [
            (b"\x1f\x8b\x08", "gzip"),
            (b"\xfd7zXZ\0", "xz"),
            (b"\x04\x22\x4d\x18", "lz4"),
            (b"\x02\x21\x4c\x18", "lz4"),
            (b"\x89LZO\0\r\n\x1a\n", "lzop"),
            (b"LZIP", "lzip"),
        ];
        match start {
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            // A block, or the end of a stream without any.
            [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
                if rest.starts_with(b"1AY&SY") || rest.starts_with(b"\x17\x72\x45\x38\x50\x90") =>
            {
                Self::Bzip2
            }
            _ => PROGRAMS
                .iter()
                .find(|(magic, _)| start.starts_with(magic))
                .map_or(Self::None, |(_, program)| Self::Program(program)),
        }
    }

    /// What it does, as names in a chunk stream tell it.
    #[must_use]
    pub fn compression(self) -> Compression {
        match self {
            Self::None => Compression::None,
            Self::Zstd => Compression::Zst,
            Self::Bzip2 => Compression::Bz2,
            Self::Program("gzip") => Compression::Gz,
            Self::Program("xz") => Compression::Xz,
            Self::Program("lz4") => Compression::Lz4,
            Self::Program("lzip") => Compression::Lz,
            Self::Program(_) => Compression::Lzo,
        }
    }

    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Program(program) => program,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings() {
        assert_eq!(Packing::of(b"\x28\xb5\x2f\xfd\x04"), Packing::Zstd);
        assert_eq!(Packing::of(b"\x5e\x2a\x4d\x18"), Packing::Zstd);
        assert_eq!(Packing::of(b"BZh91AY&SY"), Packing::Bzip2);
        assert_eq!(Packing::of(b"BZh is what I wrote"), Packing::None);
        assert_eq!(Packing::of(b"\xfd7zXZ\0\0"), Packing::Program("xz"));
        assert_eq!(Packing::of(b"ustar"), Packing::None);
        assert_eq!(Packing::of(b""), Packing::None);
    }

    #[test]
    fn armor_may_be_indented() {
        assert!(is_armored(b"\r\n \t-----BEGIN AGE ENCRYPTED FILE-----\n"));
        assert!(!is_armored(b"x-----BEGIN AGE ENCRYPTED FILE-----\n"));
        assert!(!is_armored(b""));
    }
}
