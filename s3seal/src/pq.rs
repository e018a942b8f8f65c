//! Keys that a quantum computer doesn't open: recipients `age1pq1…`, identities `AGE-SECRET-KEY-PQ-1…`.
//!
//! Age 1.3 has them, the `age` crate doesn't yet; here they are, on its public traits. The stanza is
//! `mlkem768x25519`, one argument, 1120 bytes: the file key sealed by HPKE (RFC 9180, base mode, HKDF-SHA-256,
//! ChaCha20-Poly1305) under a key agreed by X-Wing (draft-connolly-cfrg-xwing-kem), which is ML-KEM-768 and X25519
//! together: whoever would open it has to break both. A share that makes the X25519 half come out as zero whatever
//! the key is refused.

mod hpke;

use std::collections::HashSet;
use std::str::FromStr;

use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{bech32_decode, bech32_encode};
use age_core::secrecy::ExposeSecret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bech32::Hrp;
use common::{Error, Result};
use ml_kem::kem::{Decapsulate, DecapsulationKey, EncapsulationKey};
use ml_kem::{EncapsulateDeterministic, EncodedSizeUser, KemCore, MlKem768, MlKem768Params};
use ring::aead::Aad;
use sha3::Shake256;
use sha3::digest::{ExtendableOutput, Update, XofReader};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use self::hpke::{combine, schedule};
use crate::secrets;

/// How its stanzas begin.
pub const STANZA: &str = "mlkem768x25519";
/// How its recipients begin.
pub const RECIPIENT: &str = "age1pq1";
/// How its identities begin.
pub const IDENTITY: &str = "AGE-SECRET-KEY-PQ-1";

const RECIPIENT_PREFIX: &str = "age1pq";
const IDENTITY_PREFIX: &str = "AGE-SECRET-KEY-PQ-";
/// Bytes of the ML-KEM-768 half of a public key, and of what is sent to it.
const MLKEM_KEY: usize = 1184;
const MLKEM_SHARE: usize = 1088;
const X25519: usize = 32;
const SEALED_FILE_KEY: usize = FILE_KEY_BYTES + 16;

/// Whom a stream is sealed for.
#[derive(Clone)]
pub struct Recipient {
    mlkem: EncapsulationKey<MlKem768Params>,
    x25519: PublicKey,
}

/// Who opens it: the seed from which both halves of the key are made.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Identity([u8; 32]);

impl Recipient {
    /// Agrees on a secret with the holder of the identity: the share to send, and the secret.
    fn encapsulate(&self) -> Result<(Vec<u8>, Zeroizing<[u8; 32]>)> {
        let (mut message, mut ephemeral) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        secrets::random(message.as_mut())?;
        secrets::random(ephemeral.as_mut())?;
        self.encapsulate_with(&message, &ephemeral)
    }

    fn encapsulate_with(
        &self,
        message: &[u8; 32],
        ephemeral: &[u8; 32],
    ) -> Result<(Vec<u8>, Zeroizing<[u8; 32]>)> {
        let failed = |why| Error::permanent("wrap the file key", why);
        let (share, mut secret) = self
            .mlkem
            .encapsulate_deterministic(&(*message).into())
            .map_err(|()| failed("ML-KEM failed"))?;
        let ephemeral = StaticSecret::from(*ephemeral);
        let public = PublicKey::from(&ephemeral);
        let agreed = ephemeral.diffie_hellman(&self.x25519);
        if !agreed.was_contributory() {
            return Err(failed("the recipient's key is not a sound one"));
        }
        let combined = combine(&secret, agreed.as_bytes(), &public, &self.x25519);
        secret.as_mut_slice().zeroize();
        let mut sent = share.to_vec();
        sent.extend(public.as_bytes());
        Ok((sent, combined))
    }
}

impl FromStr for Recipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::usage("a post-quantum recipient is malformed");
        let bytes = decode(text, RECIPIENT, RECIPIENT_PREFIX).ok_or_else(wrong)?;
        if bytes.len() != MLKEM_KEY + X25519 {
            return Err(wrong());
        }
        let (mlkem, x25519) = bytes.split_at(MLKEM_KEY);
        let encoded = mlkem.try_into().map_err(|_| wrong())?;
        let key = EncapsulationKey::<MlKem768Params>::from_bytes(encoded);
        // FIPS 203, 7.2: numbers that are not reduced make no key.
        if key.as_bytes().as_slice() != mlkem {
            return Err(wrong());
        }
        let x25519 = <[u8; X25519]>::try_from(x25519).map_err(|_| wrong())?;
        Ok(Self {
            mlkem: key,
            x25519: x25519.into(),
        })
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = self.mlkem.as_bytes().to_vec();
        bytes.extend(self.x25519.as_bytes());
        f.write_str(&bech32_encode(
            Hrp::parse_unchecked(RECIPIENT_PREFIX),
            &bytes,
        ))
    }
}

