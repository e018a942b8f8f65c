//! `--expect`: did the stream end as a file of its format must?
//!
//! A pipe doesn't say why it ended, but most formats have an end of their own, and a stream that was cut lacks
//! it. [`Expectation`] sees the bytes pass, in any chunks, in constant memory, and says at the end whether that
//! end was there. It never panics, whatever the bytes.
//!
//! What it can't see: that a compressor was fed all there was. `tar | zstd` ends in a whole zstd file even if
//! tar was killed. So the answer has grades: see [`Proof`].

mod age;
mod bzip2;
mod chunks;
mod gzip;
mod tar;
mod xz;
mod zstd;

use std::fmt;

use clap::ValueEnum;

/// What `--expect` can name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Expect {
    /// A tar archive
    Tar,
    /// What gzip writes
    Gzip,
    /// What zstd writes
    Zstd,
    /// What xz writes
    Xz,
    /// What bzip2 writes
    Bzip2,
    /// What age writes
    Age,
    /// A chunk stream
    Chunks,
    /// Whichever of them it turns out to be
    Auto,
}

/// What is known of a stream that was not refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proof {
    /// An archive whose own end is there: it has all of its members. (The archiver may still have complained.)
    Whole,
    /// A compressed or encrypted file whose end is there. Whether the program that wrote it was given all there
    /// was can't be seen: it ends its file properly when the program before it dies, too.
    Closed,
    /// Nothing speaks against it, but the format has no end that could be seen without the key.
    Plausible,
    /// Not of a known format, and no format was asked for.
    Unrecognised,
}

/// Why a stream is not what was expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotWhole {
    format: Format,
    flaw: Flaw,
}

impl fmt::Display for NotWhole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.format.name();
        write!(f, "the stream is not a whole {name}: ")?;
        if self.flaw.inside {
            f.write_str("the tar archive in it is not whole: ")?;
        }
        f.write_str(self.flaw.what)
    }
}

impl std::error::Error for NotWhole {}

/// What is wrong, as a clause about "it", the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Flaw {
    what: &'static str,
    /// About the archive in the file, rather than about the file.
    inside: bool,
}

const fn flaw(what: &'static str) -> Flaw {
    Flaw {
        what,
        inside: false,
    }
}

/// Something else came after the end.
const FOLLOWED: Flaw = flaw("something else follows its end");
/// Not a byte came.
const EMPTY: Flaw = flaw("it is empty");

/// Sees a stream of one format pass.
trait Check: Send {
    /// Takes the next bytes. After a flaw it isn't asked again.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Flaw>;
    /// What is known if the stream ends here.
    fn end(&self) -> Result<Proof, Flaw>;
}

/// How long the header is of the binary age file that begins with `start`; or why that can't be said, as a clause
/// about "it". Behind the header there are at least the nonce, by which the content is known from any other, and a byte.
pub(crate) fn age_header(start: &[u8]) -> Result<usize, &'static str> {
    age::header(start).map_err(|flaw| flaw.what)
}

/// The formats that are known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Tar,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
    Age,
    Chunks,
}

