//! Who holds which end of which pipe, as /proc tells.
//!
//! A survey reads where each descriptor of each process leads and keeps those that lead to pipes. That costs one
//! readlink(2) a descriptor; which end it is, is asked only of the few that matter. Kernel threads have no
//! descriptors; a process whose descriptors we may not see is passed over.

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawDir, StatxFlags, makedev, openat, readlinkat_raw,
    statat, statx,
};
use rustix::io::Errno;

use super::process::timespec;

/// A pipe.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Pipe {
    /// One that has no name, by its inode.
    Unnamed(u64),
    /// A named one, by device and inode.
    Named(u64, u64),
}

impl Pipe {
    /// The pipe behind a descriptor of ours; none if it is something else.
    pub(super) fn behind(descriptor: BorrowedFd<'_>) -> Result<Option<Self>, Errno> {
        let stat = rustix::fs::fstat(descriptor)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Fifo {
            return Ok(None);
        }
        let mut buffer = [MaybeUninit::uninit(); 64];
        let link = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
        Ok(Some(match readlinkat_raw(CWD, link, &mut buffer) {
            Ok((link, _)) if unnamed(link).is_some() => Self::Unnamed(stat.st_ino),
            _ => Self::Named(stat.st_dev, stat.st_ino),
        }))
    }
}

/// The inode in `pipe:[INODE]`.
fn unnamed(link: &[u8]) -> Option<u64> {
    let number = link.strip_prefix(b"pipe:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// A descriptor that leads to a pipe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding {
    pid: i32,
    pipe: Pipe,
    descriptor: u32,
}

/// What a descriptor is open for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ways {
    pub(super) read: bool,
    pub(super) write: bool,
}

impl Holding {
    /// The ends of the pipe that it holds; none where the process is gone, or the descriptor leads elsewhere now.
    pub(super) fn ways(&self) -> Ways {
        let folder = format!("/proc/{}/fd", self.pid);
        let Ok(folder) = open(CWD, &folder) else {
            return Ways::default();
        };
        let name = self.descriptor.to_string();
        let mut buffer = [MaybeUninit::uninit(); 64];
        if lead(folder.as_fd(), &name, &mut buffer, true) != Some(self.pipe) {
            return Ways::default();
        }
        // The link's own mode says what the descriptor is open for.
        match statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ways {
                read: stat.st_mode & 0o400 != 0,
                write: stat.st_mode & 0o200 != 0,
            },
            Err(_) => Ways::default(),
        }
    }
}

impl Holding {
    /// True if the descriptor closes when the process becomes a program. See proc_pid_fdinfo(5).
    fn is_close_on_exec(&self) -> bool {
        let path = format!("/proc/{}/fdinfo/{}", self.pid, self.descriptor);
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines()
            .find_map(|line| line.strip_prefix("flags:"))
            .and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok())
            .is_some_and(|flags| flags & OFlags::CLOEXEC.bits() != 0)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    holdings: Vec<Holding>,
    /// Who was looked at; with named pipes or without.
    done: BTreeMap<i32, bool>,
}

impl Survey {
    /// Looks at these processes.
    pub(super) fn of(pids: impl IntoIterator<Item = i32>, named: bool) -> Self {
        let mut survey = Self::default();
        survey.add_all(pids, named);
        survey
    }

    /// Looks at these as well, if they were not looked at; at named pipes only if `named`, because that costs more.
    pub(super) fn add_all(&mut self, pids: impl IntoIterator<Item = i32>, named: bool) {
        for pid in pids {
            let done = self.done.get(&pid);
            if done.is_some_and(|with_named| *with_named || !named) {
                continue;
            }
            if done.is_some() {
                self.holdings.retain(|holding| holding.pid != pid);
            }
            self.done.insert(pid, named);
            self.add(pid, named);
        }
    }

    /// Those who hold `pipe` for writing, or for reading; each once.
    pub(super) fn holders(&self, pipe: Pipe, end: impl Fn(Ways) -> bool) -> Vec<i32> {
        let mut pids: Vec<i32> = self
            .holdings
            .iter()
            .filter(|holding| holding.pipe == pipe && end(holding.ways()))
            .map(|holding| holding.pid)
            .collect();
        pids.sort_unstable();
        pids.dedup();
        pids
    }

