//! Compressors and decompressors that are programs: run once a stream, and believed only if they exit with 0.
//!
//! A compressor's input goes there inside the kernel, behind what was looked at; a decompressor writes to our standard
//! output itself: nothing is copied through us that need not be. What they say on standard error goes where ours goes.

use std::io::{PipeWriter, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;

use common::run::Input;
use common::{Class, Doing, Error, Result};
use rustix::io::Errno;
use rustix::pipe::{SpliceFlags, splice};

use crate::flow::{Bytes, stage};
use crate::input;
use crate::pool::{Chunk, Shelf};

/// The bytes of pipes that we ask for.
const PIPE: usize = 1 << 20;

/// What to run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Program {
    /// A command for the shell.
    Shell(String),
    /// A program that decompresses when it is told `-dc`.
    Named(&'static str),
}

impl Program {
    fn command(&self) -> Command {
        match self {
            Self::Shell(text) => {
                let mut command = Command::new("sh");
                command.arg("-c").arg(text);
                command
            }
            Self::Named(name) => {
                let mut command = Command::new(name);
                command.arg("-dc");
                command
            }
        }
    }

    /// Starts it, with a pipe for what it writes.
    fn spawn(&self, input: Stdio) -> Result<Child> {
        self.command()
            .stdin(input)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|why| self.missing(&why))
    }

    fn missing(&self, why: &std::io::Error) -> Error {
        match self {
            Self::Named(name) => Error::permanent(self.doing(), "it is not installed").hint(
                format!("the stream is compressed with {name}; -Z names another program"),
            ),
            Self::Shell(_) => Error::permanent(self.doing(), why),
        }
    }

    fn doing(&self) -> String {
        match self {
            Self::Shell(text) => format!("run '{text}'"),
            Self::Named(name) => format!("run {name}"),
        }
    }

    /// # Errors
    /// If it didn't exit with 0.
    fn judge(&self, status: ExitStatus) -> Result<()> {
        let why = match (status.code(), status.signal()) {
            (Some(0), _) => return Ok(()),
            (Some(127), _) if matches!(self, Self::Shell(_)) => {
                "there is no such program (status 127)".to_owned()
            }
            (Some(code), _) => format!("it ended with status {code}"),
            (None, Some(signal)) => format!("it was killed by signal {signal}"),
            (None, None) => "it ended without a status".to_owned(),
        };
        Err(Error::permanent(self.doing(), why))
    }

    /// Looks whether the program has read all of `input`: one that is content with half of it must not make a stream
    /// that passes for the whole.
    ///
    /// # Errors
    /// If there is more, or it can't be read.
    fn left_nothing(&self, mut input: impl Read) -> Result<()> {
        match input::some(&mut input, &mut [0; 1])? {
            0 => Ok(()),
            _ => Err(Error::permanent(
                self.doing(),
                "it left part of its input unread",
            )),
        }
    }
}

/// Lets a program compress `head` and then what standard input has, which is `input`. At a terminal it asks there itself,
/// so that a person isn't asked twice whether that was all.
///
/// # Errors
/// If it can't be run. That it failed, or left something unread, comes out of the stream.
pub fn compress(program: Program, head: Vec<u8>, input: Input) -> Result<Bytes> {
    if head.is_empty() && input.is_terminal() {
        let child = program.spawn(Stdio::inherit())?;
        return output_of(program, child, |_| Ok(()));
    }
    filter(program, true, move |mut to| {
        to.write_all(&head).doing("write to the compressor")?;
        forward(input, to)
    })
}

