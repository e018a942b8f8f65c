//! What every main does: parse, run, report, choose the exit code.
//!
//! A tool is a function of its arguments and its streams; it never exits, and it prints to standard error
//! only through [`Streams::voice`]. Panics are not expected; if one happens it ends the process with a
//! code that no script takes for success.

use std::fmt;
use std::io::{self, IoSlice, IsTerminal, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::args::Voice;
use crate::error::{Class, Doing, Error, Result, one_line};

/// The size we ask for pipes on standard input and output: the kernel's default of 64 KiB costs a
/// process switch per 64 KiB, and 1 MiB is what an unprivileged process may have.
const PIPE: usize = 1 << 20;

/// How long a pipe that was emptied is left alone. tar writes 10 KiB at a time: read at once, each of them wakes a process
/// on either side. Meanwhile 2 GB/s fill the pipe, so nobody waits for it to be read.
const PAUSE: Duration = Duration::from_micros(500);

/// Parses the command line into `A`, runs the tool and reports how it went. The whole of every `main`.
pub fn start<A: Parser + Spoken>(
    name: &'static str,
    run: fn(A, &mut Streams) -> Result<()>,
) -> ExitCode {
    let args = match A::try_parse() {
        Ok(args) => args,
        Err(error) => return parse_failure(name, &error),
    };
    let mut streams = Streams::standard(name, args.voice());
    let outcome = run(args, &mut streams).and_then(|()| streams.flush());
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            streams.voice().error(&error);
            ExitCode::from(error.class().code())
        }
    }
}

/// Help goes to standard output and succeeds; a wrong call says one thing on standard error and exits 2.
fn parse_failure(name: &str, error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind as K;
    if matches!(error.kind(), K::DisplayHelp | K::DisplayVersion) {
        let written = io::stdout().write_all(error.render().to_string().as_bytes());
        return ExitCode::from(u8::from(written.is_err()));
    }
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines
        .next()
        .unwrap_or("wrong arguments")
        .trim_start_matches("error: ");
    // clap puts the names of missing arguments on lines of their own.
    let rest: Vec<&str> = lines
        .take_while(|line| {
            !line.starts_with("Usage:")
                && !line.starts_with("For more")
                && !line.starts_with("tip:")
        })
        .collect();
    let message = if rest.is_empty() {
        first.to_owned()
    } else {
        format!("{first} {}", rest.join(" "))
    };
    // A value that one of our own types refused brings its own advice.
    let advice = std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<Error>())
        .and_then(Error::advice);
    let hint = advice.map_or_else(|| format!("see '{name} --help'"), str::to_owned);
    // Nothing can be done for a reader of standard error that went away.
    let _ = writeln!(
        io::stderr().lock(),
        "{name}: error: {message}\n{name}: hint: {hint}"
    );
    ExitCode::from(Class::Usage.code())
}

/// Arguments that say how much the tool speaks.
pub trait Spoken {
    /// The flags for that.
    fn voice(&self) -> Voice;
}

/// The three standard streams of a tool, handed to it so that it can be run inside a test.
pub struct Streams {
    input: Option<Input>,
    output: Output,
    voice: Speaker,
}

impl Streams {
    /// The process's own streams.
    #[must_use]
    pub fn standard(name: &'static str, voice: Voice) -> Self {
        Self {
            input: Some(Input::standard()),
            output: Output::standard(),
            voice: Speaker { name, voice },
        }
    }

    /// Standard input, once: a second taker would steal the first one's bytes.
    ///
    /// # Errors
    /// If it was taken before.
    pub fn take_input(&mut self) -> Result<Input> {
        let mut input = self
            .input
            .take()
            .ok_or_else(|| Error::usage("standard input can be used only once"))?;
        input.wide = widen(input.as_fd());
        Ok(input)
    }

    /// Standard input, for a look at what it is; none if it was taken. Until it is taken a pipe stays as small as it
    /// was, so that whoever writes into it has to wait for us.
    #[must_use]
    pub fn input(&self) -> Option<&Input> {
        self.input.as_ref()
    }

    /// Standard output.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Standard output once more, for a thread that may be left behind while it writes.
    #[must_use]
    pub fn another_output(&self) -> Output {
        Output(io::stdout())
    }

    /// What goes to standard error.
    #[must_use]
    pub fn voice(&self) -> Speaker {
        self.voice
    }

    /// Pushes out what was written to standard output.
    ///
    /// # Errors
    /// If it can't be written; [`Class::ReaderGone`] if its reader went away.
    pub fn flush(&mut self) -> Result<()> {
        written(self.output.flush())
    }
}

/// Standard input: bytes, and the descriptor behind them for those who splice.
pub struct Input {
    stream: io::Stdin,
    /// It is a pipe that holds as much as we asked for.
    wide: bool,
    /// There was less in it than was wanted.
    emptied: bool,
}

