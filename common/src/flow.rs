//! Stages side by side: each on a thread of its own, joined by short queues that keep the order.
//!
//! What a stage sends is a ticket, so the next stage waits for the work and not for the sender. A stage says at its
//! end that it is at its end. If it fails, or dies without a word, the next stage gets an error and never an end: a
//! stream that was cut off is not taken for one that is complete. A stage that waits for its input when the end is
//! already decided elsewhere is left behind, and ends with the process.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::error::{Class, Doing, Error, Result};

use crate::pool::{Chunk, Ticket};

enum Step<T> {
    Part(Ticket<Result<T>>),
    End,
    Failed(Error),
}

/// Where a stage sends what it made.
pub struct Outlet<T>(SyncSender<Step<T>>);

impl<T> Outlet<T> {
    /// Sends the claim to the next part; waits while the queue is full.
    ///
    /// # Errors
    /// If nobody takes it any more: whoever stopped knows why, and this error is not shown.
    pub fn send(&self, part: Ticket<Result<T>>) -> Result<()> {
        self.0
            .send(Step::Part(part))
            .map_err(|_| Error::new(Class::ReaderGone, "go on", "the next stage has stopped"))
    }

    /// Ends the stream: well, or with what went wrong.
    pub fn end(self, outcome: Result<()>) {
        let last = match outcome {
            Ok(()) => Step::End,
            Err(error) => Step::Failed(error),
        };
        // If nobody listens, somebody else's failure is being reported.
        let _ = self.0.send(last);
    }

    /// Sends the next part, which is there already.
    ///
    /// # Errors
    /// As [`Outlet::send`].
    pub fn give(&self, part: T) -> Result<()> {
        self.send(Ticket::ready(Ok(part)))
    }
}

/// Where the next stage takes it from.
pub struct Inlet<T> {
    steps: Receiver<Step<T>>,
    seen: Option<T>,
    /// The end was seen: nothing comes after it.
    ended: bool,
}

/// A stream of bytes between two stages.
pub type Bytes = Inlet<Chunk>;

impl<T> Inlet<T> {
    /// The next part; none after the last, if all went well.
    ///
    /// # Errors
    /// What the work on this part, or the stage itself, failed of.
    #[allow(
        clippy::should_implement_trait,
        reason = "it fails, and an iterator would go on after that"
    )]
    pub fn next(&mut self) -> Result<Option<T>> {
        if let Some(part) = self.seen.take() {
            return Ok(Some(part));
        }
        if self.ended {
            return Ok(None);
        }
        match self.steps.recv() {
            Ok(Step::Part(ticket)) => ticket.wait()?.map(Some),
            Ok(Step::End) => {
                self.ended = true;
                Ok(None)
            }
            Ok(Step::Failed(error)) => Err(error),
            Err(_) => Err(Error::permanent("go on", "a stage before this one died")),
        }
    }

    /// Looks at the next part, which stays the next.
    ///
    /// # Errors
    /// As [`Inlet::next`].
    pub fn peek(&mut self) -> Result<Option<&T>> {
        self.seen = self.next()?;
        Ok(self.seen.as_ref())
    }
}

/// A way from one thread to the next, for a stage that exists already. Up to `ahead` parts wait on it.
pub fn way<T>(ahead: usize) -> (Outlet<T>, Inlet<T>) {
    let (sender, receiver) = sync_channel(ahead);
    let inlet = Inlet {
        steps: receiver,
        seen: None,
        ended: false,
    };
    (Outlet(sender), inlet)
}

/// A stream of bytes to read from. What its stage failed of is what reading fails of.
pub struct Reading {
    bytes: Bytes,
    chunk: Chunk,
    taken: usize,
}

impl Reading {
    /// From the first byte on.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            chunk: Chunk::default(),
            taken: 0,
        }
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.chunk.len() {
            match self
                .bytes
                .next()
                .map_err(|why| io::Error::other(why.cause().to_owned()))?
            {
                Some(chunk) => (self.chunk, self.taken) = (chunk, 0),
                None => return Ok(0),
            }
        }
        let rest = &self.chunk[self.taken..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}

/// Begins a stage. Up to `ahead` parts wait between it and the next one.
///
/// # Errors
/// If no thread can be started.
pub fn stage<T: Send + 'static>(
    ahead: usize,
    work: impl FnOnce(&Outlet<T>) -> Result<()> + Send + 'static,
) -> Result<Inlet<T>> {
    let (outlet, inlet) = way(ahead);
    thread::Builder::new()
        .name("stage".into())
        .spawn(move || {
            let outcome = work(&outlet);
            outlet.end(outcome);
        })
        .doing("start a thread")?;
    Ok(inlet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Pool;

    #[test]
    fn parts_keep_their_order() {
        let pool = Pool::with_threads(4).unwrap();
        let mut parts = stage(2, move |out| {
            (0..200).try_for_each(|n| out.send(pool.run(move || Ok(n))))
        })
        .unwrap();
        for n in 0..200 {
            assert_eq!(parts.next().unwrap(), Some(n));
        }
        assert_eq!(parts.peek().unwrap(), None);
        assert_eq!(parts.next().unwrap(), None);
    }

    #[test]
    fn a_failure_comes_after_what_went_well() {
        let mut parts = stage(2, |out| {
            out.give(1)?;
            Err(Error::permanent("do it", "no"))
        })
        .unwrap();
        assert_eq!(parts.next().unwrap(), Some(1));
        assert_eq!(parts.next().unwrap_err().to_string(), "could not do it: no");
    }

    #[test]
    fn a_stage_that_dies_has_no_end() {
        let mut parts = stage::<()>(2, |_| std::panic::resume_unwind(Box::new(()))).unwrap();
        assert_eq!(parts.next().unwrap_err().class(), Class::Permanent);
    }

    #[test]
    fn a_stage_stops_when_nobody_listens() {
        let (told, ended) = std::sync::mpsc::channel();
        let parts = stage(1, move |out| {
            let outcome = (0..).try_for_each(|n: u64| out.give(n));
            told.send(outcome.unwrap_err().class()).unwrap();
            Ok(())
        })
        .unwrap();
        drop(parts);
        assert_eq!(ended.recv().unwrap(), Class::ReaderGone);
    }
}