impl Format {
    /// All of them, tar last: it is recognised by most bytes.
    const ALL: [Self; 7] = [
        Self::Gzip,
        Self::Zstd,
        Self::Xz,
        Self::Bzip2,
        Self::Age,
        Self::Chunks,
        Self::Tar,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Tar => "tar archive",
            Self::Gzip => "gzip file",
            Self::Zstd => "zstd file",
            Self::Xz => "xz file",
            Self::Bzip2 => "bzip2 file",
            Self::Age => "age file",
            Self::Chunks => "chunk stream",
        }
    }

    /// True if a stream that begins with `start` is of this format. [`RECOGNISED`] bytes suffice.
    fn recognises(self, start: &[u8]) -> bool {
        match self {
            Self::Tar => tar::recognises(start),
            Self::Gzip => start.starts_with(gzip::MAGIC),
            Self::Zstd => zstd::recognises(start),
            Self::Xz => start.starts_with(xz::MAGIC),
            Self::Bzip2 => bzip2::recognises(start),
            Self::Age => age::recognises(start),
            Self::Chunks => chunks::recognises(start),
        }
    }

    fn check(self) -> Box<dyn Check> {
        match self {
            Self::Tar => Box::new(tar::Tar::default()),
            Self::Gzip => Box::new(gzip::Gzip::default()),
            Self::Zstd => Box::new(zstd::Zstd::default()),
            Self::Xz => Box::new(xz::Xz::default()),
            Self::Bzip2 => Box::new(bzip2::Bzip2::default()),
            Self::Age => Box::new(age::Age::default()),
            Self::Chunks => Box::new(chunks::Chunks::default()),
        }
    }
}

/// A tar header is the longest mark that a stream is recognised by.
const RECOGNISED: usize = tar::BLOCK;

/// A stream, and what was expected of it.
pub struct Expectation {
    state: State,
}

enum State {
    /// Any format will do, and too little was seen to tell which it is.
    Undecided(Vec<u8>),
    Known(Format, Box<dyn Check>),
    Refused(NotWhole),
    Unrecognised,
}

impl Expectation {
    /// Of a stream of which nothing was seen yet.
    #[must_use]
    pub fn new(expect: Expect) -> Self {
        let known = |format: Format| State::Known(format, format.check());
        let state = match expect {
            Expect::Tar => known(Format::Tar),
            Expect::Gzip => known(Format::Gzip),
            Expect::Zstd => known(Format::Zstd),
            Expect::Xz => known(Format::Xz),
            Expect::Bzip2 => known(Format::Bzip2),
            Expect::Age => known(Format::Age),
            Expect::Chunks => known(Format::Chunks),
            Expect::Auto => State::Undecided(Vec::new()),
        };
        Self { state }
    }

    /// Sees the next bytes. False once it is certain that the stream is not what was expected, whatever follows.
    pub fn see(&mut self, bytes: &[u8]) -> bool {
        match &mut self.state {
            State::Undecided(seen) => {
                let (first, rest) = bytes.split_at(bytes.len().min(RECOGNISED - seen.len()));
                seen.extend_from_slice(first);
                if seen.len() < RECOGNISED {
                    return true;
                }
                self.state = decide(seen);
                return self.see(rest);
            }
            State::Known(format, check) => {
                if let Err(flaw) = check.take(bytes) {
                    let format = *format;
                    self.state = State::Refused(NotWhole { format, flaw });
                }
            }
            State::Refused(_) | State::Unrecognised => {}
        }
        !self.is_refused()
    }

    /// True once it is certain that the stream is not what was expected, whatever follows.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.state, State::Refused(_))
    }

    /// What is known if the stream ends here.
    ///
    /// # Errors
    /// If it is not a whole file of the format.
    pub fn finish(&self) -> Result<Proof, NotWhole> {
        match &self.state {
            State::Undecided(seen) => finished(&decide(seen)),
            state => finished(state),
        }
    }
}

/// The state after these first bytes of a stream of any format.
fn decide(start: &[u8]) -> State {
    let Some(format) = Format::ALL
        .into_iter()
        .find(|format| format.recognises(start))
    else {
        return State::Unrecognised;
    };
    let mut check = format.check();
    match check.take(start) {
        Ok(()) => State::Known(format, check),
        Err(flaw) => State::Refused(NotWhole { format, flaw }),
    }
}

fn finished(state: &State) -> Result<Proof, NotWhole> {
    match state {
        State::Known(format, check) => check.end().map_err(|flaw| NotWhole {
            format: *format,
            flaw,
        }),
        State::Refused(why) => Err(*why),
        State::Undecided(_) | State::Unrecognised => Ok(Proof::Unrecognised),
    }
}
