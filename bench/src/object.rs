//! What is told of an object: of the one that can be read, and of those that were thrown away.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crcs::{CrcAlgorithm, Digest};

use crate::http::{Answer, Request};

/// No client takes it for an MD5, which we don't compute.
pub(crate) const ETAG: &str = "\"00000000000000000000000000000000-1\"";
const CRC: &str = "x-amz-checksum-crc64nvme";

/// What is known of an object.
#[derive(Clone)]
pub(crate) struct Object {
    /// Bytes.
    pub(crate) size: u64,
    headers: Vec<(String, String)>,
}

impl Object {
    /// An object of `size` bytes, with the headers that a client expects back.
    pub(crate) fn new(size: u64, headers: Vec<(String, String)>) -> Self {
        Self { size, headers }
    }

    /// The object that is the content of a file, and the file.
    pub(crate) fn of_file(path: &Path) -> io::Result<(File, Self)> {
        let file = File::open(path)?;
        let (mut reader, mut buffer) = (&file, vec![0; 1 << 20]);
        let (mut digest, mut size) = (Digest::new(CrcAlgorithm::Crc64Nvme), 0);
        loop {
            match reader.read(&mut buffer)? {
                0 => break,
                read => {
                    digest.update(&buffer[..read]);
                    size += read as u64;
                }
            }
        }
        let crc = STANDARD.encode(digest.finalize().to_be_bytes());
        Ok((file, Self::new(size, vec![(CRC.to_owned(), crc)])))
    }

    /// The head of an answer about all of it.
    pub(crate) fn whole(&self) -> Answer {
        self.headers
            .iter()
            .fold(described("200 OK"), |answer, (name, value)| {
                let answer = answer.with(name, value);
                if name == CRC {
                    answer.with("x-amz-checksum-type", "FULL_OBJECT")
                } else {
                    answer
                }
            })
    }

    /// The head of an answer with the bytes `from..to`. The checksum is the whole object's and stays out.
    pub(crate) fn range(&self, from: u64, to: u64) -> Answer {
        let range = format!("bytes {from}-{}/{}", to - 1, self.size);
        described("206 Partial Content").with("Content-Range", &range)
    }
}

/// The headers of an upload that come back with the object.
pub(crate) fn kept(request: &Request) -> Vec<(String, String)> {
    let comes_back = |name: &str| name == CRC || name.starts_with("x-amz-meta-");
    request
        .headers()
        .filter(|(name, _)| comes_back(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn described(status: &'static str) -> Answer {
    Answer::new(status)
        .with("ETag", ETAG)
        .with("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        .with("Accept-Ranges", "bytes")
        .with("Content-Type", "application/octet-stream")
}