impl Input {
    fn standard() -> Self {
        Self {
            stream: io::stdin(),
            wide: false,
            emptied: false,
        }
    }

    /// True when a person would have to type the bytes.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.stream.is_terminal()
    }
}

impl Read for Input {
    /// Reads straight from the descriptor; the caller brings a large buffer.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.emptied {
            std::thread::sleep(PAUSE);
        }
        let count = loop {
            match rustix::io::read(self.stream.as_fd(), &mut *buffer) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => ready(self.stream.as_fd(), PollFlags::IN)?,
                other => break other?,
            }
        };
        self.emptied = self.wide && count > 0 && count < buffer.len().min(PIPE / 16);
        Ok(count)
    }
}

impl AsFd for Input {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Standard output, unbuffered: the tools write large pieces or whole lines.
pub struct Output(io::Stdout);

impl Output {
    fn standard() -> Self {
        let stdout = io::stdout();
        widen(stdout.as_fd());
        Self(stdout)
    }

    /// True when the bytes would land on a person's screen.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.0.is_terminal()
    }

    /// Writes pieces, one after the other, without putting them together first.
    ///
    /// # Errors
    /// As [`written`].
    pub fn pieces(&mut self, pieces: &[impl AsRef<[u8]>]) -> Result<()> {
        let slices = pieces.iter().map(|piece| IoSlice::new(piece.as_ref()));
        let mut slices: Vec<IoSlice<'_>> = slices.filter(|slice| !slice.is_empty()).collect();
        let mut rest = slices.as_mut_slice();
        while !rest.is_empty() {
            match written(self.write_vectored(rest))? {
                0 => return written(Err(io::ErrorKind::WriteZero.into())),
                count => IoSlice::advance_slices(&mut rest, count),
            }
        }
        Ok(())
    }

    /// Writes one line and its line feed.
    ///
    /// # Errors
    /// As [`written`].
    pub fn line(&mut self, line: impl fmt::Display) -> Result<()> {
        written(self.write_all(format!("{line}\n").as_bytes()))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(self.0.as_fd(), bytes) {
                Err(Errno::AGAIN) => ready(self.0.as_fd(), PollFlags::OUT)?,
                other => return other.map_err(io::Error::from),
            }
        }
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            match rustix::io::writev(self.0.as_fd(), pieces) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => ready(self.0.as_fd(), PollFlags::OUT)?,
                other => return other.map_err(io::Error::from),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Output {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Gives a failed write to standard output its class: a reader that went away is not our error to report.
///
/// # Errors
/// The failure.
pub fn written<T>(result: io::Result<T>) -> Result<T> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Error::new(
            Class::ReaderGone,
            "write to standard output",
            "its reader went away",
        )),
        other => other.doing("write to standard output"),
    }
}

/// Waits for a stream that another program has made non-blocking.
fn ready(descriptor: BorrowedFd<'_>, what: PollFlags) -> io::Result<()> {
    match rustix::event::poll(&mut [PollFd::new(&descriptor, what)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes a pipe larger; false if it isn't then. Not a pipe, or over the user's share of pipe memory: no matter.
fn widen(descriptor: BorrowedFd<'_>) -> bool {
    rustix::pipe::fcntl_setpipe_size(descriptor, PIPE).is_ok_and(|size| size >= PIPE)
}

/// Speaks on standard error, a line at a time, under the tool's name.
#[derive(Clone, Copy, Debug)]
pub struct Speaker {
    name: &'static str,
    voice: Voice,
}

impl Speaker {
    /// An error, and what to do about it.
    pub fn error(&self, error: &Error) {
        if error.is_silent() {
            return;
        }
        self.say("error", error);
        if let Some(hint) = error.advice() {
            self.say("hint", hint);
        }
    }

    /// Something that may turn into trouble. Not silenced by `-q`.
    pub fn warning(&self, text: impl fmt::Display) {
        self.say("warning", text);
    }

    /// A remark about what is being done; `-q` silences it.
    pub fn note(&self, text: impl fmt::Display) {
        if !self.voice.quiet {
            self.say("note", text);
        }
    }

    /// A detail, for `-v` only.
    pub fn detail(&self, text: impl fmt::Display) {
        if self.voice.verbose {
            self.say("detail", text);
        }
    }

    /// A line without a label, such as a plan; `-q` silences it.
    pub fn plain(&self, text: impl fmt::Display) {
        if !self.voice.quiet {
            // Nothing can be done for a reader of standard error that went away.
            let _ = writeln!(io::stderr().lock(), "{}", one_line(&text.to_string()));
        }
    }

    /// True when a progress bar has somebody to look at it.
    #[must_use]
    pub fn wants_progress(&self) -> bool {
        !self.voice.quiet && io::stderr().is_terminal()
    }

    fn say(self, label: &str, text: impl fmt::Display) {
        let text = one_line(&text.to_string());
        let _ = writeln!(io::stderr().lock(), "{}: {label}: {text}", self.name);
    }
}
