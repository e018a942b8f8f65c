//! Files that hold keys or passphrases: small, kept in memory that is wiped, and better read by nobody else.
//!
//! A pipe that is also standard input is refused: one reader would take from it what is meant for the other, and what
//! is left of a stream would be sealed as if it were whole.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use common::run::Speaker;
use common::{Doing, Error, Result};
use rustix::fs::fstat;
use zeroize::Zeroizing;

/// Larger files hold no keys.
pub const LARGEST: u64 = 16 << 20;

/// What a file holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// What anybody may know.
    Public,
    /// What nobody else should be able to read: with the word for it.
    Secret(&'static str),
}

/// All of a file, of at most `most` bytes. There is a warning if others can read a secret.
///
/// # Errors
/// If it can't be read, is larger, or is standard input.
pub fn bytes(path: &Path, most: u64, kind: Kind, voice: Speaker) -> Result<Zeroizing<Vec<u8>>> {
    let doing = || format!("read {}", path.display());
    let mut file = File::open(path).doing(doing())?;
    let about = file.metadata().doing(doing())?;
    if is_standard_input(&about) {
        return Err(Error::usage(format!(
            "{} is standard input, which has the stream",
            path.display()
        )));
    }
    if let Kind::Secret(what) = kind
        && about.is_file()
        && about.permissions().mode() & 0o044 != 0
    {
        voice.warning(format!(
            "{} can be read by others: chmod 600 keeps the {what} to yourself",
            path.display()
        ));
    }
    // As large as it will get: what is moved leaves a copy behind.
    let size = about.len().max(64 << 10).min(most) + 1;
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(1 << 20)));
    file.by_ref()
        .take(most + 1)
        .read_to_end(&mut text)
        .doing(doing())?;
    if text.len() as u64 > most {
        return Err(Error::permanent(
            doing(),
            format!("it is longer than {most} bytes, too long for this"),
        ));
    }
    Ok(text)
}

/// What a file says, if it is text.
///
/// # Errors
/// If it isn't.
pub fn utf8(path: &Path, mut bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>> {
    String::from_utf8(std::mem::take(&mut *bytes))
        .map(Zeroizing::new)
        .map_err(|why| {
            drop(Zeroizing::new(why.into_bytes()));
            Error::permanent(format!("read {}", path.display()), "it is not text")
        })
}

/// A file can have two readers, each with a place of its own. A pipe can't.
fn is_standard_input(about: &Metadata) -> bool {
    let kind = about.file_type();
    (kind.is_fifo() || kind.is_socket())
        && fstat(rustix::stdio::stdin())
            .is_ok_and(|input| input.st_dev == about.dev() && input.st_ino == about.ino())
}
