//! Containers of older backup programs, opened so that what is in them can be brought over. They are never made.
//!
//! `Salted__` is what `openssl enc -aes-256-cbc` writes: 8 bytes of name, 8 of salt, and AES-256-CBC with PKCS#7
//! padding; key and IV are derived as the option of openssl said. s3backuptool wrote 8 bytes of length (little
//! endian), 16 of IV, 32 of salt, and AES-256-CBC padded with spaces; its key is PBKDF2-HMAC-SHA1, 5000 rounds.
//! Neither proves anything: damage goes unnoticed but for the last block and the length.

use std::io::Read;
use std::num::NonZeroU32;
use std::str::FromStr;

use aes::Aes256;
use age::secrecy::{ExposeSecret, SecretString};
use cbc::cipher::{BlockDecryptMut, KeyIvInit};
use common::{Error, Result};
use md5::{Digest, Md5};
use ring::{digest, pbkdf2};
use zeroize::Zeroizing;

use crate::flow::{Bytes, stage};
use crate::input;
use crate::pool::{Chunk, Shelf};

type Cipher = cbc::Decryptor<Aes256>;

const BLOCK: usize = 16;
/// How much is decrypted at a time.
const STEP: usize = 1 << 20;

/// Which container, and how its key is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Seed {
    /// `openssl enc -md md5`, the default before OpenSSL 1.1.
    OpensslMd5,
    /// `openssl enc`, the default since.
    OpensslSha256,
    /// `openssl enc -pbkdf2`, with a digest and a number of rounds.
    OpensslPbkdf2 { sha512: bool, rounds: NonZeroU32 },
    /// s3backuptool.
    S3backuptool,
}

impl FromStr for Seed {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, rounds) = match text.split_once(':') {
            Some((name, rounds)) => (name, Some(rounds)),
            None => (text, None),
        };
        let pbkdf2 = |sha512| {
            let rounds = rounds.map_or(NonZeroU32::new(10_000), |text| text.parse().ok())?;
            Some(Self::OpensslPbkdf2 { sha512, rounds })
        };
        match (name, rounds) {
            ("openssl-md5", None) => Some(Self::OpensslMd5),
            ("openssl-sha256", None) => Some(Self::OpensslSha256),
            ("openssl-pbkdf2", _) => pbkdf2(false),
            ("openssl-pbkdf2-sha512", _) => pbkdf2(true),
            ("s3backuptool", None) => Some(Self::S3backuptool),
            _ => None,
        }
        .ok_or_else(|| {
            Error::usage(format!("'{}' is no container", text.escape_debug())).hint(
                "a container is openssl-md5, openssl-sha256, openssl-pbkdf2[:ROUNDS], openssl-pbkdf2-sha512[:ROUNDS] or s3backuptool",
            )
        })
    }
}

/// Opens the container that `input` is.
///
/// # Errors
/// If it isn't one. What is wrong with its content comes out of the stream.
pub fn open(
    seed: Seed,
    passphrase: &SecretString,
    mut input: impl Read + Send + 'static,
) -> Result<Bytes> {
    let secret = passphrase.expose_secret().as_bytes();
    let (cipher, length) = match seed {
        Seed::S3backuptool => {
            let mut head = [0; 56];
            read_head(&mut input, &mut head)?;
            let mut length = [0; 8];
            length.copy_from_slice(&head[..8]);
            let mut key = Zeroizing::new([0; 32]);
            let rounds = NonZeroU32::MIN.saturating_add(4999);
            pbkdf2::derive(
                pbkdf2::PBKDF2_HMAC_SHA1,
                rounds,
                &head[24..],
                secret,
                key.as_mut(),
            );
            (
                cipher(key.as_ref(), &head[8..24])?,
                Some(u64::from_le_bytes(length)),
            )
        }
        openssl => {
            let mut head = [0; 16];
            read_head(&mut input, &mut head)?;
            let salt = head
                .strip_prefix(b"Salted__")
                .ok_or_else(|| wrong("it doesn't begin with Salted__"))?;
            let both = derive(openssl, secret, salt);
            (cipher(&both[..32], &both[32..])?, None)
        }
    };
    decrypt(cipher, length, input)
}

fn read_head(input: &mut impl Read, head: &mut [u8]) -> Result<()> {
    if input::full(input, head)? < head.len() {
        return Err(wrong("it is cut off"));
    }
    Ok(())
}

