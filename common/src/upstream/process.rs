//! One process before us: held by a pidfd, so that its number can be reused without our noticing anything else.
//!
//! /proc speaks of numbers, the pidfd of the process. What is read from /proc is believed only if the process
//! has not been reaped by then, because until then the number is its own.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::readlink;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::exit_record::wait_status;
use super::verdict::End;

/// `PF_FORKNOEXEC` among the flags in /proc/PID/stat: it is a copy of the process that started it, so far.
const FORKED_ONLY: u64 = 0x40;
/// `PF_EXITING`: it is about to end, and has closed some or all of what it held.
const EXITING: u64 = 0x4;

/// A process is asked so many times, while the kernel lets go of it. One time more was enough, always.
const REAPING: u32 = 100;

/// What we use of /proc/PID/stat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    pub(super) state: char,
    pub(super) parent: i32,
    /// It has not replaced itself by a program yet. A shell's group never does.
    pub(super) forked_only: bool,
    exiting: bool,
    /// When it began, in clock ticks since the start of the system.
    pub(super) began: u64,
    wait_status: i32,
}

impl Status {
    pub(super) fn read(pid: i32) -> Option<Self> {
        let line = fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(&String::from_utf8_lossy(&line))
    }

    /// The name is in brackets, and may hold some itself.
    fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.rsplit_once(')')?;
        // The first of these is field 3 in proc_pid_stat(5).
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let flags: u64 = fields.get(6)?.parse().ok()?;
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            forked_only: flags & FORKED_ONLY != 0,
            exiting: flags & EXITING != 0,
            began: fields.get(19)?.parse().ok()?,
            wait_status: fields.get(49)?.parse().ok()?,
        })
    }

    fn is_dead(self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }

    /// The kernel is letting go of it, and some of this is empty by now: 0 for its parent.
    fn is_being_reaped(self) -> bool {
        self.is_dead() && self.parent == 0
    }
}

/// A process that is held.
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) name: String,
    /// As it was when it was last looked at.
    pub(super) status: Status,
    pidfd: OwnedFd,
}

impl Process {
    /// Holds the process that has this number now. Whether it is the one that was meant, the caller must look
    /// again: until it is reaped, what /proc says of the number is about this one.
    ///
    /// # Errors
    /// If it is gone, or this system has no pidfds.
    pub(super) fn hold(pid: i32) -> Result<Self, Errno> {
        let number = Pid::from_raw(pid).ok_or(Errno::SRCH)?;
        let pidfd = pidfd_open(number, PidfdFlags::empty())?;
        let status = Status::read(pid)
            .filter(|status| !status.is_being_reaped())
            .ok_or(Errno::SRCH)?;
        let mut process = Self {
            pid,
            name: String::new(),
            status,
            pidfd,
        };
        process.look();
        if process.name.is_empty() {
            return Err(Errno::SRCH);
        }
        Ok(process)
    }

    /// What tells it from any other process since the start of the system.
    pub(super) fn key(&self) -> (i32, u64) {
        (self.pid, self.status.began)
    }

    /// Reads its name and status again: a program takes the place of a shell's copy, a new parent that of one
    /// that is gone. Of a process that was reaped, what was read last stays.
    pub(super) fn look(&mut self) {
        let name = fs::read(format!("/proc/{}/comm", self.pid));
        let status = Status::read(self.pid);
        // The number is its own as long as it is the number of a process that began when this one did.
        if let (Ok(name), Some(status)) = (name, status)
            && status.began == self.status.began
            && !status.is_being_reaped()
        {
            self.name = String::from_utf8_lossy(&name).trim_end().to_owned();
            self.status = status;
        }
    }

    /// True once all of it has ended, reaped or not.
    pub(super) fn has_ended(&self) -> bool {
        ready(&self.pidfd, PollFlags::IN, Duration::ZERO)
    }

    /// True if what it holds open can still be told: it closes all of it before it ends.
    pub(super) fn holds_all(&self) -> bool {
        let now = Status::read(self.pid);
        now.is_some_and(|now| now.began == self.status.began && !now.exiting && !now.is_dead())
    }

    /// How it ended. One that has ended, but was not reaped, and is not ours to look at, may be reaped until
    /// `deadline`.
    pub(super) fn end(&self, deadline: Instant) -> End {
        if !self.has_ended() {
            return End::Running;
        }
        let mut refusals = 0;
        loop {
            match wait_status(self.pidfd.as_fd()) {
                Ok(Some(status)) => return End::of_wait_status(status),
                Ok(None) => {}
                // So it answers while it is being reaped; a moment later it knows.
                Err(Errno::SRCH) if refusals < REAPING => {
                    refusals += 1;
                    std::thread::yield_now();
                    continue;
                }
                // Too old a kernel answers nothing at all; what it keeps of an unreaped process is left.
                Err(_) => return self.unreaped().unwrap_or(End::Unknown),
            }
            let unreaped = self.unreaped();
            // Still nobody has reaped it, so what was read is about this process.
            if let (Some(end), Ok(None)) = (unreaped, wait_status(self.pidfd.as_fd())) {
                return end;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if unreaped.is_none() && !ready(&self.pidfd, PollFlags::empty(), left) {
                return End::Unknown;
            }
        }
    }

    /// What the kernel keeps of a process that nobody has reaped yet; none if it was reaped, or isn't ours to
    /// look at: then its status reads as 0.
    fn unreaped(&self) -> Option<End> {
        let status = Status::read(self.pid)?;
        // Nothing is behind this link after the end. Who may not know is told so instead.
        let hidden = readlink(format!("/proc/{}/exe", self.pid), Vec::new()) == Err(Errno::ACCESS);
        (status.is_dead() && status.began == self.status.began && !hidden)
            .then(|| End::of_wait_status(status.wait_status))
    }
}

/// Waits until one of `processes` has ended, or `limit` has passed.
pub(super) fn wait_for_one<'a>(processes: impl Iterator<Item = &'a Process>, limit: Duration) {
    let mut waited: Vec<PollFd<'_>> = processes
        .map(|process| PollFd::new(&process.pidfd, PollFlags::IN))
        .collect();
    // Interrupted or not, the caller looks at the clock.
    let _ = poll(&mut waited, Some(&timespec(limit)));
}

