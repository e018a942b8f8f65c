//! Those for whom a stream is sealed.

use std::path::Path;

use age::{Recipient, plugin, tag, tagpq, x25519};
use common::run::Speaker;
use common::{Error, Result};

use super::file::{self, Kind, LARGEST};
use super::{in_line, lines, missing, ssh};
use crate::header::Header;
use crate::passphrase::Asker;
use crate::pq;

/// The work of a passphrase: 2^18, as age does, about a second and 256 MiB.
const WORK: u8 = 18;

/// Those for whom a stream is sealed.
pub struct Recipients {
    all: Vec<Box<dyn Recipient + Send>>,
    /// Those of plugins, which are started when they are needed first.
    plugged: Vec<plugin::Recipient>,
    asker: Asker,
    voice: Speaker,
}

impl Recipients {
    /// Nobody, yet.
    #[must_use]
    pub fn new(asker: Asker, voice: Speaker) -> Self {
        Self {
            all: Vec::new(),
            plugged: Vec::new(),
            asker,
            voice,
        }
    }

    /// Adds one, as it is written.
    ///
    /// # Errors
    /// If it is none.
    pub fn add(&mut self, text: &str) -> Result<()> {
        let text = text.trim();
        if text.starts_with("AGE-") {
            return Err(Error::usage("an identity is a secret, and no recipient")
                .hint("give what is behind '# public key:' in its file"));
        }
        if text.starts_with(pq::RECIPIENT) {
            self.all.push(Box::new(text.parse::<pq::Recipient>()?));
        } else if let Ok(recipient) = text.parse::<x25519::Recipient>() {
            self.all.push(Box::new(recipient));
        } else if let Ok(recipient) = text.parse::<tag::Recipient>() {
            self.all.push(Box::new(recipient));
        } else if let Ok(recipient) = text.parse::<tagpq::Recipient>() {
            self.all.push(Box::new(recipient));
        } else if ssh::is_public(text) {
            self.all.push(Box::new(ssh::recipient(text)?));
        } else if let Ok(recipient) = text.parse::<plugin::Recipient>() {
            self.plugged.push(recipient);
        } else {
            return Err(Error::usage("a recipient is malformed")
                .hint("a recipient begins with age1, ssh-ed25519 or ssh-rsa"));
        }
        Ok(())
    }

    /// Adds those in a file, one a line.
    ///
    /// # Errors
    /// If it can't be read, or a line is none.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        let bytes = file::bytes(path, LARGEST, Kind::Public, self.voice)?;
        let text = file::utf8(path, bytes)?;
        for (number, line) in lines(path, &text, "recipients")? {
            self.add(line)
                .map_err(|why| in_line(path, number, &why, "recipients"))?;
        }
        Ok(())
    }

    /// Adds a passphrase, asked for where it isn't given.
    ///
    /// # Errors
    /// If there is none.
    pub fn add_passphrase(&mut self) -> Result<()> {
        let mut recipient = age::scrypt::Recipient::new(self.asker.to_seal()?);
        recipient.set_work_factor(WORK);
        self.all.push(Box::new(recipient));
        Ok(())
    }

    /// The header that wraps `key` for all of them, once or several times.
    ///
    /// # Errors
    /// As [`Header::wrap`]; and if a plugin is missing.
    pub fn wrap(&mut self, key: &age_core::format::FileKey, mixed: bool) -> Result<Header> {
        let plugged = std::mem::take(&mut self.plugged);
        let mut names: Vec<&str> = plugged.iter().map(plugin::Recipient::plugin).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let asker = self.asker.clone();
            let plugin = plugin::RecipientPluginV1::new(name, &plugged, &[], asker);
            self.all.push(Box::new(plugin.map_err(|_| missing(name))?));
        }
        let all = self.all.iter().map(|one| one.as_ref() as &dyn Recipient);
        Header::wrap(key, all, mixed)
    }
}
