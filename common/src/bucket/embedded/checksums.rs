//! Checksums of what comes in: which one the sender promised, and whether the bytes keep the promise.
//!
//! CRC-64/NVME is always computed; anything else only if it was sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crcs::{CrcAlgorithm, Digest};
use http::HeaderMap;
use s3s::crypto::{Checksum as _, Md5, Sha1, Sha256};
use s3s::dto;
use s3s::{S3Result, s3_error};

use super::object::encode;

/// A checksum that S3 knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Sha1,
    Sha256,
    Crc64Nvme,
}

impl Algorithm {
    const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Sha1,
        Self::Sha256,
        Self::Crc64Nvme,
    ];

    /// The name in `x-amz-checksum-algorithm` and in records.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Crc64Nvme => "CRC64NVME",
        }
    }

    /// The algorithm of that name.
    pub(super) fn named(name: &str) -> S3Result<Self> {
        let found = Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            s3_error!(
                NotImplemented,
                "checksum algorithm {name} is not implemented"
            )
        })
    }

    /// How many bytes a value has.
    fn length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Crc64Nvme => 8,
        }
    }

    /// The parameters of a CRC; `None` for the others, which can't be combined.
    pub(super) fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// A CRC's value as it travels.
    pub(super) fn encode_crc(self, crc: u64) -> String {
        encode(&crc.to_be_bytes()[8 - self.length().min(8)..])
    }
}

/// What the sender promised.
#[derive(Debug, Default)]
pub(super) struct Promise {
    value: Option<(Algorithm, Option<String>)>,
    md5: Option<Vec<u8>>,
}

impl Promise {
    /// Reads the headers of a Put or an UploadPart.
    ///
    /// # Errors
    /// For more than one checksum, one that can't be verified, or one that isn't a checksum.
    pub(super) fn of(headers: &HeaderMap) -> S3Result<Self> {
        let mut promise = Self::default();
        for (name, value) in headers {
            let Some(name) = name.as_str().strip_prefix("x-amz-checksum-") else {
                continue;
            };
            if !matches!(name, "algorithm" | "type" | "mode") {
                let text = value.to_str().unwrap_or_default().to_owned();
                let algorithm = Algorithm::named(name)?;
                if decode(&text).is_none_or(|bytes| bytes.len() != algorithm.length()) {
                    return Err(s3_error!(
                        InvalidRequest,
                        "value for x-amz-checksum-{name} header is invalid"
                    ));
                }
                promise.add(algorithm, Some(text))?;
            }
        }
        for value in headers.get_all("x-amz-trailer") {
            for name in value.to_str().unwrap_or_default().split(',') {
                if let Some(name) = name
                    .trim()
                    .to_ascii_lowercase()
                    .strip_prefix("x-amz-checksum-")
                {
                    promise.add(Algorithm::named(name)?, None)?;
                }
            }
        }
        if promise.value.is_none() && headers.contains_key("x-amz-sdk-checksum-algorithm") {
            return Err(s3_error!(
                InvalidRequest,
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found"
            ));
        }
        if let Some(value) = headers.get("content-md5") {
            let md5 = decode(value.to_str().unwrap_or_default()).filter(|bytes| bytes.len() == 16);
            promise.md5 = Some(md5.ok_or_else(|| {
                s3_error!(InvalidDigest, "the Content-MD5 you specified is not valid")
            })?);
        }
        Ok(promise)
    }

    /// Nothing was promised, but this is to be computed.
    pub(super) fn compute(algorithm: Option<Algorithm>) -> Self {
        Self {
            value: algorithm.map(|algorithm| (algorithm, None)),
            md5: None,
        }
    }

    /// Which algorithm was promised.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        self.value.as_ref().map(|(algorithm, _)| *algorithm)
    }

    fn add(&mut self, algorithm: Algorithm, value: Option<String>) -> S3Result<()> {
        if self.value.is_some() {
            return Err(s3_error!(
                InvalidRequest,
                "expecting a single x-amz-checksum- header; multiple checksum types are not allowed"
            ));
        }
        self.value = Some((algorithm, value));
        Ok(())
    }
}

/// Runs along with the bytes.
pub(super) struct Running {
    promise: Promise,
    crc64: Digest,
    other: Other,
    md5: Option<Md5>,
    size: u64,
}

enum Other {
    None,
    Crc(Box<Digest>),
    Sha1(Box<Sha1>),
    Sha256(Box<Sha256>),
}

