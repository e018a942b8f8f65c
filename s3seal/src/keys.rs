//! Recipients and identities, from the command line and from files.
//!
//! Whatever age understands is understood here, and the post-quantum keys besides. A line that is wrong is named by
//! its number, never shown: it may be a secret.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use age::{Identity, Recipient, plugin, ssh, tag, tagpq, x25519};
use common::run::Speaker;
use common::{Doing, Error, Result};
use zeroize::Zeroizing;

use crate::header::{Header, MAGIC, one_sentence};
use crate::magic;
use crate::passphrase::Asker;
use crate::{open, pq};

/// Larger files hold no keys.
const LARGEST: u64 = 16 << 20;
/// How public keys of ssh begin, those that can't be sealed for too: they are to be told from typing errors.
const SSH: [&str; 3] = ["ssh-", "ecdsa-sha2-", "sk-"];
/// The work of a passphrase: 2^18, as age does, about a second and 256 MiB.
const WORK: u8 = 18;
/// The most work that is done for a stranger's stream: 2^22, as age does.
const MOST_WORK: u8 = 22;

/// Those for whom a stream is sealed.
pub struct Recipients {
    all: Vec<Box<dyn Recipient + Send>>,
    plugged: Vec<plugin::Recipient>,
    asker: Asker,
}

impl Recipients {
    /// Nobody, yet.
    #[must_use]
    pub fn new(asker: Asker) -> Self {
        Self {
            all: Vec::new(),
            plugged: Vec::new(),
            asker,
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
        } else if SSH.iter().any(|start| text.starts_with(start)) {
            self.all.push(Box::new(ssh_recipient(text)?));
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
        let mut any = false;
        for (number, line) in (1..).zip(content(path)?.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            self.add(line)
                .map_err(|why| in_line(path, number, &why, "recipients"))?;
            any = true;
        }
        if any {
            Ok(())
        } else {
            Err(Error::permanent(
                format!("read recipients from {}", path.display()),
                "it has none",
            ))
        }
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

    /// The header that wraps `key` for all of them.
    ///
    /// # Errors
    /// As [`Header::wrap`]; and if a plugin is missing.
    pub fn wrap(mut self, key: &age_core::format::FileKey, mixed: bool) -> Result<Header> {
        let mut names: Vec<&str> = self.plugged.iter().map(plugin::Recipient::plugin).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let asker = self.asker.clone();
            let plugin = plugin::RecipientPluginV1::new(name, &self.plugged, &[], asker);
            self.all.push(Box::new(plugin.map_err(|_| missing(name))?));
        }
        let all = self.all.iter().map(|one| one.as_ref() as &dyn Recipient);
        Header::wrap(key, all, mixed)
    }
}

/// Those who open a stream.
pub struct Identities {
    all: Vec<Box<dyn Identity>>,
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
        warn_of_readers(path, self.voice)?;
        let text = bytes(path)?;
        if text.starts_with(MAGIC) || magic::is_armored(&text) {
            let asked = self.asker.to_open(&path.display().to_string())?;
            let opened = open::in_memory(&text, &Passphrase(asked)).map_err(|why| {
                Error::permanent(format!("open the identity {}", path.display()), why.cause())
            })?;
            return self.add_lines(path, &utf8(path, opened)?);
        }
        if text.starts_with(b"-----BEGIN ") {
            return self.add_ssh(path, &text);
        }
        self.add_lines(path, &utf8(path, text)?)
    }

    /// Adds a passphrase, which is asked for when it is needed.
    pub fn add_passphrase(&mut self) {
        self.all.push(Box::new(AskedPassphrase(self.asker.clone())));
    }