    /// True if this process loses `pipe` once it becomes a program: it closes all its ends then.
    pub(super) fn is_lost_by_becoming_a_program(&self, pid: i32, pipe: Pipe) -> bool {
        let mut ends = self
            .holdings
            .iter()
            .filter(|holding| holding.pid == pid && holding.pipe == pipe && holding.ways().write);
        ends.all(Holding::is_close_on_exec)
    }

    /// True if this process reads `pipe`, and nobody has it open for writing: then nobody will.
    ///
    /// To ask that, we open it as well, for a moment, and only to look: who writes into it would not notice.
    pub(super) fn has_no_writer(pid: i32, pipe: Pipe) -> bool {
        // A named one shows it only to those who were there before the writer went.
        if !matches!(pipe, Pipe::Unnamed(_)) {
            return false;
        }
        let survey = Self::of([pid], false);
        let mut reads = survey
            .holdings
            .iter()
            .filter(|holding| holding.pipe == pipe && holding.ways().read);
        reads.next().is_some_and(|holding| {
            let path = format!("/proc/{pid}/fd/{}", holding.descriptor);
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            let Ok(end) = openat(CWD, path, flags, Mode::empty()) else {
                return false;
            };
            Pipe::behind(end.as_fd()) == Ok(Some(pipe)) && hung_up(&end)
        })
    }

    /// The pipes that a process reads, and doesn't write itself, and whether it is its standard input: a pipe of which
    /// somebody holds both ends is a store of tokens, such as make's. Of `inherited` ones only what is its standard
    /// input counts.
    pub(super) fn inputs_of(&self, pid: i32, inherited: &[Pipe]) -> BTreeMap<Pipe, bool> {
        let ends: Vec<(&Holding, Ways)> = self
            .holdings
            .iter()
            .filter(|holding| holding.pid == pid)
            .map(|holding| (holding, holding.ways()))
            .collect();
        let writes = |pipe| {
            ends.iter()
                .any(|(other, ways)| other.pipe == pipe && ways.write)
        };
        let read = ends
            .iter()
            .filter(|(_, ways)| ways.read)
            .map(|(holding, _)| (holding.pipe, holding.descriptor == 0))
            .filter(|(pipe, standard)| *standard || !inherited.contains(pipe))
            .filter(|(pipe, _)| !writes(*pipe));
        let mut inputs = BTreeMap::new();
        for (pipe, standard) in read {
            *inputs.entry(pipe).or_default() |= standard;
        }
        inputs
    }

    fn add(&mut self, pid: i32, named: bool) {
        // Another user's, or gone.
        let Ok(folder) = open(CWD, &format!("/proc/{pid}/fd")) else {
            return;
        };
        let mut buffer = [MaybeUninit::uninit(); 64];
        // A process that ends while it is looked at has no descriptors.
        let _ = each_number(&folder, |descriptor| {
            let name = descriptor.to_string();
            if let Some(pipe) = lead(folder.as_fd(), &name, &mut buffer, named) {
                self.holdings.push(Holding {
                    pid,
                    pipe,
                    descriptor,
                });
            }
        });
    }
}

/// True if nobody has the other end open.
pub(super) fn hung_up(input: &impl AsFd) -> bool {
    let mut one = [PollFd::new(input, PollFlags::IN)];
    let polled = poll(&mut one, Some(&timespec(Duration::ZERO)));
    polled.is_ok() && one[0].revents().contains(PollFlags::HUP)
}

/// The numbers of all processes.
///
/// # Errors
/// If /proc can't be read.
pub(super) fn everybody() -> Result<Vec<i32>, Errno> {
    let mut pids = Vec::new();
    each_number(&open(CWD, "/proc")?, |number| {
        pids.extend(i32::try_from(number));
    })?;
    Ok(pids)
}

