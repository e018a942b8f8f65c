//! Passphrases: from the terminal, unseen, or from a file or descriptor. Never from the command line, where everybody
//! on the machine could read them.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use age::secrecy::SecretString;
use common::run::Speaker;
use common::{Doing, Error, Result};
use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::keys::{self, Kind};

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
    failure: Arc<Mutex<Option<Error>>>,
}

impl Asker {
    /// From the terminal, or with the one given passphrase to everything. That is read at once.
    ///
    /// # Errors
    /// If the file can't be read, or holds no passphrase.
    pub fn new(source: Option<&Source>, voice: Speaker) -> Result<Self> {
        let given = match source {
            Some(Source::File(path)) => Some(from_file(path, voice)?),
            Some(Source::Terminal) | None => None,
        };
        Ok(Self {
            given,
            voice,
            failure: Arc::default(),
        })
    }

    /// The passphrase that opens `what`.
    ///
    /// # Errors
    /// If nobody can be asked.
    pub fn to_open(&self, what: &str) -> Result<SecretString> {
        match &self.given {
            Some(given) => Ok(given.clone()),
            None => self.typed(&format!("passphrase of {what}: ")),
        }
    }

    /// Why nobody could be asked, if that happened: whoever asked on behalf of age couldn't tell it.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn typed(&self, prompt: &str) -> Result<SecretString> {
        typed(prompt).inspect_err(|why| {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.clone());
        })
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
        self.typed(&format!("{}: ", description.trim_end_matches([':', ' '])))
            .ok()
    }
}

fn from_file(path: &Path, voice: Speaker) -> Result<SecretString> {
    let doing = || format!("read the passphrase from {}", path.display());
    let text = keys::bytes(path, LONGEST, Kind::Secret("passphrase"), voice)?;
    let text =
        std::str::from_utf8(&text).map_err(|_| Error::permanent(doing(), "it is not text"))?;
    let end = text.strip_suffix('\n').unwrap_or(text);
    let end = end.strip_suffix('\r').unwrap_or(end);
    if end.is_empty() {
        return Err(Error::permanent(doing(), "it is empty"));
    }
    Ok(SecretString::from(end.to_owned()))
}

fn typed(prompt: &str) -> Result<SecretString> {
    let line = asked(prompt, false)?;
    Ok(SecretString::from(line.as_str().to_owned()))
}

/// What the terminal sends for ^C.
const INTERRUPT: u8 = 3;

/// Asks at the terminal, whatever the standard streams are. While nothing is shown, ^C ends the line first and the
/// program then: who interrupts it gets back a terminal that shows what is typed.
fn asked(prompt: &str, shown: bool) -> Result<Zeroizing<String>> {
    let doing = "ask for a passphrase";
    let terminal = OpenOptions::new()
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
        silent
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ISIG);
        silent.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(&terminal, OptionalActions::Flush, &silent).doing(doing)?;
    }
    let mut line = Zeroizing::new(Vec::with_capacity(4 << 10));
    let prompt = prompt.replace(|c: char| c.is_control(), " ");
    let outcome = (&terminal)
        .write_all(prompt.as_bytes())
        .and_then(|()| read_line(&terminal, &mut line));
    if !shown {
        tcsetattr(&terminal, OptionalActions::Now, &before).doing(doing)?;
        // The line feed that was typed was not shown.
        let _ = writeln!(&terminal);
    }
    outcome.doing(doing)?;
    if !shown && line.contains(&INTERRUPT) {
        // As the terminal would have done. If it can't be, or is ignored, there is no passphrase at least.
        let _ = kill_current_process_group(Signal::INT);
        return Err(Error::permanent(doing, "it was interrupted"));
    }
    if line.is_empty() {
        return Err(Error::permanent(doing, "nothing was typed"));
    }
    let line = std::str::from_utf8(&line).map_err(|_| Error::permanent(doing, "it is not text"))?;
    Ok(Zeroizing::new(
        line.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

/// Reads what the terminal holds to be a line, without a copy of it in a buffer of somebody else's.
fn read_line(mut terminal: impl Read, line: &mut Vec<u8>) -> std::io::Result<()> {
    // The terminal itself takes no longer lines.
    let mut buffer = Zeroizing::new([0; 4 << 10]);
    let length = loop {
        match terminal.read(buffer.as_mut()) {
            Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    line.extend_from_slice(&buffer[..length]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;
    use common::args::Voice;
    use common::run::Streams;

    use super::*;

    fn read(content: &str) -> Result<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let voice = Streams::standard("test", Voice::default()).voice();
        from_file(file.path(), voice).map(|secret| secret.expose_secret().to_owned())
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