impl age::Recipient for Recipient {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let failed = |why: String| EncryptError::Io(std::io::Error::other(why));
        let (share, secret) = self.encapsulate().map_err(|why| failed(why.to_string()))?;
        let (key, nonce) = schedule(&secret).ok_or_else(|| failed("no cipher".into()))?;
        // With room for the tag: a file key that is moved stays behind in memory.
        let mut body = Vec::with_capacity(SEALED_FILE_KEY);
        body.extend_from_slice(file_key.expose_secret());
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut body)
            .map_err(|_| failed("the cipher refuses the file key".into()))?;
        let stanza = Stanza {
            tag: STANZA.into(),
            args: vec![STANDARD_NO_PAD.encode(share)],
            body,
        };
        Ok((vec![stanza], HashSet::from(["postquantum".into()])))
    }
}

impl Identity {
    /// A new one.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn generate() -> Result<Self> {
        let mut identity = Self([0; 32]);
        secrets::random(&mut identity.0)?;
        Ok(identity)
    }

    /// As it is kept in a file.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let text = Zeroizing::new(bech32_encode(
            Hrp::parse_unchecked(IDENTITY_PREFIX),
            &self.0,
        ));
        Zeroizing::new(text.to_uppercase())
    }

    /// Whom to seal for so that this opens it.
    #[must_use]
    pub fn to_recipient(&self) -> Recipient {
        let (_, mlkem, x25519) = self.expand();
        Recipient {
            mlkem,
            x25519: PublicKey::from(&x25519),
        }
    }

    fn expand(
        &self,
    ) -> (
        DecapsulationKey<MlKem768Params>,
        EncapsulationKey<MlKem768Params>,
        StaticSecret,
    ) {
        let mut stream = Shake256::default().chain(self.0).finalize_xof();
        let mut parts = [(); 3].map(|()| Zeroizing::new([0; 32]));
        for part in &mut parts {
            stream.read(part.as_mut());
        }
        let [d, z, x25519] = parts;
        let (private, public) = MlKem768::generate_deterministic(&(*d).into(), &(*z).into());
        (private, public, StaticSecret::from(*x25519))
    }

    /// None if the share can't have been made for anybody.
    fn decapsulate(&self, share: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let (mlkem, _, x25519) = self.expand();
        let (sent, public) = share.split_at_checked(MLKEM_SHARE)?;
        let public = PublicKey::from(<[u8; X25519]>::try_from(public).ok()?);
        let mut secret = mlkem.decapsulate(sent.try_into().ok()?).ok()?;
        let agreed = x25519.diffie_hellman(&public);
        let combined = combine(
            &secret,
            agreed.as_bytes(),
            &public,
            &PublicKey::from(&x25519),
        );
        secret.as_mut_slice().zeroize();
        agreed.was_contributory().then_some(combined)
    }
}

impl FromStr for Identity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        decode(text, IDENTITY, IDENTITY_PREFIX)
            .and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok())
            .map(Self)
            .ok_or_else(|| Error::usage("a post-quantum identity is malformed"))
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != STANZA {
            return None;
        }
        let invalid = Some(Err(DecryptError::InvalidHeader));
        let [share] = &stanza.args[..] else {
            return invalid;
        };
        let Ok(share) = STANDARD_NO_PAD.decode(share) else {
            return invalid;
        };
        if share.len() != MLKEM_SHARE + X25519 || stanza.body.len() != SEALED_FILE_KEY {
            return invalid;
        }
        let Some(secret) = self.decapsulate(&share) else {
            return invalid;
        };
        let (key, nonce) = schedule(&secret)?;
        let mut body = Zeroizing::new(stanza.body.clone());
        // Not for us: ML-KEM gives a secret in any case, and then the seal doesn't fit.
        let opened = key.open_in_place(nonce, Aad::empty(), &mut body).ok()?;
        let bytes = <&[u8; FILE_KEY_BYTES]>::try_from(&*opened).ok()?;
        Some(Ok(FileKey::init_with_mut(|key| *key = *bytes)))
    }
}

/// The bytes of Bech32 text that begins with `start` and has the prefix, in the case in which it is written.
fn decode(text: &str, start: &str, prefix: &str) -> Option<Zeroizing<Vec<u8>>> {
    if !text.starts_with(start) {
        return None;
    }
    bech32_decode(
        text,
        |_| (),
        |found| (found.as_str() == prefix).then_some(()).ok_or(()),
        |_, bytes| Ok(Zeroizing::new(bytes.collect::<Vec<u8>>())),
    )
    .ok()
}

#[cfg(test)]
mod tests;
