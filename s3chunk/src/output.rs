//! Standard output for large things: in steps, because whoever reads a pipe sleeps until all of one is written.

use std::io::{self, BufWriter, Write};

use common::chunks::{Member, Name, Writer};
use common::run::{Output, Streams, written};
use common::{Error, Result};

/// The most that is written at once.
const STEP: usize = 128 << 10;

/// Where a job writes.
pub type Out<'a> = BufWriter<Steps<'a>>;

/// See the module.
pub struct Steps<'a> {
    to: &'a mut Output,
    gone: &'a mut bool,
}

impl Write for Steps<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let outcome = self.to.write(&bytes[..bytes.len().min(STEP)]);
        let broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        *self.gone |= outcome.as_ref().is_err_and(broken);
        outcome
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Has a job write to standard output, which is flushed when it is done. If the reader goes away, that is the error.
///
/// # Errors
/// Those of the job.
pub fn writing<T>(streams: &mut Streams, job: impl FnOnce(&mut Out<'_>) -> Result<T>) -> Result<T> {
    let mut gone = false;
    let mut out = BufWriter::with_capacity(
        STEP,
        Steps {
            to: streams.output(),
            gone: &mut gone,
        },
    );
    let outcome = job(&mut out).and_then(|done| written(out.flush()).map(|()| done));
    if outcome.is_err() {
        // What is buffered is the beginning of something that failed; it would be written when it is dropped.
        let _ = out.into_parts();
    } else {
        drop(out);
    }
    if gone {
        return written(Err(io::ErrorKind::BrokenPipe.into()));
    }
    outcome
}

/// Writes a member that is a text, twice: once to count it. It may be larger than memory should hold twice.
///
/// # Errors
/// Those of `text`, and of the stream.
pub fn text<W: Write>(
    writer: &mut Writer<W>,
    name: Name,
    text: impl Fn(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let mut count = Count(0);
    text(&mut count)?;
    writer.begin(&Member::plain(name, count.0))?;
    let mut content = Content {
        writer,
        failed: None,
    };
    let outcome = text(&mut content);
    content.failed.map_or(outcome, Err)
}

struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The content of a member that has begun.
struct Content<'a, W> {
    writer: &'a mut Writer<W>,
    failed: Option<Error>,
}

impl<W: Write> Write for Content<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.writer.content(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                self.failed = Some(error);
                Err(io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
