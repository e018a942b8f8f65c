//! How long we try, and how we notice that nothing happens.
//!
//! Retries are bounded by time, not by number: a backup that has run for hours must not die of three bad
//! minutes. Between attempts the pause doubles up to a limit, with some chance in it so that many hosts don't
//! come back at once. An attempt whose bytes have not moved for [`IDLE`] is given up and counts as failed;
//! the SDK itself would wait for ever for a server that stopped reading.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::failure::Failure;
use crate::run::Speaker;

/// An attempt without progress for this long is given up.
pub(super) const IDLE: Duration = Duration::from_secs(60);
/// Completing an upload of thousands of parts keeps a server busy for minutes.
pub(super) const COMPLETING: Duration = Duration::from_secs(900);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// How long a failing request is tried again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) limit: Duration,
    pub(super) speaker: Speaker,
}

impl Patience {
    /// Tries `attempt` until it succeeds, fails for good, or has failed for as long as our patience.
    pub(super) async fn persist<T, F>(
        &self,
        what: &str,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut trouble: Option<Instant> = None;
        let mut pause = FIRST_PAUSE;
        loop {
            let failure = match attempt().await {
                Err(failure) if failure.may_pass() => failure,
                settled => return settled,
            };
            let since = *trouble.get_or_insert_with(Instant::now);
            if since.elapsed() + pause > self.limit {
                return Err(failure);
            }
            self.speaker
                .detail(format_args!("{}; trying again", failure.error(what)));
            tokio::time::sleep(pause.mul_f64(0.5 + chance())).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// A number from 0 up to 1. It only spreads pauses.
fn chance() -> f64 {
    let random = super::random();
    f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

/// When bytes last moved.
#[derive(Debug)]
pub(super) struct Progress {
    origin: Instant,
    last: AtomicU64,
}

impl Progress {
    /// Counting from now.
    pub(super) fn new() -> Self {
        Self {
            origin: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    /// Bytes moved, or are held back on purpose.
    pub(super) fn touch(&self) {
        let now = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.fetch_max(now, Ordering::Relaxed);
    }

    fn idle(&self) -> Duration {
        self.origin
            .elapsed()
            .saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }
}

/// Runs `work`, and gives it up when `progress` stands still for `limit`.
pub(super) async fn watched<T>(
    progress: &Progress,
    limit: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut work = pin!(work);
    loop {
        let left = limit.saturating_sub(progress.idle());
        if left.is_zero() {
            return Err(Failure::passing(format!(
                "nothing moved for {} seconds",
                limit.as_secs()
            )));
        }
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(left) => {}
        }
    }
}

/// Runs a request that has no body to watch.
pub(super) async fn bounded<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    watched(&Progress::new(), limit, work).await
}
