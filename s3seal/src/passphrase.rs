//! Passphrases: from the terminal, unseen, or from a file or descriptor. Never from the command line, where everybody
//! on the machine could read them.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use common::run::Speaker;
use common::{Doing, Error, Result};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// Longer ones are no passphrases.
const LONGEST: u64 = 64 << 10;

/// Where a passphrase is to come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// Somebody types it.
    Terminal,
    /// All of a file, without the line feed at its end.
    File(PathBuf),
}

impl Source {
    /// A descriptor that this process has inherited.
    #[must_use]
    pub fn descriptor(number: u32) -> Self {
        Self::File(format!("/dev/fd/{number}").into())
    }
}

/// Answers whoever asks for a passphrase or has something to say to the user. Copies answer alike.
#[derive(Clone)]
pub struct Asker {
    given: Option<SecretString>,
    voice: Speaker,
}

impl Asker {
    /// From the terminal, or with the one given passphrase to everything. That is read at once.
    ///
    /// # Errors
    /// If the file can't be read, or holds no passphrase.
    pub fn new(source: Option<&Source>, voice: Speaker) -> Result<Self> {
        let given = match source {
            Some(Source::File(path)) => Some(from_file(path)?),
            Some(Source::Terminal) | None => None,
        };
        Ok(Self { given, voice })
    }

    /// The passphrase that opens `what`.
    ///
    /// # Errors
    /// If nobody can be asked.
    pub fn to_open(&self, what: &str) -> Result<SecretString> {
        match &self.given {
            Some(given) => Ok(given.clone()),
            None => typed(&format!("passphrase of {what}: ")),
        }
    }

    /// A passphrase to seal with; typed twice, since a slip would make the seal useless.
    ///
    /// # Errors
    /// If nobody can be asked, or nothing or two different things were typed.
    pub fn to_seal(&self) -> Result<SecretString> {
        use age::secrecy::ExposeSecret;
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let first = typed("new passphrase: ")?;
        let second = typed("once more: ")?;
        if first.expose_secret().is_empty() {
            return Err(Error::usage("the passphrase is empty"));
        }
        if first.expose_secret() != second.expose_secret() {
            return Err(Error::usage("the two passphrases are not the same"));
        }
        Ok(first)
    }
}

/// For plugins and for keys that are themselves protected.
impl age::Callbacks for Asker {
    fn display_message(&self, message: &str) {
        self.voice.note(message);
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let choices = no.map_or_else(|| format!("y = {yes}"), |no| format!("y = {yes}, n = {no}"));
        let answer = asked(&format!("{message} ({choices}) "), true).ok()?;
        match answer.trim() {
            "y" => Some(true),
            "n" => Some(false),
            _ => None,
        }
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        asked(&format!("{description}: "), true)
            .ok()
            .map(|line| line.to_string())
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        if self.given.is_some() {
            return self.given.clone();
        }
        typed(&format!("{}: ", description.trim_end_matches([':', ' ']))).ok()
    }
}

fn from_file(path: &Path) -> Result<SecretString> {
    let doing = || format!("read the passphrase from {}", path.display());
    let file = File::open(path).doing(doing())?;
    let mut text = Zeroizing::new(String::with_capacity(4 << 10));
    file.take(LONGEST + 1)
        .read_to_string(&mut text)
        .doing(doing())?;
    let end = text.strip_suffix('\n').unwrap_or(&text);
    let end = end.strip_suffix('\r').unwrap_or(end);
    if end.is_empty() {
        return Err(Error::permanent(doing(), "it is empty"));
    }
    if end.len() as u64 > LONGEST {
        return Err(Error::permanent(doing(), "it is too long"));
    }
    Ok(SecretString::from(end.to_owned()))
}

fn typed(prompt: &str) -> Result<SecretString> {
    let line = asked(prompt, false)?;
    Ok(SecretString::from(line.as_str().to_owned()))
}

/// Asks at the terminal, whatever the standard streams are.
fn asked(prompt: &str, shown: bool) -> Result<Zeroizing<String>> {
    let doing = "ask for a passphrase";
    let mut terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(|_| {
            Error::permanent(doing, "there is no terminal")
                .hint("--passphrase-file and --passphrase-fd need none")
        })?;
    let before = tcgetattr(&terminal).doing(doing)?;
    if !shown {
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&terminal, OptionalActions::Flush, &silent).doing(doing)?;
    }
    let mut line = Zeroizing::new(String::with_capacity(4 << 10));
    let outcome = write!(
        terminal,
        "{}",
        prompt.replace(|c: char| c.is_control(), " ")
    )
    .and_then(|()| BufReader::new(&terminal).take(LONGEST).read_line(&mut line));
    if !shown {
        tcsetattr(&terminal, OptionalActions::Now, &before).doing(doing)?;
        // The line feed that was typed was not shown.
        let _ = writeln!(terminal);
    }
    if outcome.doing(doing)? == 0 {
        return Err(Error::permanent(doing, "nothing was typed"));
    }
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(line)
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;

    use super::*;

    fn read(content: &str) -> Result<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        from_file(file.path()).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn only_the_end_of_the_line_is_left_out() {
        assert_eq!(read(" two words \n").unwrap(), " two words ");
        assert_eq!(read("line\r\n").unwrap(), "line");
        assert_eq!(read("a\n\n").unwrap(), "a\n");
        assert_eq!(read("no end").unwrap(), "no end");
        assert!(read("\n").unwrap_err().to_string().ends_with("it is empty"));
        assert!(read(&"x".repeat(70_000)).is_err());
    }
}
