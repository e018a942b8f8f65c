//! Keys of ssh, of those types that age can seal for.
//!
//! A private key under a passphrase is asked about only if the stream is sealed for it, and then once: its file tells
//! the public key without.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use age::secrecy::SecretString;
use age::ssh::{self, UnsupportedKey};
use age::{Callbacks, DecryptError, Identity};
use age_core::format::{FileKey, Stanza};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use common::{Error, Result};
use ring::digest;
use zeroize::Zeroizing;

use crate::header::one_sentence;
use crate::passphrase::Asker;

/// How public keys of ssh begin, those that can't be sealed for too: they are to be told from typing errors.
const PUBLIC: [&str; 3] = ["ssh-", "ecdsa-sha2-", "sk-"];
/// How a private key of OpenSSH begins, under its armor.
const OPENSSH: &[u8] = b"openssh-key-v1\0";

/// True for what looks like a public key of ssh.
pub fn is_public(text: &str) -> bool {
    PUBLIC.iter().any(|start| text.starts_with(start))
}

/// Whom a public key stands for.
///
/// # Errors
/// If it is malformed, or of another type.
pub fn recipient(text: &str) -> Result<ssh::Recipient> {
    use ssh::ParseRecipientKeyError as E;
    text.parse().map_err(|why| {
        Error::usage(match why {
            E::RsaModulusTooSmall => "a key of ssh is too short: rsa needs 2048 bits",
            E::RsaModulusTooLarge => "a key of ssh is too long: rsa may have 16384 bits",
            E::Ignore | E::Unsupported(_) => {
                "of the keys of ssh only ed25519 and rsa can be sealed for"
            }
            _ => "a key of ssh is malformed",
        })
    })
}

/// The private key that is the text of a file.
///
/// # Errors
/// If it is none, or can't be used.
pub fn identity(path: &Path, text: &[u8], asker: &Asker) -> Result<Box<dyn Identity + Send>> {
    let failed =
        |why: String| Error::permanent(format!("read the identity {}", path.display()), why);
    // PKCS#8, and keys of everything but ssh.
    let foreign = || failed("it is no key in a form of ssh".into()).hint(CONVERT);
    let name = path.display().to_string();
    match ssh::Identity::from_buffer(text, Some(name)).map_err(|_| foreign())? {
        ssh::Identity::Unsupported(why) => Err(match why {
            UnsupportedKey::EncryptedPem => {
                failed("a passphrase protects it in an old form".into()).hint(CONVERT)
            }
            UnsupportedKey::EncryptedSsh(cipher) => failed(format!(
                "{} protects it, which is not known here",
                one_sentence(&cipher)
            ))
            .hint("'ssh-keygen -p -Z aes256-ctr -f FILE' protects it by another cipher"),
            UnsupportedKey::Hardware(_) | UnsupportedKey::Type(_) => {
                failed("keys of ssh of this kind can't open a seal".into())
                    .hint("ed25519 and rsa can")
            }
        }),
        key @ ssh::Identity::Encrypted(_) => {
            let tag = public_key(text).map(|key| tag(&key)).ok_or_else(foreign)?;
            let asker = Once {
                asker: asker.clone(),
                answer: Arc::default(),
            };
            Ok(Box::new(Locked {
                key: Box::new(key.with_callbacks(asker)),
                tag,
            }))
        }
        key @ ssh::Identity::Unencrypted(_) => Ok(Box::new(key)),
    }
}

const CONVERT: &str = "'ssh-keygen -p -f FILE' writes it in the form of OpenSSH";

/// A private key under a passphrase.
struct Locked {
    key: Box<dyn Identity + Send>,
    /// What stanzas for it are marked with.
    tag: String,
}

impl Identity for Locked {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        let ours = stanza.tag.starts_with("ssh-") && stanza.args.first() == Some(&self.tag);
        if ours {
            self.key.unwrap_stanza(stanza)
        } else {
            None
        }
    }
}

/// The first four bytes of the key's SHA-256, as text.
fn tag(public: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, public);
    STANDARD_NO_PAD.encode(&hash.as_ref()[..4])
}

/// The public key in the file of a private one (OpenSSH's PROTOCOL.key): behind three strings and a number.
fn public_key(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let inside: Zeroizing<String> = Zeroizing::new(
        text.lines()
            .map(str::trim)
            .filter(|line| !line.starts_with('-'))
            .collect(),
    );
    let bytes = Zeroizing::new(STANDARD.decode(inside.as_str()).ok()?);
    let mut rest = bytes.strip_prefix(OPENSSH)?;
    let mut string = || {
        let (length, more) = rest.split_first_chunk()?;
        let (text, more) = more.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        rest = more;
        Some(text)
    };
    for _ in ["cipher", "how its key is made", "options of that"] {
        string()?;
    }
    // How many keys: one.
    rest = rest.strip_prefix(&[0, 0, 0, 1])?;
    let (length, rest) = rest.split_first_chunk()?;
    let key = rest.get(..u32::from_be_bytes(*length) as usize)?;
    Some(key.to_vec())
}

/// Asks once, and gives the same answer again.
#[derive(Clone)]
struct Once {
    asker: Asker,
    answer: Arc<OnceLock<Option<SecretString>>>,
}

impl Callbacks for Once {
    fn display_message(&self, message: &str) {
        self.asker.display_message(message);
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        self.asker.confirm(message, yes, no)
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        self.asker.request_public_string(description)
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        self.answer
            .get_or_init(|| self.asker.request_passphrase(description))
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_cannot_be_sealed_for_are_named() {
        let why = |text: &str| recipient(text).map(|_| ()).unwrap_err().to_string();
        assert!(is_public("sk-ssh-ed25519@openssh.com AAAA"));
        assert!(!is_public("age1ssh"));
        assert_eq!(why("ssh-ed25519 AAAA"), "a key of ssh is malformed");
    }

    #[test]
    fn a_file_that_is_cut_has_no_public_key() {
        let mut bytes = OPENSSH.to_vec();
        for text in ["aes256-ctr", "bcrypt", "options"] {
            bytes.extend((text.len() as u32).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 3]);
        bytes.extend(b"key and what is secret");
        let file = |bytes: &[u8]| {
            format!(
                "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END\n",
                STANDARD.encode(bytes)
            )
        };
        assert_eq!(public_key(file(&bytes).as_bytes()).unwrap(), b"key");
        let end = bytes.len() - b" and what is secret".len();
        for length in 0..end {
            assert_eq!(
                public_key(file(&bytes[..length]).as_bytes()),
                None,
                "{length}"
            );
        }
        assert_eq!(public_key(b"\xff"), None);
    }
}
