//! A command of the user's that bytes pass through: each file of an archive on its own.
//!
//! What comes out counts only if the command exits with 0. It need not read all that it is given.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::error::{Doing, Error, Result};
use crate::upstream::End;

/// The environment variable that tells the command which object it is about.
const KEY: &str = "S3PIPES_KEY";

/// The command.
#[derive(Clone, Debug)]
pub struct Through(OsString);

/// The command while it runs.
pub struct Running {
    child: Child,
    name: String,
    doing: String,
    /// Where the bytes go in.
    pub input: Option<ChildStdin>,
    /// Where they come out.
    pub output: Option<ChildStdout>,
}

impl Through {
    /// A command for the shell.
    #[must_use]
    pub fn new(command: &OsStr) -> Self {
        Self(command.to_owned())
    }

    /// Starts it for the object `key`; `doing` is what fails if it does ("store KEY").
    ///
    /// # Errors
    /// If there is no shell.
    pub fn start(&self, key: &str, doing: &str) -> Result<Running> {
        let name = self.0.to_string_lossy().into_owned();
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(&self.0)
            .env(KEY, key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .doing(format!("run '{name}'"))?;
        Ok(Running {
            input: child.stdin.take(),
            output: child.stdout.take(),
            child,
            name,
            doing: doing.to_owned(),
        })
    }

    /// What becomes of `bytes`.
    ///
    /// # Errors
    /// If it fails, or more than `most` bytes come out.
    pub fn all(&self, key: &str, doing: &str, bytes: &[u8], most: u64) -> Result<Vec<u8>> {
        let mut running = self.start(key, doing)?;
        let (input, output) = (running.input.take(), running.output.take());
        let mut found = Vec::new();
        let read = std::thread::scope(|scope| {
            // Why it can't be written to, its exit status says.
            scope.spawn(move || input.map(|mut input| input.write_all(bytes)));
            let Some(output) = output else {
                return Ok(0);
            };
            output.take(most.saturating_add(1)).read_to_end(&mut found)
        });
        if found.len() as u64 > most {
            running.give_up();
            return Err(Error::permanent(
                doing,
                format!(
                    "more came out of '{}' than there can be",
                    self.0.to_string_lossy()
                ),
            ));
        }
        read.doing(doing)?;
        running.finish()?;
        Ok(found)
    }
}

impl Running {
    /// Waits for its end, after its output has ended.
    ///
    /// # Errors
    /// If it didn't exit with 0.
    pub fn finish(mut self) -> Result<()> {
        self.input = None;
        let status = self.child.wait().doing(self.doing.clone())?;
        if status.success() {
            return Ok(());
        }
        use std::os::unix::process::ExitStatusExt as _;
        let end = End::of_wait_status(status.into_raw()).in_words();
        Err(Error::permanent(
            &*self.doing,
            format!("'{}' {end}", self.name),
        ))
    }

    /// Ends it: nobody wants its output any more.
    pub fn give_up(mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_pass_through() {
        let through = |command: &str| {
            let bytes = vec![b'a'; 300_000];
            Through::new(command.as_ref()).all("the/key", "store it", &bytes, 1 << 20)
        };
        assert_eq!(through("tr a b").unwrap(), vec![b'b'; 300_000]);
        assert_eq!(through("head -c 3").unwrap(), b"aaa");
        assert_eq!(through("echo $S3PIPES_KEY").unwrap(), b"the/key\n");
        let failed = through("cat; exit 3").unwrap_err();
        assert_eq!(
            failed.to_string(),
            "could not store it: 'cat; exit 3' exited with status 3"
        );
        assert!(through("cat /dev/zero").is_err());
    }
}
