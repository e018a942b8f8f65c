//! Whether anybody still waits for what a thread is doing.
//!
//! A request that is dropped can't stop the thread that works for it. The thread finds out here: while it waits
//! for a lock, and right before it would make anything visible. What was given up is not published later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use s3s::{S3Result, s3_error};
use tokio::task::{JoinHandle, spawn_blocking};

tokio::task_local! {
    /// Set once nobody waits any more for the request that this thread works for.
    static GIVEN_UP: Arc<AtomicBool>;
}

/// The waiting side of a request. Dropping it gives the request up.
#[must_use]
pub(super) struct Asker(Arc<AtomicBool>);

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Runs `work` in a blocking task, for as long as the [`Asker`] lives.
pub(super) fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> (Asker, JoinHandle<T>) {
    let flag = Arc::new(AtomicBool::new(false));
    let asker = Asker(Arc::clone(&flag));
    let task = spawn_blocking(move || GIVEN_UP.sync_scope(flag, work));
    (asker, task)
}

/// True if nobody waits for this thread's request. Work that belongs to no request is never given up.
pub(super) fn given_up() -> bool {
    GIVEN_UP
        .try_with(|flag| flag.load(Ordering::Acquire))
        .unwrap_or(false)
}

/// Ends the work for a request that was given up.
pub(super) fn still_wanted() -> S3Result<()> {
    if given_up() {
        Err(s3_error!(RequestTimeout, "the request was given up"))
    } else {
        Ok(())
    }
}
