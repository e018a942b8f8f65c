//! The program whose output is stored, when s3put runs it itself: `s3put home 0 -- tar c /home`.
//!
//! A pipe doesn't say why it ended. A child of ours does: it is waited for after the end of its output, and
//! the dump is stored only if it exited with 0, or with a status that the user called fine.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::{Doing, Error, Result};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

/// An exit status besides 0 that is fine: `N`, or `NAME:N` for one program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OkStatus {
    name: Option<String>,
    status: u8,
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

/// How a producer ended, for the receipt.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Stage {
    name: String,
    status: i32,
}

/// A running producer. Handles are cheap; whoever takes the child first has it.
#[derive(Clone)]
pub(crate) struct Producer {
    name: String,
    child: Arc<Mutex<Option<Child>>>,
    ended: Arc<Mutex<Option<Stage>>>,
}

impl Producer {
    /// Starts `words`; its standard input and error are ours.
    ///
    /// # Errors
    /// If it can't be started.
    pub(crate) fn start(words: &[OsString]) -> Result<(ChildStdout, Self)> {
        let Some((program, arguments)) = words.split_first() else {
            return Err(Error::usage("no command is named"));
        };
        let name = Path::new(program)
            .file_name()
            .unwrap_or(program)
            .to_string_lossy()
            .into_owned();
        let doing = || format!("run {}", program.to_string_lossy());
        let mut child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .doing(doing())?;
        let output = child
            .stdout
            .take()
            .ok_or_else(|| Error::permanent(doing(), "it has no output"))?;
        let producer = Self {
            name,
            child: Arc::new(Mutex::new(Some(child))),
            ended: Arc::default(),
        };
        Ok((output, producer))
    }

    /// Waits for its end; fails unless that was a good one.
    ///
    /// # Errors
    /// If it was killed, or exited with a status that is neither 0 nor among `fine`.
    pub(crate) fn judge(&self, fine: &[OkStatus]) -> Result<()> {
        let doing = || format!("store what {} wrote", self.name);
        let Some(mut child) = held(&self.child).take() else {
            return Err(Error::permanent(doing(), "it was given up"));
        };
        let status = child.wait().doing(doing())?;
        if let Some(code) = status.code() {
            *held(&self.ended) = Some(Stage {
                name: self.name.clone(),
                status: code,
            });
        }
        self.verdict(status, fine)
    }

    fn verdict(&self, status: ExitStatus, fine: &[OkStatus]) -> Result<()> {
        let is_fine = |code| {
            let of_us = |ok: &&OkStatus| ok.name.as_ref().is_none_or(|name| *name == self.name);
            code == 0
                || fine
                    .iter()
                    .filter(of_us)
                    .any(|ok| i32::from(ok.status) == code)
        };
        if status.code().is_some_and(is_fine) {
            return Ok(());
        }
        let error = Error::permanent(format!("store what {} wrote", self.name), End(status));
        Err(match status.code() {
            Some(code) => error.hint(format!(
                "nothing was stored; --ok-status {}:{code} accepts that status",
                self.name
            )),
            None => error.hint("nothing was stored"),
        })
    }

    /// How it ended, once it was judged.
    pub(crate) fn stage(&self) -> Option<Stage> {
        held(&self.ended).clone()
    }

    /// Asks it to end, if it still runs: nobody wants its output any more.
    pub(crate) fn give_up(&self) {
        let pid = held(&self.child)
            .take()
            .and_then(|child| i32::try_from(child.id()).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It was not waited for, so the number is still its own. That it ended by itself is fine.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end of a process in words.
struct End(ExitStatus);

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.code(), self.0.signal()) {
            (Some(code), _) => write!(f, "it exited with status {code}"),
            (None, Some(signal)) => write!(f, "it was killed by signal {signal}"),
            (None, None) => f.write_str("it ended in an unknown way"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn run(script: &str, fine: &[&str]) -> (String, Result<()>) {
        let words = ["sh", "-c", script].map(OsString::from);
        let (mut output, producer) = Producer::start(&words).unwrap();
        let mut said = String::new();
        output.read_to_string(&mut said).unwrap();
        let fine: Vec<OkStatus> = fine.iter().map(|text| text.parse().unwrap()).collect();
        (said, producer.judge(&fine))
    }

    #[test]
    fn only_a_good_end_is_good() {
        assert_eq!(run("echo all", &[]), ("all\n".to_owned(), Ok(())));
        let (said, verdict) = run("echo half; exit 3", &[]);
        assert_eq!(said, "half\n");
        assert_eq!(
            verdict.unwrap_err().to_string(),
            "could not store what sh wrote: it exited with status 3"
        );
        let (_, verdict) = run("kill -9 $$", &["9", "137"]);
        assert_eq!(
            verdict.unwrap_err().to_string(),
            "could not store what sh wrote: it was killed by signal 9"
        );
    }

    #[test]
    fn a_status_can_be_called_fine() {
        assert_eq!(run("exit 3", &["3"]).1, Ok(()));
        assert_eq!(run("exit 3", &["sh:3"]).1, Ok(()));
        assert!(run("exit 3", &["tar:3", "sh:4", "1"]).1.is_err());
        for text in ["", "x", "256", "-1", ":1", "tar:", "tar:x"] {
            assert!(text.parse::<OkStatus>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_given_up_is_no_dump() {
        let words = ["sleep", "1000"].map(OsString::from);
        let (mut output, producer) = Producer::start(&words).unwrap();
        producer.give_up();
        assert_eq!(
            output.read(&mut [0]).unwrap(),
            0,
            "it is gone, and its output with it"
        );
        assert!(producer.judge(&[]).is_err());
    }

    #[test]
    fn a_program_that_is_not_there() {
        let Err(error) = Producer::start(&[OsString::from("/no/such/program")]) else {
            panic!("it ran")
        };
        assert_eq!(
            error.to_string(),
            "could not run /no/such/program: no such file or directory"
        );
    }
}
