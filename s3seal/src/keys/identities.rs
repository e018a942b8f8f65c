//! Those who open a stream.

use std::path::Path;

use age::{DecryptError, Identity, plugin, x25519};
use age_core::format::{FileKey, Stanza};
use common::run::Speaker;
use common::{Error, Result};

use super::file::{self, Kind, LARGEST};
use super::{in_line, lines, missing, ssh};
use crate::header::{Header, MAGIC, SCRYPT};
use crate::passphrase::Asker;
use crate::{magic, open, pq};

/// The most work that is done for a stranger's stream: 2^22, as age does.
const MOST_WORK: u8 = 22;

/// Those who open a stream.
pub struct Identities {
    all: Vec<Box<dyn Identity + Send>>,
    asker: Asker,
    voice: Speaker,
}

impl Identities {
    /// Nobody, yet.
    #[must_use]
    pub fn new(asker: Asker, voice: Speaker) -> Self {
        Self {
            all: Vec::new(),
            asker,
            voice,
        }
    }

    /// Adds those in a file: of age, of ssh, or of age under a passphrase.
    ///
    /// # Errors
    /// If it can't be read, isn't such a file, or the passphrase is wrong.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        let text = file::bytes(path, LARGEST, Kind::Secret("key"), self.voice)?;
        if text.starts_with(MAGIC) || magic::is_armored(&text) {
            let opened = self.unlocked(path, &text).map_err(|why| {
                Error::permanent(format!("open the identity {}", path.display()), why.cause())
            })?;
            return self.add_lines(path, &file::utf8(path, opened)?);
        }
        if text.starts_with(b"-----BEGIN ") {
            self.all.push(ssh::identity(path, &text, &self.asker)?);
            return Ok(());
        }
        self.add_lines(path, &file::utf8(path, text)?)
    }

    /// Adds a passphrase, which is asked for when it is needed.
    pub fn add_passphrase(&mut self) {
        self.all.push(Box::new(AskedPassphrase(self.asker.clone())));
    }

    /// Adds one of a test's own.
    #[cfg(test)]
    pub fn add(&mut self, identity: Box<dyn Identity + Send>) {
        self.all.push(identity);
    }

    /// True if there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The file key in a header, found by the first that can.
    ///
    /// # Errors
    /// As [`Header::unlock`]; and if somebody should have been asked for a passphrase, and couldn't be.
    pub fn unlock(&self, header: &Header) -> Result<FileKey> {
        header
            .unlock(self.all.iter().map(|one| one.as_ref() as &dyn Identity))
            .map_err(|why| self.asker.failure().unwrap_or(why))
    }

    /// Adds those in a text, one a line. `path` is what errors call it.
    ///
    /// # Errors
    /// If a line is none, or there are none.
    pub fn add_lines(&mut self, path: &Path, text: &str) -> Result<()> {
        for (number, line) in lines(path, text, "identities")? {
            let identity = self
                .identity(line)
                .map_err(|why| in_line(path, number, &why, "identities"))?;
            self.all.push(identity);
        }
        Ok(())
    }

    fn identity(&self, line: &str) -> Result<Box<dyn Identity + Send>> {
        if line.starts_with(pq::IDENTITY) {
            return Ok(Box::new(line.parse::<pq::Identity>()?));
        }
        if let Ok(identity) = line.parse::<x25519::Identity>() {
            return Ok(Box::new(identity));
        }
        if let Ok(identity) = line.parse::<plugin::Identity>() {
            let name = identity.plugin().to_owned();
            let asker = self.asker.clone();
            let plugin = plugin::IdentityPluginV1::new(&name, &[identity], asker);
            return Ok(Box::new(plugin.map_err(|_| missing(&name))?));
        }
        Err(Error::usage("it is no identity"))
    }

    /// What is in a sealed file of identities.
    fn unlocked(&self, path: &Path, text: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>> {
        open::in_memory(text, LARGEST, |header| {
            if !header.is_for_passphrase() {
                return Err(Error::permanent(
                    "open it",
                    "it is sealed, but not with a passphrase",
                ));
            }
            let asked = self.asker.to_open(&path.display().to_string())?;
            header.unlock([&Passphrase(asked) as &dyn Identity])
        })
    }
}

/// A passphrase that is known.
struct Passphrase(age::secrecy::SecretString);

impl Identity for Passphrase {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        let mut identity = age::scrypt::Identity::new(self.0.clone());
        identity.set_max_work_factor(MOST_WORK);
        identity.unwrap_stanza(stanza)
    }
}

/// A passphrase that is asked for only if there is something that it opens.
struct AskedPassphrase(Asker);

impl Identity for AskedPassphrase {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != SCRYPT {
            return None;
        }
        // The asker remembers that it couldn't ask.
        let passphrase = self.0.to_open("the sealed stream").ok()?;
        Passphrase(passphrase).unwrap_stanza(stanza)
    }
}
