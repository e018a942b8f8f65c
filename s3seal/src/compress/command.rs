//! Compressors and decompressors that are programs: run once a stream, and believed only if they exit with 0.
//!
//! A compressor reads our standard input itself, a decompressor writes to our standard output itself: nothing is
//! copied through us that need not be. What they say on standard error goes where ours goes.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use common::run::Input;
use common::{Class, Doing, Error, Result};

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

/// Lets a program compress what standard input has, which is `input`. A person at a terminal isn't asked twice whether
/// that was all.
///
/// # Errors
/// If it can't be run. That it failed, or left something unread, comes out of the stream.
pub fn compress(program: Program, input: Input) -> Result<Bytes> {
    let mut child = program
        .command()
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .spawn()
        .doing(program.doing())?;
    let Some(mut output) = child.stdout.take() else {
        return Err(Error::permanent(program.doing(), "it has no output"));
    };
    // Not everybody may have one so large.
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
                if !input.is_terminal() {
                    program.left_nothing(input)?;
                }
                return Ok(());
            }
        }
    })
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
        .map_err(|why| match program {
            Program::Named(name) => Error::permanent(program.doing(), "it is not installed").hint(
                format!("the stream is compressed with {name}; -Z names another program"),
            ),
            Program::Shell(_) => Error::permanent(program.doing(), why),
        })?;
    let fed = feed(&mut child, &mut bytes);
    if let Err(error) = fed {
        // It must not take what it got for all there is.
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
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
fn feed(child: &mut Child, bytes: &mut Bytes) -> Result<()> {
    let Some(mut input) = child.stdin.take() else {
        return Ok(());
    };
    let _ = rustix::pipe::fcntl_setpipe_size(&input, PIPE);
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
