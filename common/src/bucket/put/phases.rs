//! Storing in two phases, by two processes: everything but the last request, and then the last request.
//!
//! Whoever prepares must hand over what committing takes: an upload that nobody can name is aborted. Whoever
//! commits may be run again after any failure; what is committed already is found to be so. A failed commit
//! aborts nothing.

use std::io::Read;
use std::time::Instant;

use super::commit::Commit;
use super::pending::Pending;
use super::{Judge, Order, Prepared, Run, Stage, Standing, Stored, aside};
use crate::bucket::Bucket;
use crate::error::{Error, Result};

/// What giving up a prepared dump came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Abandoned {
    /// The server threw its parts away.
    Now,
    /// It was gone already.
    Before,
    /// It is committed, and was left alone.
    Committed,
    /// It was gone already: given up before, or committed. The key in use may not look which.
    Unseen,
}

impl Bucket {
    /// Sends what `input` delivers, as [`Bucket::put`] does, but for the request that makes it visible; then
    /// `hand_over` must bring it to whoever commits it.
    ///
    /// # Errors
    /// As [`Bucket::put`], or if it could not be handed over. After any error nothing is prepared.
    pub fn prepare(
        &self,
        input: impl Read + Send + 'static,
        order: &Order,
        progress: &dyn Fn(u64),
        judge: Judge,
        hand_over: impl FnOnce(&Pending) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let standing = Standing::of(&order.key);
        let run = self.run(order, &standing, progress, judge)?;
        self.unless_ended(&standing, async {
            let pending = Box::pin(run.prepared(input)).await?;
            // Whoever reads it may be slow, and a signal is to abort the upload all the same.
            aside("receipt", "hand over the receipt", move || {
                hand_over(&pending)
            })
            .await
        })
    }

    /// True for those that are committed already, as far as the keys allow to look.
    ///
    /// # Errors
    /// If one of them can't be committed: its name is taken, its upload is gone, or what it refers to.
    pub fn committed(&self, dumps: &[Pending]) -> Result<Vec<bool>> {
        self.runtime.block_on(self.survey(dumps))
    }

    /// Makes dumps visible, in this order, after a look whether all of them can be. `done` is told of each as
    /// soon as it is visible.
    ///
    /// # Errors
    /// If one of them can't be committed, or `done` fails; those after it stay prepared.
    pub fn commit(
        &self,
        dumps: &[Pending],
        mut done: impl FnMut(&Pending, &Stored) -> Result<()>,
    ) -> Result<()> {
        let standing = Standing::of("");
        self.unless_ended(&standing, async {
            let before = self.survey(dumps).await?;
            for (dump, was_there) in dumps.iter().zip(before) {
                if was_there {
                    let speaker = self.patience.speaker;
                    speaker.note(format_args!("{} was committed before", dump.key()));
                }
                let began = Instant::now();
                let stored = self.complete(dump.bundle(), &standing, true).await?;
                standing.stage.set(Stage::Sending);
                let stored = Stored {
                    started: dump.started,
                    seconds: dump.seconds + began.elapsed().as_secs_f64(),
                    chunks: dump.chunks.clone(),
                    ..stored
                };
                done(dump, &stored)?;
            }
            Ok(())
        })
    }

    /// Gives up a prepared dump, unless it is committed.
    ///
    /// # Errors
    /// If the server can't be asked, or refuses, or another run went on with the upload and stored something else.
    pub fn abandon(&self, dump: &Pending) -> Result<Abandoned> {
        self.runtime.block_on(async {
            let speaker = self.patience.speaker;
            let mut fate = Abandoned::Before;
            let all = || dump.objects.iter().chain(&dump.tail);
            for (number, object) in all().enumerate() {
                match self.again(object).stands().await? {
                    Some(true) if number == 0 => return Ok(Abandoned::Committed),
                    Some(true) => speaker.warning(format_args!(
                        "{} is stored already, and belongs to no dump now: 's3prune --delete -k KEY' removes it",
                        object.key
                    )),
                    Some(false) => {}
                    None => fate = Abandoned::Unseen,
                }
            }
            for object in all() {
                let aborted = self.aborted(&object.key, &object.upload).await;
                let aborted = aborted
                    .map_err(|failure| failure.error(format!("abort the upload of {}", object.key)))?;
                if aborted {
                    fate = Abandoned::Now;
                }
            }
            Ok(fate)
        })
    }

    async fn survey(&self, dumps: &[Pending]) -> Result<Vec<bool>> {
        let mut committed = Vec::with_capacity(dumps.len());
        for dump in dumps {
            let mut all = true;
            for object in &dump.objects {
                all &= self.again(object).seen(&object.upload).await?.is_some();
            }
            let bond = dump.chunks.as_ref().and_then(|chunks| chunks.bond.as_ref());
            if let Some(bond) = bond.filter(|_| !all) {
                self.check_bond(dump.key(), bond).await?;
            }
            if !all {
                self.check_replaced(&dump.bundle()).await?;
            }
            committed.push(all);
        }
        Ok(committed)
    }

    /// A commit that may have been carried out before.
    fn again<'a>(&'a self, object: &'a Prepared) -> Commit<'a> {
        Commit {
            again: true,
            ..Commit::of(self, object)
        }
    }
}

impl Run<'_> {
    /// From the stream to uploads that only need to be completed. However short it is, it becomes an upload.
    async fn prepared(&self, input: impl Read + Send + 'static) -> Result<Pending> {
        let began = Instant::now();
        let prepared = match &self.order.rest {
            Some(rest) => self.send_beginning(input, rest).await?,
            None => {
                let (first, parts) = self.opened(input).await?;
                self.check_place().await?;
                self.send_all(first, parts).await?
            }
        };
        let pending = Pending::of(prepared, began.elapsed().as_secs_f64()).ok_or_else(|| {
            Error::permanent(
                format!("prepare {}", self.order.key),
                "the server tells no CRC-64/NVME of what it copies, without which a receipt proves nothing",
            )
            .hint("do it without --prepare")
        })?;
        Ok(Pending {
            started: Some(self.started.get()),
            tail: self.send_tail().await?,
            chunks: self.approval.take().chunks,
            ..pending
        })
    }
}
