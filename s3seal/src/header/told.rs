//! What the age crate and plugins say went wrong, in our words: theirs are for another command line.

use std::io::ErrorKind;

use age::{DecryptError, EncryptError};
use common::Error;

use super::damaged;

/// What a recipient failed of, in our words where age's are for its own command line.
pub fn refused(why: &EncryptError) -> Error {
    let cause = match why {
        EncryptError::Io(why) => io(why),
        other => one_sentence(&other.to_string()),
    };
    Error::permanent("wrap the file key", cause)
}

/// Why a header isn't opened.
pub fn locked(why: &DecryptError) -> Error {
    let doing = "open the sealed stream";
    match why {
        DecryptError::NoMatchingKeys => Error::permanent(doing, "it is not for any of these keys")
            .hint("s3seal --inspect tells what kinds of keys open it"),
        DecryptError::KeyDecryptionFailed => Error::permanent(
            "open the identity",
            "the passphrase is wrong, or there was none",
        ),
        DecryptError::DecryptionFailed => {
            Error::permanent(doing, "the passphrase is wrong, or the header is damaged")
        }
        DecryptError::ExcessiveWork { required, .. } => Error::permanent(
            doing,
            format!("its passphrase is to be worked on 2^{required} times, which is too much"),
        ),
        DecryptError::InvalidHeader | DecryptError::InvalidMac => {
            damaged("a recipient in it is malformed")
        }
        DecryptError::Io(why) => Error::permanent(doing, io(why)),
        other => Error::permanent(doing, one_sentence(&other.to_string())),
    }
}

fn io(why: &std::io::Error) -> String {
    match why.kind() {
        // What comes after the name is advice for its developers.
        ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            let text = one_sentence(&why.to_string());
            let name = text.split('\'').nth(1).unwrap_or("a plugin");
            format!("{name}: it died")
        }
        _ => one_sentence(&why.to_string()),
    }
}

/// Somebody else's message, as a part of one of ours.
#[must_use]
pub fn one_sentence(text: &str) -> String {
    // Some texts are made for languages written from right to left, too: with invisible marks.
    let plain = text.replace(['\u{2068}', '\u{2069}'], "");
    plain
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
        .trim_end_matches('.')
        .to_owned()
}
