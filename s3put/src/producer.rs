//! The program whose output is stored, when s3put runs it itself: `s3put home 0 -- tar c /home`.
//!
//! A child of ours is waited for after the end of its output, so that it is always known how it ended. What it
//! started itself is the watch's business (`source`).

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::upstream::{End, OkStatus, Verdict};
use common::{Doing, Error, Result};
use rustix::process::{Pid, Signal, kill_process};

/// A running producer. Handles are cheap; whoever takes the child first has it.
#[derive(Clone)]
pub(crate) struct Producer {
    name: String,
    child: Arc<Mutex<Option<Child>>>,
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
        };
        Ok((output, producer))
    }

    /// Waits for its end, and judges it: unless it exited with 0, or with a status among `fine`, it failed.
    ///
    /// # Errors
    /// If it was given up, or can't be waited for.
    pub(crate) fn verdict(&self, fine: &[OkStatus]) -> Result<Verdict> {
        let doing = || format!("store what {} wrote", self.name);
        let Some(mut child) = held(&self.child).take() else {
            return Err(Error::permanent(doing(), "it was given up"));
        };
        let status = child.wait().doing(doing())?;
        let end = End::of_wait_status(status.into_raw());
        Ok(Verdict::of_command(&self.name, end, fine))
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

/// What is behind `lock`, whoever panicked while holding it.
pub(crate) fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use common::upstream::Kind;

    use super::*;

    fn run(script: &str, fine: &[&str]) -> (String, Verdict) {
        let words = ["sh", "-c", script].map(OsString::from);
        let (mut output, producer) = Producer::start(&words).unwrap();
        let mut said = String::new();
        output.read_to_string(&mut said).unwrap();
        let fine: Vec<OkStatus> = fine.iter().map(|text| text.parse().unwrap()).collect();
        (said, producer.verdict(&fine).unwrap())
    }

    #[test]
    fn only_a_good_end_is_good() {
        let (said, verdict) = run("echo all", &[]);
        assert_eq!((said.as_str(), verdict.kind), ("all\n", Kind::Clean));
        let (said, verdict) = run("echo half; exit 3", &[]);
        assert_eq!((said.as_str(), verdict.kind), ("half\n", Kind::Failed));
        assert_eq!(verdict.reason.unwrap(), "sh exited with status 3");
        let (_, verdict) = run("kill -9 $$", &["9", "137"]);
        assert_eq!(verdict.reason.unwrap(), "sh was killed by signal 9");
    }

    #[test]
    fn a_status_can_be_called_fine() {
        assert_eq!(run("exit 3", &["3"]).1.kind, Kind::Clean);
        assert_eq!(run("exit 3", &["sh:3"]).1.kind, Kind::Clean);
        assert_eq!(run("exit 3", &["tar:3", "sh:4", "1"]).1.kind, Kind::Failed);
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
        assert!(producer.verdict(&[]).is_err());
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