/// The pipe that a descriptor leads to.
fn lead(
    folder: BorrowedFd<'_>,
    name: &str,
    buffer: &mut [MaybeUninit<u8>],
    named: bool,
) -> Option<Pipe> {
    let (link, _) = readlinkat_raw(folder, name, buffer).ok()?;
    if let Some(inode) = unnamed(link) {
        return Some(Pipe::Unnamed(inode));
    }
    // Sockets and the like have no path; devices are no pipes.
    if !named || !link.starts_with(b"/") || link.starts_with(b"/dev/null") {
        return None;
    }
    // What the system has in its memory will do: a file server that doesn't answer must not hold us up.
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
    let stat = statx(folder, name, flags, StatxFlags::TYPE | StatxFlags::INO).ok()?;
    (FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Fifo).then(|| {
        Pipe::Named(
            makedev(stat.stx_dev_major, stat.stx_dev_minor),
            stat.stx_ino,
        )
    })
}

fn open(at: BorrowedFd<'_>, path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(at, path, flags, Mode::empty())
}

/// Calls `with` for each entry of a folder that is a number.
fn each_number(folder: &OwnedFd, mut with: impl FnMut(u32)) -> Result<(), Errno> {
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut entries = RawDir::new(folder, &mut buffer);
    while let Some(entry) = entries.next() {
        let number = entry?
            .file_name()
            .to_str()
            .ok()
            .and_then(|name| name.parse().ok());
        if let Some(number) = number {
            with(number);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn both_ends_of_a_pipe_of_ours() {
        let (reader, writer) = std::io::pipe().unwrap();
        let pipe = Pipe::behind(reader.as_fd()).unwrap().unwrap();
        let me = i32::try_from(std::process::id()).unwrap();
        for survey in [
            Survey::of([me], false),
            Survey::of(everybody().unwrap(), false),
        ] {
            assert_eq!(survey.holders(pipe, |ways| ways.write), [me]);
            assert_eq!(survey.holders(pipe, |ways| ways.read), [me]);
        }
        drop(writer);
        let survey = Survey::of([me], false);
        assert!(survey.holders(pipe, |ways| ways.write).is_empty());
        assert_eq!(survey.holders(pipe, |ways| ways.read), [me]);
    }

    #[test]
    fn a_pipe_without_a_writer() {
        let (reader, writer) = std::io::pipe().unwrap();
        let pipe = Pipe::behind(reader.as_fd()).unwrap().unwrap();
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(!Survey::has_no_writer(me, pipe));
        (&writer).write_all(b"data").unwrap();
        drop(writer);
        assert!(Survey::has_no_writer(me, pipe));
        // Looking takes nothing out of it.
        let mut text = String::new();
        (&reader).read_to_string(&mut text).unwrap();
        assert_eq!(text, "data");
        drop(reader);
        assert!(!Survey::has_no_writer(me, pipe), "nobody to ask");
    }

    #[test]
    fn a_named_pipe_by_any_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        rustix::fs::mknodat(CWD, &one, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        std::fs::hard_link(&one, &other).unwrap();
        // Open for both, so that opening waits for nobody.
        let held = rustix::fs::open(&one, OFlags::RDWR, Mode::empty()).unwrap();
        let again = rustix::fs::open(&other, OFlags::RDONLY, Mode::empty()).unwrap();
        let pipe = Pipe::behind(again.as_fd()).unwrap().unwrap();
        assert!(matches!(pipe, Pipe::Named(..)));
        let me = i32::try_from(std::process::id()).unwrap();
        let survey = Survey::of(everybody().unwrap(), true);
        assert_eq!(survey.holders(pipe, |ways| ways.write), [me]);
        drop(held);
        let survey = Survey::of([me], true);
        assert!(survey.holders(pipe, |ways| ways.write).is_empty());
    }

    #[test]
    fn what_is_no_pipe() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(Pipe::behind(file.as_fd()), Ok(None));
        for link in ["pipe:[", "pipe:[]", "pipe:[x]", "/pipe:[1]", "socket:[1]"] {
            assert_eq!(unnamed(link.as_bytes()), None, "{link}");
        }
    }
}
