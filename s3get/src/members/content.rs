//! A member that is too large to be fetched ahead: written as it comes, but for its last byte. That follows when all of
//! them were compared, so that what takes the archive apart never has a whole file that is damaged.

use std::io::{Read, Write};

use common::bucket::Md5;
use common::bucket::get::{Looked, Wish};
use common::members::Stored;
use common::tar::{Kind, Member};
use common::{Doing, Error, Result};

use super::fetch::{Fetched, SEALED, compared, left_out};
use super::{Sink, Work};
use crate::Args;

/// A large member that was looked at.
pub(super) struct Large {
    key: String,
    looked: Looked,
    stored: Stored,
}

/// What came, counted and summed up.
#[derive(Default)]
struct Tally {
    size: u64,
    md5: Md5,
    /// The last byte, which was not passed on.
    last: Option<u8>,
}

impl Tally {
    fn add(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.md5.update(bytes);
    }

    /// Passes on what was held back, and all of these but the last one.
    fn pass(&mut self, bytes: &[u8], out: &mut Sink<'_>) -> Result<()> {
        let Some((last, before)) = bytes.split_last() else {
            return Ok(());
        };
        if let Some(held) = self.last.replace(*last) {
            out.put(&[held])?;
        }
        out.put(before)
    }
}

impl Large {
    /// Looks at it; the other outcome is why it is none.
    ///
    /// # Errors
    /// If it can't be looked at.
    pub(super) fn look(work: &Work, key: &str) -> Result<Result<Self, Fetched>> {
        let looked = work.bucket.look_at(&[key.to_owned()])?;
        let stored = match work.member(key, looked.metadata()) {
            Ok(stored) => stored,
            Err(fetched) => return Ok(Err(fetched)),
        };
        if !looked.frozen().is_empty() {
            return Ok(Err(left_out(key, "it is in an archive class")));
        }
        if stored.encrypted && work.through.is_none() {
            return Ok(Err(left_out(key, SEALED)));
        }
        let is_file = stored.member.kind == Kind::File;
        let size = looked.size();
        if !is_file || (!stored.encrypted && stored.member.stored() != Some(size)) {
            let why = "it is not as long as its metadata says";
            return Ok(Err(left_out(key, why)));
        }
        Ok(Ok(Self {
            key: key.to_owned(),
            looked,
            stored,
        }))
    }

    pub(super) fn member(&self) -> Member {
        self.stored.member.clone()
    }

    /// Writes its bytes; true if they were compared with something.
    ///
    /// # Errors
    /// If they don't come, or are others. Some, but not all, may have been written by then.
    pub(super) fn pour(&mut self, work: &Work, args: &Args, out: &mut Sink<'_>) -> Result<bool> {
        let mut tally = Tally::default();
        let proven = if self.stored.encrypted {
            self.opened(work, args, out, &mut tally)?
        } else {
            self.plain(work, args, out, &mut tally)?
        };
        let Tally { size, md5, last } = tally;
        let same = compared(&self.key, &self.stored, size, || md5.finish()).map_err(cut)?;
        if let Some(last) = last {
            out.put(&[last])?;
        }
        Ok(same || proven)
    }

    fn wish(&self, work: &Work, args: &Args) -> Wish {
        Wish {
            keys: vec![self.key.clone()],
            span: None,
            range_size: args.part_size.0.max(1 << 16),
            parallel: usize::from(args.parallel),
            memory: args.memory.0 / 2,
            pacer: std::sync::Arc::clone(&work.pacer),
        }
    }

    fn plain(
        &self,
        work: &Work,
        args: &Args,
        out: &mut Sink<'_>,
        tally: &mut Tally,
    ) -> Result<bool> {
        let wish = self.wish(work, args);
        let mut sink = |bytes: &[u8]| {
            tally.add(bytes);
            tally.pass(bytes, out)
        };
        let got = work
            .bucket
            .get_seen(&self.looked, &wish, &mut sink, &|_| ());
        got.map(|fetched| fetched.proven).map_err(cut)
    }

    /// The same, through the command.
    fn opened(
        &self,
        work: &Work,
        args: &Args,
        out: &mut Sink<'_>,
        tally: &mut Tally,
    ) -> Result<bool> {
        let doing = format!("restore {}", self.key);
        let Some(through) = &work.through else {
            return Err(Error::permanent(doing, SEALED));
        };
        let mut running = through.start(&self.key, &doing)?;
        let (input, output) = (running.input.take(), running.output.take());
        let (Some(mut input), Some(mut output)) = (input, output) else {
            return Err(Error::permanent(doing, "the command can't be fed"));
        };
        let most = self.stored.member.stored().unwrap_or_default();
        let wish = self.wish(work, args);
        let (fetched, came) = std::thread::scope(|scope| {
            let doing = &doing;
            let reading = scope.spawn(move || -> Result<()> {
                let mut buffer = vec![0; 256 << 10];
                loop {
                    let count = output.read(&mut buffer).doing(doing.clone())?;
                    if count == 0 {
                        return Ok(());
                    }
                    tally.add(&buffer[..count]);
                    if tally.size > most {
                        return Err(Error::permanent(
                            doing.clone(),
                            "more came out of the command than the file had",
                        ));
                    }
                    tally.pass(&buffer[..count], out)?;
                }
            });
            let mut full = false;
            let mut sink = |bytes: &[u8]| {
                // Why it can't be written to, its exit status says. All is read all the same, to be compared.
                full = full || input.write_all(bytes).is_err();
                Ok(())
            };
            let fetched = work
                .bucket
                .get_seen(&self.looked, &wish, &mut sink, &|_| ());
            drop(input);
            let came = reading.join().unwrap_or_else(|_| {
                Err(Error::permanent(
                    doing.clone(),
                    "the thread that reads stopped",
                ))
            });
            (fetched, came)
        });
        let proven = fetched.map_err(cut)?.proven;
        came.map_err(cut)?;
        running.finish().map_err(cut)?;
        Ok(proven)
    }
}

/// An error after the beginning of a member was written.
fn cut(error: Error) -> Error {
    if error.advice().is_some() {
        return error;
    }
    error.hint("the archive breaks off there: don't use the last file in it")
}