/// Lets a program compress what is in memory.
///
/// # Errors
/// As [`compress`].
pub fn compress_whole(program: Program, bytes: Chunk) -> Result<Chunk> {
    let mut output = filter(program, true, move |mut to| {
        to.write_all(&bytes).doing("write to the compressor")
    })?;
    let mut all = Chunk::default();
    while let Some(chunk) = output.next()? {
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

/// Lets a program decompress what is in memory, and gives `sink` what comes of it.
///
/// # Errors
/// If it can't be run, or fails; those of `sink`.
pub fn pour(
    program: &Program,
    bytes: Arc<Chunk>,
    sink: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut output = filter(program.clone(), false, move |mut to| {
        match to.write_all(&bytes) {
            // It wants no more: its exit status tells why.
            Err(why) if why.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other.doing("write to the decompressor"),
        }
    })?;
    while let Some(chunk) = output.next()? {
        sink(&chunk)?;
    }
    Ok(())
}

/// Runs a program that reads what `fill` writes, from which it may leave nothing if `all` is wanted of it.
fn filter(
    program: Program,
    all: bool,
    fill: impl FnOnce(PipeWriter) -> Result<()> + Send + 'static,
) -> Result<Bytes> {
    let (input, to) = std::io::pipe().doing(program.doing())?;
    // Not everybody may have one so large.
    let _ = rustix::pipe::fcntl_setpipe_size(&to, PIPE);
    // Through our own end of it we see what the program left.
    let left = if all {
        Some(input.try_clone().doing(program.doing())?)
    } else {
        None
    };
    let child = program.spawn(input.into())?;
    let filled = thread::Builder::new()
        .name("feeder".into())
        .spawn(move || fill(to))
        .doing("start a thread")?;
    output_of(program, child, move |program| {
        if let Some(left) = left {
            program.left_nothing(left)?;
        }
        filled
            .join()
            .unwrap_or_else(|_| Err(Error::permanent("go on", "a feeder died")))
    })
}

/// What a program writes, until it has ended well and `also` finds nothing wrong.
fn output_of(
    program: Program,
    mut child: Child,
    also: impl FnOnce(&Program) -> Result<()> + Send + 'static,
) -> Result<Bytes> {
    let Some(mut output) = child.stdout.take() else {
        return Err(Error::permanent(program.doing(), "it has no output"));
    };
    let _ = rustix::pipe::fcntl_setpipe_size(&output, PIPE);
    stage(4, move |out| {
        let shelf = Shelf::default();
        loop {
            let mut chunk: Chunk = shelf.chunk(PIPE);
            let length = input::full(&mut output, &mut chunk)?;
            let ends = length < chunk.len();
            chunk.truncate(length);
            if length > 0 {
                out.give(chunk)?;
            }
            if ends {
                program.judge(child.wait().doing(program.doing())?)?;
                return also(&program);
            }
        }
    })
}

/// Moves all of `input` into a pipe, inside the kernel if it can be done there.
fn forward(mut input: Input, mut to: PipeWriter) -> Result<()> {
    loop {
        match splice(&input, None, &to, None, PIPE, SpliceFlags::empty()) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            // Not every two things can be joined so. What is really wrong will be seen again.
            Err(_) => break,
        }
    }
    let mut buffer = vec![0; 128 << 10];
    loop {
        match input::some(&mut input, &mut buffer)? {
            0 => return Ok(()),
            length => to
                .write_all(&buffer[..length])
                .doing("write to the compressor")?,
        }
    }
}

/// Lets a program decompress a stream onto standard output, or for nothing but its exit status.
///
/// # Errors
/// If it can't be run, the stream fails, or the program does.
pub fn decompress(program: &Program, mut bytes: Bytes, shown: bool) -> Result<()> {
    let mut child = program
        .command()
        .stdin(Stdio::piped())
        .stdout(if shown {
            Stdio::inherit()
        } else {
            Stdio::null()
        })
        .spawn()
        .map_err(|why| program.missing(&why))?;
    let mut input = child.stdin.take();
    if let Some(Err(error)) = input.as_mut().map(|input| feed(input, &mut bytes)) {
        // It must not take what it got for all there is: it is ended before its input is.
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
    drop(input);
    let status = child.wait().doing(program.doing())?;
    if shown && status.signal() == Some(rustix::process::Signal::PIPE.as_raw()) {
        return Err(Error::new(
            Class::ReaderGone,
            "write to standard output",
            "its reader went away",
        ));
    }
    program.judge(status)
}

/// All bytes, until the program wants no more of them: then its exit status tells why.
fn feed(input: &mut ChildStdin, bytes: &mut Bytes) -> Result<()> {
    let _ = rustix::pipe::fcntl_setpipe_size(&*input, PIPE);
    let mut wanted = true;
    // Read to the end in any case: what comes last may not be authentic.
    while let Some(chunk) = bytes.next()? {
        if wanted {
            match input.write_all(&chunk) {
                Err(why) if why.kind() == std::io::ErrorKind::BrokenPipe => wanted = false,
                other => other.doing("write to the decompressor")?,
            }
        }
    }
    Ok(())
}
