//! How the programs before us in the pipe ended.
//!
//! `tar c /home | gzip | s3put home 0`: the end of standard input doesn't say whether tar wrote all there was. So
//! whoever holds the write end of our pipe is found in /proc, then whoever writes into a pipe that one of those
//! reads, and so on; each is held by a pidfd, and after the end of input the kernel tells how it ended, though
//! none of them is a child of ours. No privileges, no wrapper, no option of the shell.
//!
//! What can't be seen is never taken for good: a program that had ended before we looked, another user's, one
//! outside our container, a kernel before Linux 6.15. Then the verdict is unknown, with the reason in words.
//! `judge` says how ends become a verdict; doc/kill-matrix.md what is detected where.

mod attentive;
mod exit_record;
mod judge;
mod line;
mod pipes;
mod policy;
mod process;
mod verdict;

pub use attentive::Attentive;
pub use policy::{OkStatus, Policy};
pub use verdict::{End, Kind, Stage, Verdict};

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use self::line::Line;
use self::pipes::{Pipe, Survey, hung_up};
use self::process::{Process, wait_for_one};

/// A program that has closed its output and goes on is waited for this long.
const LINGERING: Duration = Duration::from_secs(10);
/// Most end at once. Only after this time is it looked who has a reason to go on.
const AT_ONCE: Duration = Duration::from_millis(200);

/// As many processes are looked at as the family of one that started us.
const FAMILY: usize = 200;

/// The programs before us, watched from the beginning of a stream to its end.
pub struct Watch {
    input: OwnedFd,
    line: Line,
    /// Why nothing at all can be seen.
    blind: Option<String>,
    /// When nobody was seen to write to us, nobody did any more.
    ended_unseen: bool,
    /// Somebody writes to us who can't be seen, besides those that can.
    stranger: bool,
}

impl Watch {
    /// Begins to watch who writes to `input`; none where it is no pipe. To be called before the first byte is
    /// read, and soon: who ends before isn't seen.
    ///
    /// # Errors
    /// If `input` can't be looked at.
    pub fn start(input: &impl AsFd) -> std::io::Result<Option<Self>> {
        let Some(pipe) = Pipe::behind(input.as_fd())? else {
            return Ok(None);
        };
        let mut watch = Self {
            input: input.as_fd().try_clone_to_owned()?,
            line: Line::new(pipe),
            blind: blindness(),
            ended_unseen: false,
            stranger: false,
        };
        watch.survey();
        Ok(Some(watch))
    }

    /// Looks for everybody again. To be called once the first byte has come, which is when everybody is there.
    pub fn look(&mut self) {
        self.glance();
        self.survey();
    }

    /// Looks again at those that are known, and at what they have started. Cheap.
    pub fn glance(&mut self) {
        if self.blind.is_some() {
            return;
        }
        if self.line.glance() || self.is_fed_by_a_stranger() {
            self.survey();
        }
    }

    /// True if those that we know to write to us have ended, and somebody keeps our pipe open.
    fn is_fed_by_a_stranger(&self) -> bool {
        !self.stranger && self.line.has_ended() && !hung_up(&self.input)
    }

    /// Looks among what our parent has started, which is where a shell's pipeline is; then among what its own parent
    /// has started, and so on, as long as there is a pipe that somebody writes of whom nothing is known; at last
    /// among all processes, once for each such pipe, because on a large machine that takes a while.
    fn survey(&mut self) {
        if self.blind.is_some() {
            return;
        }
        self.ended_unseen |= self.line.is_unfed() && hung_up(&self.input);
        let ours_is_done = self.ended_unseen;
        let mut survey = Survey::default();
        for ancestor in self.line.ancestors() {
            // A family as large as that is no nearer than everybody.
            let Some(family) = process::descendants(ancestor, FAMILY) else {
                break;
            };
            survey.add_all(family, self.line.wants_named());
            self.line.take(&survey);
            self.line.write_off();
            if !self.line.seeks(ours_is_done) && !self.is_fed_by_a_stranger() {
                return;
            }
        }
        let everybody = match pipes::everybody() {
            Ok(everybody) => everybody,
            Err(error) => {
                self.blind = Some(unreadable(error));
                return;
            }
        };
        // A named pipe may come to light by the way. Then all have to be looked at again.
        for _ in 0..2 {
            let named = self.line.wants_named();
            survey.add_all(everybody.iter().copied(), named);
            self.line.take(&survey);
            if named == self.line.wants_named() {
                break;
            }
        }
        self.line.give_up_seeking();
        self.stranger |= self.is_fed_by_a_stranger();
        self.ended_unseen |= self.line.is_unfed() && hung_up(&self.input);
    }

    /// The names of the programs, the first producer first, as far as they are known.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.line.names()
    }

    /// Waits for the programs to end, and judges. To be called after the end of input. It takes as long as they
    /// do, at most ten seconds; one that has reasons to go on is not waited for.
    #[must_use]
    pub fn verdict(&mut self, fine: &[OkStatus]) -> Verdict {
        self.glance();
        let deadline = Instant::now() + LINGERING;
        self.wait(Instant::now() + AT_ONCE, |_| true);
        let ours = |process: &Process| self.line.is_ancestor(process);
        if !self.line.running().all(ours) {
            // Of those that go on, some write for others as well: a loop's input, say. They won't end for us.
            let mut survey = Survey::default();
            survey.add_all(
                pipes::everybody().unwrap_or_default(),
                self.line.wants_named(),
            );
            let busy = self.line.busy(&survey);
            self.wait(deadline, |process| !busy.contains(&process.pid));
        }
        let mut gaps: Vec<String> = self.blind.iter().cloned().collect();
        if gaps.is_empty() {
            gaps = self.line.gaps(self.ended_unseen);
            if self.stranger {
                gaps.push("something that can't be seen wrote to standard input, too".to_owned());
            }
        }
        judge::judge(&self.line.parts(deadline), &gaps, fine)
    }

    fn wait(&self, until: Instant, whom: impl Fn(&Process) -> bool) {
        // Those who started us wait for us.
        let waited = || {
            self.line
                .running()
                .filter(|process| !self.line.is_ancestor(process) && whom(process))
        };
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || waited().next().is_none() {
                return;
            }
            wait_for_one(waited(), left);
        }
    }
}

/// Why /proc and pidfds are of no use here.
fn blindness() -> Option<String> {
    let number = |path: &str| {
        let link = std::fs::read_link(path).ok()?;
        link.to_str()?.parse::<u32>().ok()
    };
    match number("/proc/self") {
        None => Some("/proc is not there".to_owned()),
        // Its numbers would be those of other processes.
        Some(me) if me != std::process::id() => {
            Some("/proc shows another container's processes".to_owned())
        }
        Some(_) => None,
    }
}

fn unreadable(error: Errno) -> String {
    let error = crate::error::plain(&error.into());
    format!("/proc could not be read: {error}")
}