    /// True if there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Identity> {
        self.all.iter().map(AsRef::as_ref)
    }

    /// Adds those in a text, one a line. `path` is what errors call it.
    ///
    /// # Errors
    /// If a line is none, or there are none.
    pub fn add_lines(&mut self, path: &Path, text: &str) -> Result<()> {
        let before = self.all.len();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let identity = self
                .identity(line)
                .map_err(|why| in_line(path, number, &why, "identities"))?;
            self.all.push(identity);
        }
        if self.all.len() == before {
            return Err(Error::permanent(
                format!("read identities from {}", path.display()),
                "it has none",
            ));
        }
        Ok(())
    }

    fn add_ssh(&mut self, path: &Path, text: &[u8]) -> Result<()> {
        let doing = || format!("read the identity {}", path.display());
        let name = path.display().to_string();
        let identity = ssh::Identity::from_buffer(text, Some(name))
            .map_err(|_| Error::permanent(doing(), "it is no key of ssh"))?;
        if let ssh::Identity::Unsupported(_) = identity {
            return Err(
                Error::permanent(doing(), "keys of ssh of this kind can't open a seal")
                    .hint("ed25519 and rsa can"),
            );
        }
        let asker = self.asker.clone();
        self.all.push(Box::new(identity.with_callbacks(asker)));
        Ok(())
    }

    fn identity(&self, line: &str) -> Result<Box<dyn Identity>> {
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
}

/// A passphrase that is known.
struct Passphrase(age::secrecy::SecretString);

impl Identity for Passphrase {
    fn unwrap_stanza(
        &self,
        stanza: &age_core::format::Stanza,
    ) -> Option<Result<age_core::format::FileKey, age::DecryptError>> {
        let mut identity = age::scrypt::Identity::new(self.0.clone());
        identity.set_max_work_factor(MOST_WORK);
        identity.unwrap_stanza(stanza)
    }
}

/// A passphrase that is asked for only if there is something that it opens.
struct AskedPassphrase(Asker);

impl Identity for AskedPassphrase {
    fn unwrap_stanza(
        &self,
        stanza: &age_core::format::Stanza,
    ) -> Option<Result<age_core::format::FileKey, age::DecryptError>> {
        if stanza.tag != crate::header::SCRYPT {
            return None;
        }
        match self.0.to_open("the sealed stream") {
            Ok(passphrase) => Passphrase(passphrase).unwrap_stanza(stanza),
            Err(why) => {
                let why = std::io::Error::other(why.to_string());
                Some(Err(age::DecryptError::Io(why)))
            }
        }
    }
}

fn ssh_recipient(text: &str) -> Result<ssh::Recipient> {
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

fn missing(name: &str) -> Error {
    Error::permanent(
        format!("use the plugin {}", one_sentence(name)),
        format!("age-plugin-{} is not on the PATH", one_sentence(name)),
    )
}

fn in_line(path: &Path, number: usize, why: &Error, what: &str) -> Error {
    Error::permanent(
        format!("read {what} from {}", path.display()),
        format!("line {number}: {}", why.cause()),
    )
}

fn bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let doing = || format!("read {}", path.display());
    let mut text = Zeroizing::new(Vec::with_capacity(8 << 10));
    File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut text))
        .doing(doing())?;
    if text.len() as u64 > LARGEST {
        return Err(Error::permanent(doing(), "it is too large for keys"));
    }
    Ok(text)
}

fn content(path: &Path) -> Result<Zeroizing<String>> {
    utf8(path, bytes(path)?)
}

fn utf8(path: &Path, mut bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>> {
    String::from_utf8(std::mem::take(&mut *bytes))
        .map(Zeroizing::new)
        .map_err(|why| {
            drop(Zeroizing::new(why.into_bytes()));
            Error::permanent(format!("read {}", path.display()), "it is not text")
        })
}

fn warn_of_readers(path: &Path, voice: Speaker) -> Result<()> {
    let about = std::fs::metadata(path).doing(format!("read {}", path.display()))?;
    if about.is_file() && about.permissions().mode() & 0o044 != 0 {
        voice.warning(format!(
            "{} can be read by others: chmod 600 keeps the key to yourself",
            path.display()
        ));
    }
    Ok(())
}