/// Key and IV, one after the other, as OpenSSL makes them.
fn derive(seed: Seed, secret: &[u8], salt: &[u8]) -> Zeroizing<[u8; 48]> {
    let mut both = Zeroizing::new([0; 48]);
    if let Seed::OpensslPbkdf2 { sha512, rounds } = seed {
        let algorithm = if sha512 {
            pbkdf2::PBKDF2_HMAC_SHA512
        } else {
            pbkdf2::PBKDF2_HMAC_SHA256
        };
        pbkdf2::derive(algorithm, rounds, salt, secret, both.as_mut());
        return both;
    }
    // EVP_BytesToKey, one round: each digest is over the one before, the passphrase and the salt.
    let mut made = Zeroizing::new(Vec::<u8>::with_capacity(64));
    let mut last = Zeroizing::new(Vec::new());
    while made.len() < both.len() {
        let text = Zeroizing::new([&last[..], secret, salt].concat());
        *last = if seed == Seed::OpensslMd5 {
            Md5::digest(&*text).to_vec()
        } else {
            digest::digest(&digest::SHA256, &text).as_ref().to_vec()
        };
        made.extend_from_slice(&last);
    }
    both.copy_from_slice(&made[..48]);
    both
}

fn cipher(key: &[u8], iv: &[u8]) -> Result<Cipher> {
    Cipher::new_from_slices(key, iv).map_err(|_| wrong("the cipher refuses its key"))
}

/// Decrypts the blocks that follow: `length` bytes padded with spaces, or else padded as PKCS#7 says.
fn decrypt(
    mut cipher: Cipher,
    length: Option<u64>,
    mut input: impl Read + Send + 'static,
) -> Result<Bytes> {
    stage(4, move |out| {
        let shelf = Shelf::default();
        let mut left = length;
        // Held back, for it may be the last one.
        let mut held: Option<Chunk> = None;
        loop {
            let mut chunk = shelf.chunk(STEP);
            let count = input::full(&mut input, &mut chunk)?;
            chunk.truncate(count);
            if count % BLOCK != 0 {
                return Err(wrong("it is cut off"));
            }
            for block in chunk.chunks_exact_mut(BLOCK) {
                cipher.decrypt_block_mut(block.into());
            }
            let ends = count < STEP;
            if let Some(left) = &mut left {
                let now = usize::try_from(*left).unwrap_or(usize::MAX).min(count);
                if count - now >= BLOCK {
                    return Err(wrong("it is longer than it says"));
                }
                if chunk[now..].iter().any(|byte| *byte != b' ') {
                    return Err(wrong(MISMATCH));
                }
                chunk.truncate(now);
                *left -= now as u64;
                out.give(chunk)?;
                if ends && *left > 0 {
                    return Err(wrong("it is cut off"));
                }
            } else {
                if count > 0
                    && let Some(before) = held.replace(chunk)
                {
                    out.give(before)?;
                }
                if ends {
                    let mut last = held.take().unwrap_or_default();
                    unpad(&mut last)?;
                    out.give(last)?;
                }
            }
            if ends {
                return Ok(());
            }
        }
    })
}

/// Takes off 1 to 16 bytes, each of which says how many they are.
fn unpad(chunk: &mut Vec<u8>) -> Result<()> {
    let count = chunk.last().map_or(0, |last| usize::from(*last));
    let start = chunk.len().saturating_sub(count);
    let sound = (1..=BLOCK).contains(&count)
        && chunk[start..]
            .iter()
            .all(|byte| usize::from(*byte) == count);
    if !sound {
        return Err(wrong(MISMATCH));
    }
    chunk.truncate(start);
    Ok(())
}

/// What padding tells that isn't what it should be.
const MISMATCH: &str = "the passphrase is wrong, or the data is damaged";

fn wrong(why: &str) -> Error {
    Error::permanent("open the container", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_have_names() {
        let pbkdf2 = |sha512, rounds| Seed::OpensslPbkdf2 {
            sha512,
            rounds: NonZeroU32::new(rounds).unwrap(),
        };
        for (text, seed) in [
            ("openssl-md5", Seed::OpensslMd5),
            ("openssl-sha256", Seed::OpensslSha256),
            ("openssl-pbkdf2", pbkdf2(false, 10_000)),
            ("openssl-pbkdf2:7", pbkdf2(false, 7)),
            ("openssl-pbkdf2-sha512:600000", pbkdf2(true, 600_000)),
            ("s3backuptool", Seed::S3backuptool),
        ] {
            assert_eq!(text.parse::<Seed>().unwrap(), seed);
        }
        for text in [
            "",
            "openssl",
            "openssl-md5:3",
            "openssl-pbkdf2:0",
            "s3backuptool:1",
        ] {
            assert!(text.parse::<Seed>().is_err(), "{text}");
        }
    }
}
