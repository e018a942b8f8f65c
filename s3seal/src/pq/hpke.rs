//! From two agreed secrets to the key that seals the file key: X-Wing's combiner (draft-connolly-cfrg-xwing-kem), then
//! the key schedule of HPKE (RFC 9180, base mode, HKDF-SHA-256, ChaCha20-Poly1305).

use ring::aead::{CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use sha3::{Digest, Sha3_256};
use x25519_dalek::PublicKey;
use zeroize::Zeroizing;

/// What age binds the agreement to.
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
/// X-Wing's own mark.
const XWING: &[u8; 6] = br"\.//^\";
/// HPKE's name of the three algorithms.
const SUITE: [u8; 10] = *b"HPKE\x64\x7a\x00\x01\x00\x03";

/// X-Wing's combiner: one secret of the two halves' secrets, bound to what was sent and to whom.
pub fn combine(
    mlkem: &[u8],
    x25519: &[u8; 32],
    share: &PublicKey,
    recipient: &PublicKey,
) -> Zeroizing<[u8; 32]> {
    let digest = Sha3_256::new_with_prefix(mlkem)
        .chain_update(x25519)
        .chain_update(share.as_bytes())
        .chain_update(recipient.as_bytes())
        .chain_update(XWING);
    Zeroizing::new(digest.finalize().into())
}

/// HPKE's key and first nonce, in base mode. None if the cipher refuses the key, which it can't.
pub fn schedule(secret: &[u8; 32]) -> Option<(LessSafeKey, Nonce)> {
    let mut context = vec![0];
    context.extend(extract(&[], b"psk_id_hash", &[]).as_ref());
    context.extend(extract(&[], b"info_hash", INFO).as_ref());
    let secret = extract(secret, b"secret", &[]);
    let key = expand(secret.as_ref(), b"key", &context, 32);
    let nonce = expand(secret.as_ref(), b"base_nonce", &context, NONCE_LEN as u8);
    let key = UnboundKey::new(&CHACHA20_POLY1305, &key).ok()?;
    let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
    Some((LessSafeKey::new(key), nonce))
}

/// LabeledExtract of RFC 9180.
fn extract(salt: &[u8], label: &[u8], material: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, salt));
    for part in [b"HPKE-v1", &SUITE[..], label, material] {
        context.update(part);
    }
    context.sign()
}

/// LabeledExpand of RFC 9180, of at most 32 bytes: one round of HKDF.
fn expand(key: &[u8], label: &[u8], info: &[u8], length: u8) -> Zeroizing<Vec<u8>> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in [&[0, length][..], b"HPKE-v1", &SUITE, label, info, &[1]] {
        context.update(part);
    }
    Zeroizing::new(context.sign().as_ref()[..usize::from(length)].to_vec())
}
