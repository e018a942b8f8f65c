//! What is secret about a stream: the file key, and the keys that follow from it, as age derives them.

use std::io::Read;

use age_core::format::{FILE_KEY_BYTES, FileKey};
use age_core::primitives::hkdf;
use age_core::secrecy::ExposeSecret;
use common::{Error, Result};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::header::ends_early;
use crate::input;
use crate::stream::PayloadKey;

/// Bytes of a payload's nonce, which follows the header.
pub const NONCE: usize = 16;

/// A new file key.
///
/// # Errors
/// If the system has no random bytes.
pub fn new_file_key() -> Result<FileKey> {
    let mut key = Zeroizing::new([0; FILE_KEY_BYTES]);
    random(key.as_mut())?;
    Ok(FileKey::init_with_mut(|bytes| *bytes = *key))
}

/// A new nonce for a payload.
///
/// # Errors
/// If the system has no random bytes.
pub fn new_nonce() -> Result<[u8; NONCE]> {
    let mut nonce = [0; NONCE];
    random(&mut nonce)?;
    Ok(nonce)
}

/// Fills a buffer with random bytes of the system.
///
/// # Errors
/// If it has none.
pub fn random(bytes: &mut [u8]) -> Result<()> {
    SystemRandom::new()
        .fill(bytes)
        .map_err(|_| Error::temporary("make a key", "the system gives no random bytes"))
}

/// The nonce that follows the header.
///
/// # Errors
/// If it isn't there.
pub fn read_nonce(stream: &mut impl Read) -> Result<[u8; NONCE]> {
    let mut nonce = [0; NONCE];
    if input::full(stream, &mut nonce)? < NONCE {
        return Err(ends_early());
    }
    Ok(nonce)
}

/// The key of the payload that begins with this nonce: HKDF-SHA-256 of the file key.
///
/// # Errors
/// As [`PayloadKey::new`].
pub fn payload_key(key: &FileKey, nonce: &[u8; NONCE]) -> Result<PayloadKey> {
    let bytes = Zeroizing::new(hkdf(nonce, b"payload", key.expose_secret()));
    PayloadKey::new(&bytes)
}

/// The key of a header's MAC.
pub fn mac_key(key: &FileKey) -> hmac::Key {
    let bytes = Zeroizing::new(hkdf(&[], b"header", key.expose_secret()));
    hmac::Key::new(hmac::HMAC_SHA256, bytes.as_ref())
}
