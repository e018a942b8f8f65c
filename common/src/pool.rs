//! The threads that compute: one a core, shared by every stage, so that compressing, sealing and opening never
//! compete with more threads than there are cores.
//!
//! A job computes and nothing else: it never waits for another job, so the pool can't lock up. Its outcome is
//! fetched through its [`Ticket`], in whatever order the holder of tickets likes.

use std::ops::{Deref, DerefMut};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::error::{Doing, Error, Result};

type Job = Box<dyn FnOnce() + Send>;

/// More threads than this would outrun every pipe, and take memory for nothing.
const MOST: usize = 16;

/// Threads waiting for jobs. Copies are the same pool.
#[derive(Clone)]
pub struct Pool {
    jobs: Sender<Job>,
    threads: usize,
}

impl Pool {
    /// A thread for each core that this process may use.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn new() -> Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self::with_threads(cores.min(MOST))
    }

    /// This many threads. They end when the last copy of the pool is gone and the jobs are done.
    ///
    /// # Errors
    /// If they can't be started.
    pub fn with_threads(threads: usize) -> Result<Self> {
        let (jobs, waiting) = channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new()
                .name("worker".into())
                .spawn(move || {
                    loop {
                        let job = waiting
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .recv();
                        match job {
                            Ok(job) => job(),
                            Err(_) => return,
                        }
                    }
                })
                .doing("start a thread")?;
        }
        Ok(Self { jobs, threads })
    }

    /// How many jobs can be at work at once.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Has a job done, some time after those that came before it were begun.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Ticket<T> {
        let (done, ticket) = channel();
        // Without workers the job is dropped, and the ticket says so. Nobody may want the outcome any more.
        let _ = self.jobs.send(Box::new(move || {
            let _ = done.send(job());
        }));
        Ticket(ticket)
    }
}

/// The claim to the outcome of a job.
pub struct Ticket<T>(Receiver<T>);

impl<T> Ticket<T> {
    /// For what needs no job.
    #[must_use]
    pub fn ready(outcome: T) -> Self {
        let (done, ticket) = channel();
        // The other end is alive: it is in our hands.
        let _ = done.send(outcome);
        Self(ticket)
    }

    /// Waits for the outcome.
    ///
    /// # Errors
    /// If the worker died.
    pub fn wait(self) -> Result<T> {
        self.0
            .recv()
            .map_err(|_| Error::permanent("go on", "a worker thread died"))
    }
}

/// Things worth using again, such as compressors with their tables. Copies are the same shelf.
pub struct Shelf<T>(Arc<Mutex<Vec<T>>>);

impl<T> Shelf<T> {
    /// Lends a thing from the shelf, or else a new one, to `user`, and puts it back.
    ///
    /// # Errors
    /// Those of `make`; those of `user`, and then the thing is not put back.
    pub fn lend<R>(
        &self,
        make: impl FnOnce() -> Result<T>,
        user: impl FnOnce(&mut T) -> Result<R>,
    ) -> Result<R> {
        let found = self.take();
        let mut thing = found.map_or_else(make, Ok)?;
        let outcome = user(&mut thing)?;
        self.put(thing);
        Ok(outcome)
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, thing: T) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(thing);
    }
}

impl Shelf<Vec<u8>> {
    /// A buffer of `length` bytes, whatever its last user left in them. The kernel has already given its pages,
    /// if it was used before.
    #[must_use]
    pub fn chunk(&self, length: usize) -> Chunk {
        let mut bytes = self.take().unwrap_or_default();
        if bytes.capacity() < length {
            // Not grown: its content would be copied for nothing.
            bytes = Vec::with_capacity(length);
        }
        bytes.resize(length, 0);
        Chunk {
            bytes,
            home: Some(self.clone()),
        }
    }

    /// An empty buffer with room for `room` bytes.
    #[must_use]
    pub fn room(&self, room: usize) -> Chunk {
        let mut bytes = self.take().unwrap_or_default();
        bytes.clear();
        bytes.reserve_exact(room);
        Chunk {
            bytes,
            home: Some(self.clone()),
        }
    }
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Vec::new())))
    }
}

impl<T> Clone for Shelf<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Bytes on their way from one stage to the next. Those from a [`Shelf`] go back to it.
#[derive(Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    home: Option<Shelf<Vec<u8>>>,
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, home: None }
    }
}

impl Deref for Chunk {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Chunk {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Some(home) = &self.home {
            home.put(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_done_and_claimed_in_any_order() {
        let pool = Pool::with_threads(3).unwrap();
        let tickets: Vec<Ticket<usize>> = (0..100).map(|n| pool.run(move || n * n)).collect();
        for (n, ticket) in tickets.into_iter().enumerate().rev() {
            assert_eq!(ticket.wait().unwrap(), n * n);
        }
    }

    #[test]
    fn a_job_that_dies_is_noticed() {
        let pool = Pool::with_threads(1).unwrap();
        let dead = pool.run(|| std::panic::resume_unwind(Box::new(())));
        let error = dead.wait().map(|(): ()| ()).unwrap_err();
        assert_eq!(error.to_string(), "could not go on: a worker thread died");
    }

    #[test]
    fn buffers_come_back() {
        let shelf = Shelf::default();
        let first = shelf.chunk(10).as_ptr();
        assert_eq!(shelf.chunk(5).as_ptr(), first);
        assert_eq!(shelf.chunk(7).len(), 7);
        assert!(shelf.chunk(1000).iter().all(|byte| *byte == 0));
    }
}
