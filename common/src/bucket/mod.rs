//! Buckets: everything that speaks S3. The only part of s3pipes that reaches the network.
//!
//! [`Bucket`] is synchronous: the tools don't see the runtime under it. Every failure comes back as an
//! [`crate::Error`] that says what was being done; requests that may pass are tried again for as long as
//! [`crate::args::Where::patience`] says.

mod acl;
mod body;
mod checksum;
pub mod chunked;
mod client;
mod content;
mod continued;
mod credentials;
mod delete;
pub mod embedded;
mod failure;
mod find;
pub mod get;
mod ladder;
mod list;
pub mod make;
mod numbered;
mod patience;
pub mod put;
pub mod restate;
mod signals;
pub mod single;
pub mod thaw;
mod transport;
mod whole;

use aws_sdk_s3::Client;
use tokio::runtime::Runtime;

pub use self::checksum::Md5;
pub use self::list::Upload;
use self::patience::Patience;
use crate::args::Where;
use crate::error::{Doing, Result};
use crate::place::Place;
use crate::run::Speaker;
use crate::settings::Settings;

/// A bucket that is open for business.
pub struct Bucket {
    client: Client,
    name: String,
    place: Place,
    patience: Patience,
    /// Never dropped: that would wait for calls into the system that are stuck, and a tool that has failed is
    /// to end.
    runtime: &'static Runtime,
}

impl Bucket {
    /// Opens the bucket that the flags and the settings file name. No request is sent yet.
    ///
    /// # Errors
    /// If none is named, or the settings can't be read.
    pub fn open(at: &Where, speaker: Speaker) -> Result<Self> {
        let settings = match &at.settings {
            Some(path) => Settings::read(path)?,
            None => Settings::default(),
        };
        let place = at.place(settings.bucket.as_deref())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing("start the runtime")?;
        let connection = runtime.block_on(client::connect(at, &settings, &place, speaker))?;
        let (limit, stall) = (at.patience.0, at.stall.0);
        Ok(Self {
            client: connection.client,
            name: connection.bucket,
            place,
            patience: Patience::new(limit, stall, speaker, connection.keys),
            runtime: Box::leak(Box::new(runtime)),
        })
    }

    /// The place that it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The key as the server knows it.
    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.place.prefix())
    }

    /// The key without the place's prefix; `None` for a key outside of it.
    fn bare(&self, key: &str) -> Option<String> {
        key.strip_prefix(self.place.prefix()).map(str::to_owned)
    }
}

/// 64 random bits from the system.
#[must_use]
pub fn random() -> u64 {
    let mut bytes = [0; 8];
    // Short reads happen only for longer requests, failures only on kernels that are too old to run this.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u64::from_ne_bytes(bytes)
}

/// CRC-64/NVME of `bytes`.
pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    checksum::crc64(bytes)
}

/// MD5 of `bytes`, in hexadecimal digits.
#[must_use]
pub fn md5(bytes: &[u8]) -> String {
    checksum::md5_of(bytes)
}
