//! Checksums of whole objects: what we compute, what servers hold, and how the two are compared.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumType;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crcs::{CrcAlgorithm, Digest};
use md5::Digest as _;

use super::content::Content;
use super::ladder::{Cuts, Ladder};

/// The checksum in the form of S3's headers.
pub(super) fn encode(crc: u64) -> String {
    STANDARD.encode(crc.to_be_bytes())
}

/// The checksum in the form of S3's headers, read.
pub(super) fn decode(text: &str) -> Option<u64> {
    let bytes = STANDARD.decode(text).ok()?;
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// The MD5 of a part as an ETag has it; `None` if it can't be read.
pub(super) fn md5(content: &Content) -> Option<String> {
    let mut digest = md5::Md5::new();
    let mut reading = content.read();
    while reading.left() > 0 {
        let count = reading.next(256 << 10);
        digest.update(reading.take(count).ok()?);
    }
    Some(hex(&digest.finalize()))
}

/// The MD5 of `bytes` as an ETag has it.
pub(super) fn md5_of(bytes: &[u8]) -> String {
    hex(&md5::Md5::digest(bytes))
}

/// An MD5 that is computed piece by piece.
#[derive(Default)]
pub struct Md5(md5::Md5);

impl Md5 {
    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The sum, in hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// True of an ETag that may be the MD5 of what one request brought.
pub(super) fn is_md5(etag: &str) -> bool {
    etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The ETag that servers make of a multipart upload: the MD5 of its parts' MD5s, which are their ETags. `None`
/// if those are something else.
pub(super) fn etag_of_parts<'a>(
    etags: impl ExactSizeIterator<Item = Option<&'a str>>,
) -> Option<String> {
    let count = etags.len();
    let mut all = md5::Md5::default();
    for etag in etags {
        let etag = etag?.trim_matches('"');
        let digest = u128::from_str_radix(etag, 16)
            .ok()
            .filter(|_| is_md5(etag))?;
        all.update(digest.to_be_bytes());
    }
    Some(format!("{}-{count}", hex(&all.finalize())))
}

/// CRC-64/NVME of `bytes`.
pub(super) fn crc64(bytes: &[u8]) -> u64 {
    crcs::checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

/// A CRC-64/NVME that is computed piece by piece.
pub(super) fn digest() -> Digest {
    Digest::new(CrcAlgorithm::Crc64Nvme)
}

/// The CRC of two pieces put together.
pub(super) fn joined(first: u64, second: u64, second_length: u64) -> u64 {
    crcs::checksum_combine(CrcAlgorithm::Crc64Nvme, first, second, second_length)
}

/// The CRC of pieces put together, each given by its CRC and its length; `None` if one of them is not known.
pub(super) fn of_all(pieces: impl IntoIterator<Item = (Option<u64>, u64)>) -> Option<u64> {
    pieces
        .into_iter()
        .try_fold(crc64(&[]), |all, (crc, length)| {
            Some(joined(all, crc?, length))
        })
}

/// The CRC of the second of two pieces, from those of both put together and of the first. What joining does to the
/// first CRC is undone by doing it once more, because a CRC is a sum without carry.
pub(super) fn remaining(whole: u64, first: u64, second_length: u64) -> u64 {
    whole ^ joined(first, 0, second_length)
}

/// The CRC of the first of two pieces, from those of both put together and of the second: what joining does to the first
/// is taken back, a bit at a time. That takes a second for some hundred MiB.
pub(super) fn beginning(whole: u64, second: u64, second_length: u64) -> u64 {
    /// The polynomial, as a CRC has it that takes the lowest bit first.
    const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;
    let mut crc = whole ^ second;
    for _ in 0..second_length {
        for _ in 0..8 {
            crc = match crc >> 63 {
                0 => crc << 1,
                _ => (crc ^ POLYNOMIAL) << 1 | 1,
            };
        }
    }
    crc
}

/// The CRC-64/NVME that the server holds of the whole object.
pub(super) fn whole_crc64(head: &HeadObjectOutput) -> Option<u64> {
    head.checksum_crc64_nvme()
        .filter(|_| head.checksum_type() != Some(&ChecksumType::Composite))
        .and_then(decode)
}

/// What the server holds of the whole object, as `NAME:BASE64`.
pub(super) fn shown(head: &HeadObjectOutput) -> Option<String> {
    if head.checksum_type() == Some(&ChecksumType::Composite) {
        return None;
    }
    let named = [
        ("CRC64NVME", head.checksum_crc64_nvme()),
        ("CRC32C", head.checksum_crc32_c()),
        ("CRC32", head.checksum_crc32()),
        ("SHA256", head.checksum_sha256()),
    ];
    named.into_iter().find_map(|(name, value)| {
        value
            .filter(|value| !value.contains('-'))
            .map(|value| format!("{name}:{value}"))
    })
}

/// A check that runs along with the bytes of a whole object.
pub(super) struct Check {
    means: Means,
    expected: String,
    /// False where a mismatch may mean that the parts' sizes were guessed wrong.
    certain: bool,
}

enum Means {
    Crc(Box<Digest>),
    Sha256(Box<sha2::Sha256>),
    /// The ETag of an object that was stored by one request.
    Md5(Box<md5::Md5>),
    /// The ETag of a multipart upload: the MD5 of its parts' MD5s.
    Parts {
        cuts: Cuts,
        number: u32,
        left: u64,
        part: Box<md5::Md5>,
        all: Box<md5::Md5>,
    },
}

/// The MD5 in an ETag, and of how many parts' MD5s it was made, if it was. It is one only where the server doesn't
/// encrypt under a key of its own.
fn md5_etag(head: &HeadObjectOutput) -> Option<(&str, Option<u32>)> {
    let keyed = head
        .server_side_encryption()
        .is_some_and(|kind| kind.as_str() != "AES256")
        || head.sse_customer_algorithm().is_some();
    let etag = head.e_tag()?.trim_matches('"');
    let (digest, parts) = match etag.split_once('-') {
        Some((digest, parts)) => (digest, Some(parts.parse().ok()?)),
        None => (etag, None),
    };
    (!keyed && is_md5(digest)).then_some((digest, parts))
}

/// An ETag that was made of parts' MD5s, and how those parts were cut.
pub(super) struct Parted {
    /// Without its quotation marks.
    pub(super) etag: String,
    pub(super) parts: u32,
    pub(super) cuts: Cuts,
    /// The object says how it was cut; else it is guessed.
    certain: bool,
}

impl Parted {
    /// That of an object, if it has one, and the sizes of its parts are known or can be guessed.
    pub(super) fn of(head: &HeadObjectOutput) -> Option<Self> {
        let (digest, parts) = md5_etag(head)?;
        let parts = parts?;
        let size = u64::try_from(head.content_length()?).ok()?;
        let known = head.metadata().and_then(|metadata| {
            let cuts = metadata.get(Cuts::METADATA)?;
            cuts.parse().ok()
        });
        let cuts = known.or_else(|| Ladder::guess(size, parts).map(Cuts::from))?;
        Some(Self {
            etag: format!("{digest}-{parts}"),
            parts,
            cuts,
            certain: known.is_some(),
        })
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// The bytes are those that were stored.
    Proven,
    /// They are not.
    Damaged,
    /// The server holds nothing to compare with.
    Unknown,
}

impl Check {
    /// The best check that the server's answer about an object allows.
    pub(super) fn of(head: &HeadObjectOutput) -> Option<Self> {
        let full = head.checksum_type() != Some(&ChecksumType::Composite);
        let whole = |value: Option<&str>| {
            value
                .filter(|value| full && !value.contains('-'))
                .map(str::to_owned)
        };
        let crc = |algorithm| Means::Crc(Box::new(Digest::new(algorithm)));
        if let Some(expected) = whole(head.checksum_crc64_nvme()) {
            return Some(Self {
                means: crc(CrcAlgorithm::Crc64Nvme),
                expected,
                certain: true,
            });
        }
        if let Some(expected) = whole(head.checksum_crc32_c()) {
            return Some(Self {
                means: crc(CrcAlgorithm::Crc32Iscsi),
                expected,
                certain: true,
            });
        }
        if let Some(expected) = whole(head.checksum_crc32()) {
            return Some(Self {
                means: crc(CrcAlgorithm::Crc32IsoHdlc),
                expected,
                certain: true,
            });
        }
        if let Some(expected) = whole(head.checksum_sha256()) {
            return Some(Self {
                means: Means::Sha256(Box::default()),
                expected,
                certain: true,
            });
        }
        Self::of_etag(head)
    }

    fn of_etag(head: &HeadObjectOutput) -> Option<Self> {
        let (digest, parts) = md5_etag(head)?;
        if parts.is_none() {
            return Some(Self {
                means: Means::Md5(Box::default()),
                expected: digest.to_owned(),
                certain: true,
            });
        }
        let Parted {
            etag,
            cuts,
            certain,
            ..
        } = Parted::of(head)?;
        let means = Means::Parts {
            cuts,
            number: 1,
            left: cuts.part(1),
            part: Box::default(),
            all: Box::default(),
        };
        Some(Self {
            means,
            expected: etag,
            certain,
        })
    }

    /// Takes in the next bytes.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        match &mut self.means {
            Means::Crc(digest) => digest.update(bytes),
            Means::Sha256(digest) => digest.update(bytes),
            Means::Md5(digest) => digest.update(bytes),
            Means::Parts {
                cuts,
                number,
                left,
                part,
                all,
            } => {
                while !bytes.is_empty() {
                    if *left == 0 {
                        all.update(part.finalize_reset());
                        *number += 1;
                        *left = cuts.part(*number);
                    }
                    let (now, later) = bytes.split_at(
                        usize::try_from(*left)
                            .unwrap_or(usize::MAX)
                            .min(bytes.len()),
                    );
                    part.update(now);
                    *left -= now.len() as u64;
                    bytes = later;
                }
            }
        }
    }

    /// Compares, after the last byte.
    pub(super) fn verdict(self) -> Verdict {
        let found = match self.means {
            // A 32-bit sum is eight characters of base64, and the last four of the eight bytes.
            Means::Crc(digest) if self.expected.len() == 8 => {
                STANDARD.encode(&digest.finalize().to_be_bytes()[4..])
            }
            Means::Crc(digest) => encode(digest.finalize()),
            Means::Sha256(digest) => STANDARD.encode(digest.finalize()),
            Means::Md5(digest) => hex(&digest.finalize()),
            Means::Parts {
                number,
                part,
                mut all,
                ..
            } => {
                all.update(part.finalize());
                format!("{}-{number}", hex(&all.finalize()))
            }
        };
        match (found == self.expected, self.certain) {
            (true, _) => Verdict::Proven,
            (false, true) => Verdict::Damaged,
            (false, false) => Verdict::Unknown,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crcs_of_pieces_combine() {
        let (first, second) = (b"backup of ".as_slice(), b"a whole machine".as_slice());
        let both = [first, second].concat();
        assert_eq!(
            joined(crc64(first), crc64(second), second.len() as u64),
            crc64(&both)
        );
        assert_eq!(
            remaining(crc64(&both), crc64(first), second.len() as u64),
            crc64(second)
        );
        assert_eq!(remaining(crc64(first), crc64(first), 0), crc64(b""));
        assert_eq!(
            beginning(crc64(&both), crc64(second), second.len() as u64),
            crc64(first)
        );
        assert_eq!(beginning(crc64(first), crc64(b""), 0), crc64(first));
        assert_eq!(beginning(crc64(first), crc64(first), 10), crc64(b""));
        // The check value of CRC-64/NVME in the catalogue of CRC algorithms.
        assert_eq!(crc64(b"123456789"), 0xae8b_1486_0a79_9888);
    }

    fn verdict(head: &HeadObjectOutput, bytes: &[u8]) -> Verdict {
        let mut check = Check::of(head).unwrap();
        for slice in bytes.chunks(3) {
            check.update(slice);
        }
        check.verdict()
    }

    #[test]
    fn what_servers_hold_is_compared() {
        let head = || HeadObjectOutput::builder().content_length(9);
        for head in [
            head().checksum_crc64_nvme("rosUhgp5mIg=").build(),
            head().checksum_crc32("y/Q5Jg==").build(),
            head().checksum_crc32_c("4waSgw==").build(),
            head()
                .checksum_sha256("FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=")
                .build(),
            head().e_tag("\"25f9e794323b453885f5181f1b624d0b\"").build(),
        ] {
            let good = verdict(&head, b"123456789");
            assert_eq!(
                (good, verdict(&head, b"123456780")),
                (Verdict::Proven, Verdict::Damaged),
                "{head:?}"
            );
        }
    }

    #[test]
    fn a_composite_checksum_or_a_keyed_etag_proves_nothing() {
        let head = HeadObjectOutput::builder()
            .content_length(9)
            .checksum_type(ChecksumType::Composite)
            .checksum_crc32("y/Q5Jg==-2")
            .build();
        assert!(Check::of(&head).is_none());
        let keyed = HeadObjectOutput::builder()
            .content_length(9)
            .e_tag("25f9e794323b453885f5181f1b624d0b")
            .server_side_encryption(aws_sdk_s3::types::ServerSideEncryption::AwsKms)
            .build();
        assert!(Check::of(&keyed).is_none());
    }

    #[test]
    fn the_etag_of_parts() {
        let parts = md5::Md5::digest(b"1234")
            .iter()
            .chain(md5::Md5::digest(b"5678").iter())
            .chain(md5::Md5::digest(b"9").iter())
            .copied()
            .collect::<Vec<u8>>();
        let etag = format!("{}-3", hex(&md5::Md5::digest(&parts)));
        let head = HeadObjectOutput::builder()
            .content_length(9)
            .e_tag(etag)
            .metadata(Cuts::METADATA, "fixed:4")
            .build();
        assert_eq!(verdict(&head, b"123456789"), Verdict::Proven);
        assert_eq!(verdict(&head, b"123456798"), Verdict::Damaged);
    }

    #[test]
    fn the_etag_of_an_upload_is_known_before_it_is_completed() {
        let pieces: [&[u8]; 2] = [b"1234", b"5678"];
        let etags = pieces.map(|piece| format!("\"{}\"", hex(&md5::Md5::digest(piece))));
        let whole = etag_of_parts(etags.iter().map(|etag| Some(etag.as_str()))).unwrap();
        let head = HeadObjectOutput::builder().content_length(8);
        let head = head
            .e_tag(whole)
            .metadata(Cuts::METADATA, "fixed:4")
            .build();
        assert_eq!(verdict(&head, b"12345678"), Verdict::Proven);
        for other in [
            None,
            Some("25f9e794323b453885f5181f1b624d0"),
            Some("x5f9e794323b453885f5181f1b624d0b"),
        ] {
            assert_eq!(etag_of_parts([other].into_iter()), None);
        }
        assert_eq!(decode(&encode(17)), Some(17));
        assert_eq!(decode("QkwomHgpZ/s"), None);
    }
}
