//! What is accepted: exit statuses that are called fine, and verdicts that are good enough to store a stream.

use std::str::FromStr;

use clap::ValueEnum;

use super::verdict::Kind;
use crate::error::{Error, Result};

/// Bytes of a program's name that the kernel keeps.
const NAME_KEPT: usize = 15;

/// An exit status besides 0 that is fine: `N`, or `NAME:N` for one program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OkStatus {
    name: Option<String>,
    status: u8,
}

impl OkStatus {
    /// True if `name` may exit with `status`. The kernel keeps 15 bytes of a name, so no more are compared of
    /// a name of that length.
    #[must_use]
    pub fn allows(&self, name: &str, status: u8) -> bool {
        let named = self.name.as_deref().is_none_or(|wanted| {
            wanted == name || (name.len() == NAME_KEPT && wanted.starts_with(name))
        });
        named && self.status == status
    }
}

impl FromStr for OkStatus {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, status) = match text.rsplit_once(':') {
            Some((name, status)) => (Some(name.to_owned()), status),
            None => (None, text),
        };
        match status.parse() {
            Ok(status) if name.as_deref() != Some("") => Ok(Self { name, status }),
            _ => Err(
                Error::usage(format!("'{}' is not a status", text.escape_debug()))
                    .hint("a status is N or NAME:N, N being 0 to 255: tar:1"),
            ),
        }
    }
}

/// Which verdicts are good enough to store what came.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Policy {
    /// Only if every program before us is known to have ended well
    Clean,
    /// Unless one is known to have failed
    #[default]
    NotFailed,
    /// Whatever happened
    Always,
}

impl Policy {
    /// True if a stream with this verdict is to be stored.
    #[must_use]
    pub fn allows(self, kind: Kind) -> bool {
        match self {
            Self::Clean => kind == Kind::Clean,
            Self::NotFailed => kind != Kind::Failed,
            Self::Always => true,
        }
    }
}