/// What the bytes turned out to be.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    pub(super) size: u64,
    pub(super) crc64: u64,
    /// The promised algorithm's value, base64.
    pub(super) other: Option<(Algorithm, String)>,
}

impl Running {
    /// Starts with no bytes.
    pub(super) fn new(promise: Promise) -> Self {
        let other = match promise.algorithm() {
            None | Some(Algorithm::Crc64Nvme) => Other::None,
            Some(Algorithm::Sha1) => Other::Sha1(Box::default()),
            Some(Algorithm::Sha256) => Other::Sha256(Box::default()),
            Some(algorithm) => algorithm
                .crc()
                .map_or(Other::None, |crc| Other::Crc(Box::new(Digest::new(crc)))),
        };
        let md5 = promise.md5.is_some().then(Md5::new);
        Self {
            promise,
            crc64: Digest::new(CrcAlgorithm::Crc64Nvme),
            other,
            md5,
            size: 0,
        }
    }

    /// More bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.crc64.update(bytes);
        match &mut self.other {
            Other::None => {}
            Other::Crc(digest) => digest.update(bytes),
            Other::Sha1(digest) => digest.update(bytes),
            Other::Sha256(digest) => digest.update(bytes),
        }
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// How many bytes so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The end of the bytes: verifies every promise. A trailer's value is asked for by `trailer`.
    ///
    /// # Errors
    /// `BadDigest`, or `InvalidRequest` for a trailer that was announced and didn't come.
    pub(super) fn finish(
        self,
        trailer: impl FnOnce(&str) -> Option<String>,
        sent: bool,
    ) -> S3Result<Sums> {
        let crc64 = self.crc64.finalize();
        if let (Some(expected), Some(md5)) = (&self.promise.md5, self.md5)
            && md5.finalize().as_slice() != expected.as_slice()
        {
            return Err(s3_error!(
                BadDigest,
                "the Content-MD5 you specified did not match what we received"
            ));
        }
        let Some((algorithm, promised)) = self.promise.value else {
            return Ok(Sums {
                size: self.size,
                crc64,
                other: None,
            });
        };
        let value = match self.other {
            Other::None => algorithm.encode_crc(crc64),
            Other::Crc(digest) => algorithm.encode_crc(digest.finalize()),
            Other::Sha1(digest) => encode(digest.finalize().as_slice()),
            Other::Sha256(digest) => encode(digest.finalize().as_slice()),
        };
        if sent {
            let name = algorithm.name().to_ascii_lowercase();
            let promised = promised.or_else(|| trailer(&format!("x-amz-checksum-{name}")));
            let promised = promised.ok_or_else(|| {
                s3_error!(
                    InvalidRequest,
                    "the trailer x-amz-checksum-{name} is missing"
                )
            })?;
            if promised != value {
                return Err(mismatch(algorithm));
            }
        }
        Ok(Sums {
            size: self.size,
            crc64,
            other: Some((algorithm, value)),
        })
    }
}

/// The bytes are not what the checksum says.
pub(super) fn mismatch(algorithm: Algorithm) -> s3s::S3Error {
    s3_error!(
        BadDigest,
        "the {} you specified did not match the calculated checksum",
        algorithm.name()
    )
}

/// The bytes of a checksum.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The first of these that is there.
pub(super) fn named<'a>(
    crc32: Option<&'a String>,
    crc32c: Option<&'a String>,
    sha1: Option<&'a String>,
    sha256: Option<&'a String>,
    crc64nvme: Option<&'a String>,
) -> Option<(Algorithm, &'a str)> {
    let all = Algorithm::ALL
        .into_iter()
        .zip([crc32, crc32c, sha1, sha256, crc64nvme]);
    all.into_iter()
        .find_map(|(algorithm, value)| value.map(|value| (algorithm, value.as_str())))
}

/// One checksum in the form that answers have.
pub(super) fn shown(algorithm: Algorithm, value: &str) -> dto::Checksum {
    let mut shown = dto::Checksum::default();
    let place = match algorithm {
        Algorithm::Crc32 => &mut shown.checksum_crc32,
        Algorithm::Crc32c => &mut shown.checksum_crc32c,
        Algorithm::Sha1 => &mut shown.checksum_sha1,
        Algorithm::Sha256 => &mut shown.checksum_sha256,
        Algorithm::Crc64Nvme => &mut shown.checksum_crc64nvme,
    };
    *place = Some(value.to_owned());
    shown
}