fn ready(descriptor: &impl AsFd, what: PollFlags, limit: Duration) -> bool {
    let mut one = [PollFd::new(descriptor, what)];
    loop {
        match poll(&mut one, Some(&timespec(limit))) {
            Err(Errno::INTR) => {}
            Ok(number) => return number > 0,
            Err(_) => return false,
        }
    }
}

/// For poll(2).
pub(super) fn timespec(limit: Duration) -> Timespec {
    Timespec::try_from(limit).unwrap_or(Timespec {
        tv_sec: i64::MAX,
        tv_nsec: 0,
    })
}

/// Our own number.
pub(super) fn myself() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// Those that a process has started, by any of its threads, where the kernel lists them.
pub(super) fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    let lists = threads
        .flatten()
        .map(|thread| fs::read_to_string(thread.path().join("children")));
    let text: String = lists.flatten().collect();
    text.split_ascii_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// A process, all that it has started, and that those have started; none if they are more than `most`.
pub(super) fn descendants(pid: i32, most: usize) -> Option<Vec<i32>> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(pid) = all.get(next).copied() {
        next += 1;
        all.extend(children(pid));
        if all.len() > most {
            return None;
        }
    }
    Some(all)
}

/// Our parent, its parent and so on.
pub(super) fn ancestors() -> Vec<i32> {
    let mut line: Vec<i32> = Vec::new();
    let mut next = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    while let Some(pid) = next.filter(|pid| *pid > 0 && !line.contains(pid)) {
        line.push(pid);
        next = Status::read(pid).map(|status| status.parent);
    }
    line
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn pid_of(child: &std::process::Child) -> i32 {
        i32::try_from(child.id()).unwrap()
    }

    fn ended(script: &str, reap: bool) -> End {
        let mut child = Command::new("sh")
            .args(["-c", &format!("read x; {script}")])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let process = Process::hold(pid_of(&child)).unwrap();
        assert_eq!(process.end(Instant::now()), End::Running);
        drop(child.stdin.take());
        if reap {
            child.wait().unwrap();
        } else {
            wait_for_one([&process].into_iter(), Duration::from_secs(60));
        }
        let end = process.end(Instant::now() + NOW);
        child.wait().unwrap();
        end
    }

    #[test]
    fn the_end_is_known_before_and_after_it_was_reaped() {
        for reap in [false, true] {
            assert_eq!(ended("exit 7", reap), End::Exited(7), "reaped: {reap}");
            assert_eq!(
                ended("kill -9 $$", reap),
                End::Signaled(9),
                "reaped: {reap}"
            );
            assert_eq!(
                ended("kill -SEGV $$", reap),
                End::Signaled(11),
                "reaped: {reap}"
            );
        }
    }

    /// It is asked in all states between "it has ended" and "somebody has taken notice".
    #[test]
    fn the_end_is_known_while_it_is_reaped() {
        for round in 0..500 {
            let mut child = Command::new("sh")
                .args(["-c", "read x; exit 7"])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let process = Process::hold(pid_of(&child)).unwrap();
            // The other thread closes its input, and reaps it.
            let reaper = std::thread::spawn(move || child.wait().unwrap());
            let end = loop {
                match process.end(Instant::now() + Duration::from_secs(60)) {
                    End::Running => {}
                    end => break end,
                }
            };
            assert_eq!(end, End::Exited(7), "round {round}");
            reaper.join().unwrap();
        }
    }

    #[test]
    fn who_was_reaped_before_can_t_be_held() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = pid_of(&child);
        child.wait().unwrap();
        assert!(matches!(Process::hold(pid), Err(Errno::SRCH)));
    }

    /// A number that was reused is another process's: nothing of it is taken over.
    #[test]
    fn a_reused_number_is_not_believed() {
        let mut first = Command::new("sleep").arg("1000").spawn().unwrap();
        let mut second = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let mut process = Process::hold(pid_of(&first)).unwrap();
        process.look();
        let name = process.name.clone();
        // As if the number had gone over to the second one, which began later.
        process.pid = pid_of(&second);
        process.status.began -= 1;
        process.look();
        assert_eq!(process.name, name);
        first.kill().unwrap();
        wait_for_one([&process].into_iter(), Duration::from_secs(60));
        second.kill().unwrap();
        assert_eq!(process.unreaped(), None);
        first.wait().unwrap();
        second.wait().unwrap();
        assert_eq!(process.end(Instant::now()), End::Signaled(9));
    }

    #[test]
    fn a_status_line_is_understood() {
        // Fields 3 to 52.
        let mut fields = vec!["0"; 50];
        (fields[0], fields[1], fields[6]) = ("Z", "7", "4194380");
        (fields[19], fields[49]) = ("987", "1792");
        let line = format!("42 (a) b (c)) {}\n", fields.join(" "));
        let status = Status::parse(&line).unwrap();
        assert_eq!((status.state, status.parent, status.began), ('Z', 7, 987));
        assert!(status.forked_only && status.is_dead());
        assert_eq!(End::of_wait_status(status.wait_status), End::Exited(7));
        for broken in [
            "",
            "42 (x",
            "42 (x) Z 1 2",
            ")",
            "1 (x) Z a a a a a a a a a",
        ] {
            assert!(Status::parse(broken).is_none(), "{broken}");
        }
    }
}
