//! New keys, printed as age-keygen prints them.

use age::secrecy::ExposeSecret;
use age::x25519;
use common::Result;
use common::run::{Streams, written};
use std::io::Write;
use zeroize::Zeroizing;

use crate::pq;

/// Prints an identity, and the recipient to seal for, so that it opens it.
///
/// # Errors
/// If the system has no random bytes, or standard output can't be written.
pub fn keygen(quantum: bool, streams: &mut Streams) -> Result<()> {
    let (recipient, identity) = if quantum {
        let identity = pq::Identity::generate()?;
        (identity.to_recipient().to_string(), identity.to_text())
    } else {
        let identity = x25519::Identity::generate();
        let text = identity.to_string().expose_secret().to_owned();
        (identity.to_public().to_string(), Zeroizing::new(text))
    };
    let to_person = streams.output().is_terminal();
    let text = Zeroizing::new(format!(
        "# public key: {recipient}\n{}\n",
        identity.as_str()
    ));
    written(streams.output().write_all(text.as_bytes()))?;
    // On a terminal it has just been seen.
    if !to_person {
        streams.voice().note(format!("public key: {recipient}"));
    }
    Ok(())
}
