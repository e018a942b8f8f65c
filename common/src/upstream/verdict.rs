//! How programs ended, what follows, and how it is told.

use std::fmt::Write as _;

use super::judge::{Part, judge};
use super::policy::{OkStatus, Policy};
use crate::error::{Error, Result};

/// The signal of a write to a pipe that nobody reads.
const SIGPIPE: u8 = 13;
/// The exit status by which shells report it.
const SIGPIPE_STATUS: u8 = 128 + SIGPIPE;

/// How a program ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// By itself, with this status.
    Exited(u8),
    /// By a signal of this number.
    Signaled(u8),
    /// Not yet.
    Running,
    /// It ended, and nobody says how.
    Unknown,
}

impl End {
    /// The end behind a wait status, as wait(2) and the kernel's records have it.
    #[must_use]
    pub fn of_wait_status(status: i32) -> Self {
        match u8::try_from(status & 0x7f) {
            Ok(0) => Self::Exited(u8::try_from((status >> 8) & 0xff).unwrap_or(u8::MAX)),
            Ok(signal) => Self::Signaled(signal),
            Err(_) => Self::Unknown,
        }
    }

    /// As the predicate of a sentence: "exited with status 2".
    #[must_use]
    pub fn in_words(self) -> String {
        match self {
            Self::Exited(status) => format!("exited with status {status}"),
            Self::Signaled(signal) => format!("was killed by signal {signal}"),
            Self::Running => "still runs".to_owned(),
            Self::Unknown => "ended in an unknown way".to_owned(),
        }
    }

    /// In a list: "2", "signal 9".
    fn in_brief(self) -> String {
        match self {
            Self::Exited(status) => status.to_string(),
            Self::Signaled(signal) => format!("signal {signal}"),
            Self::Running => "running".to_owned(),
            Self::Unknown => "unknown".to_owned(),
        }
    }

    pub(super) fn is_sigpipe(self) -> bool {
        matches!(self, Self::Signaled(SIGPIPE) | Self::Exited(SIGPIPE_STATUS))
    }
}

/// A program of the pipe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stage {
    /// Its name, as the kernel keeps it: up to 15 bytes.
    pub name: String,
    /// How it ended.
    pub end: End,
}

/// The verdict in a word.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Every program ended as it should.
    Clean,
    /// Nothing bad was seen, but not everything was seen.
    Unknown,
    /// A program failed: what came is not all there was.
    Failed,
}

impl Kind {
    /// As receipts and messages have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

/// What is known of all programs before us, and what follows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// What follows.
    pub kind: Kind,
    /// The programs, the first producer first.
    pub stages: Vec<Stage>,
    /// Why it isn't clean.
    pub reason: Option<String>,
    /// What a person can do who knows better.
    pub(super) advice: Option<String>,
}

impl Verdict {
    /// The verdict on a single program whose end is known.
    #[must_use]
    pub fn of_command(name: &str, end: End, fine: &[OkStatus]) -> Self {
        let part = Part {
            stage: Stage {
                name: name.to_owned(),
                end,
            },
            feeds_us: true,
            feeds: Vec::new(),
            answered_for: false,
        };
        judge(&[part], &[], fine)
    }

    /// The verdict where nobody can be seen, because of `reason`.
    #[must_use]
    pub fn unseen(reason: &str) -> Self {
        Self {
            kind: Kind::Unknown,
            stages: Vec::new(),
            reason: Some(reason.to_owned()),
            advice: None,
        }
    }

    /// True if every program that is known of exited with 0, and nothing is in doubt.
    #[must_use]
    pub fn is_plain_success(&self) -> bool {
        let succeeded = |stage: &Stage| stage.end == End::Exited(0);
        self.kind == Kind::Clean && self.stages.iter().all(succeeded)
    }

    /// The same where the stream itself proves that all of it came: that speaks for programs that could not be
    /// seen, not for one that is known to have failed.
    #[must_use]
    pub fn borne_out(mut self) -> Self {
        if self.kind == Kind::Unknown {
            self.kind = Kind::Clean;
            let reason = self.reason.take().unwrap_or_default();
            self.reason = Some(format!("the stream ends as it must; besides, {reason}"));
            self.advice = None;
        }
        self
    }

    /// Fails unless `policy` allows to store `what` ("KEY", "what tar wrote").
    ///
    /// # Errors
    /// Permanent: it says why, and how to have it stored all the same.
    pub fn permits(&self, policy: Policy, what: &str) -> Result<()> {
        if policy.allows(self.kind) {
            return Ok(());
        }
        let doing = format!("store {what}");
        let reason = self.reason.as_deref().unwrap_or("it is not clean");
        Err(match (self.kind, &self.advice) {
            (Kind::Failed, advice) => {
                let accepts = advice
                    .as_deref()
                    .map_or_else(String::new, |advice| format!("{advice}; "));
                Error::permanent(doing, format!("{reason}{}", self.list()))
                    .hint(format!("{accepts}--commit always stores whatever came"))
            }
            _ => Error::permanent(
                doing,
                format!(
                    "it is unknown how it came to its end: {reason}{}",
                    self.list()
                ),
            )
            .hint("--commit not-failed stores what isn't known to have failed"),
        })
    }

    /// For a person who wants to know: "clean (tar: 0, gzip: 0)".
    #[must_use]
    pub fn in_words(&self) -> String {
        let reason = self
            .reason
            .as_deref()
            .map_or_else(String::new, |reason| format!(": {reason}"));
        let mut words = format!("{}{reason}", self.kind.word());
        match &self.stages[..] {
            [stage] if self.kind != Kind::Failed => {
                let _ = write!(words, " ({}: {})", stage.name, stage.end.in_brief());
            }
            _ => words.push_str(&self.list()),
        }
        words
    }

    /// All programs and their ends, in brackets; nothing where there is only one.
    fn list(&self) -> String {
        if self.stages.len() < 2 {
            return String::new();
        }
        let each: Vec<String> = self
            .stages
            .iter()
            .map(|stage| format!("{}: {}", stage.name, stage.end.in_brief()))
            .collect();
        format!(" ({})", each.join(", "))
    }
}
