//! One error type for every tool.
//!
//! An error says what we were doing, what stopped us, and what class of failure it is; sometimes also what
//! to do about it. It is printed once, by `run`, as `s3put: error: could not DOING: CAUSE` and perhaps
//! `s3put: hint: HINT`: lower case, no full stop, never a debug form, never a secret. The class decides
//! the exit code, so that a cron job can tell "try again later" from "fix something".

use std::fmt;
use std::io;

/// The result of anything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure this is. The number is the exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// Done, but the answer is "nothing", or something was skipped: exit 1.
    Nothing,
    /// Called wrongly: exit 2.
    Usage,
    /// Permanent: trying again won't help until something is fixed. Exit 100.
    Permanent,
    /// Temporary: the same command may work later. Exit 111.
    Temporary,
    /// Whoever read our standard output went away: exit 141, and not a word.
    ReaderGone,
    /// Ended by a signal after tidying up: exit 128 + its number.
    Signal(u8),
}

impl Class {
    /// The exit code of a tool that ends with this class.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Nothing => 1,
            Self::Usage => 2,
            Self::Permanent => 100,
            Self::Temporary => 111,
            Self::ReaderGone => 141,
            Self::Signal(number) => 128u8.saturating_add(number),
        }
    }
}

/// A failure: what we were doing, what stopped us, and what to do about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    class: Class,
    doing: String,
    cause: String,
    hint: Option<String>,
}

impl Error {
    /// A failure of `class` while `doing` ("upload part 3 of KEY"), because of `cause`.
    pub fn new(class: Class, doing: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self {
            class,
            doing: one_line(&doing.into()),
            cause: one_line(&cause.to_string()),
            hint: None,
        }
    }

    /// Trying again won't help.
    pub fn permanent(doing: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self::new(Class::Permanent, doing, cause)
    }

    /// The same command may work later.
    pub fn temporary(doing: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self::new(Class::Temporary, doing, cause)
    }

    /// The command line is wrong; `cause` is a whole sentence.
    pub fn usage(cause: impl fmt::Display) -> Self {
        Self::new(Class::Usage, "", cause)
    }

    /// The answer is "nothing"; `cause` is a whole sentence.
    pub fn nothing(cause: impl fmt::Display) -> Self {
        Self::new(Class::Nothing, "", cause)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(one_line(&hint.into()));
        self
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// What stopped us, without what we were doing.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// What to do about it, when there is something to say.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// True where nothing should be printed: the reader of our output went away by its own choice.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.class == Class::ReaderGone
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.doing.is_empty() {
            f.write_str(&self.cause)
        } else {
            write!(f, "could not {}: {}", self.doing, self.cause)
        }
    }
}

impl std::error::Error for Error {}

/// Says what was being done when something failed.
pub trait Doing<T> {
    /// Turns a failure into an [`Error`] of the class that its kind suggests.
    ///
    /// # Errors
    /// The failure, with `what` in front of it.
    fn doing(self, what: impl Into<String>) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|error| Error::new(class_of(error.kind()), what, plain(&error)))
    }
}

impl<T> Doing<T> for Result<T, rustix::io::Errno> {
    fn doing(self, what: impl Into<String>) -> Result<T> {
        self.map_err(io::Error::from).doing(what)
    }
}

/// Of the local failures only these may pass by themselves; a full or read-only disk needs somebody.
fn class_of(kind: io::ErrorKind) -> Class {
    use io::ErrorKind as K;
    match kind {
        K::TimedOut
        | K::ConnectionRefused
        | K::ConnectionReset
        | K::ConnectionAborted
        | K::NetworkUnreachable
        | K::HostUnreachable
        | K::NetworkDown
        | K::Interrupted
        | K::WouldBlock => Class::Temporary,
        _ => Class::Permanent,
    }
}

/// The reason in the system's words, as part of a sentence.
pub(crate) fn plain(error: &io::Error) -> String {
    in_a_sentence(&error.to_string())
}

/// A message of somebody else's inside one of ours: without the number that std appends, the capital and the
/// full stop.
pub(crate) fn in_a_sentence(text: &str) -> String {
    let text = text
        .split(" (os error")
        .next()
        .unwrap_or(text)
        .trim_end_matches('.');
    let mut letters = text.chars();
    match letters.next() {
        // A word in capitals is a name.
        Some(first)
            if letters
                .as_str()
                .starts_with(|c: char| c.is_lowercase() || c == ' ') =>
        {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// A message is one line, and harmless to a terminal, whatever a server, a key or a file name put into it.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.trim().chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_and_why() {
        let error = Error::permanent("read x", "no\nsuch");
        assert_eq!(error.to_string(), "could not read x: no\\nsuch");
        assert_eq!(error.class().code(), 100);
    }

    #[test]
    fn io_errors_lose_the_number_and_the_capital() {
        let error = std::fs::read("/nonexistent").doing("read it").unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not read it: no such file or directory"
        );
    }

    #[test]
    fn a_network_failure_is_temporary() {
        let failure: io::Result<()> = Err(io::ErrorKind::ConnectionReset.into());
        assert_eq!(failure.doing("x").unwrap_err().class(), Class::Temporary);
    }
}
