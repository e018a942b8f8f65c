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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use super::*;
    use crate::args::Voice;
    use crate::bucket::failure::Kind;
    use crate::run::Streams;

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(work)
    }

    fn patience(limit: Duration) -> Patience {
        Patience {
            limit,
            speaker: Streams::standard("test", Voice::default()).voice(),
        }
    }

    #[test]
    fn what_stands_still_is_given_up() {
        let limit = Duration::from_millis(20);
        let failure = run(watched(
            &Progress::new(),
            limit,
            pending::<Result<(), Failure>>(),
        ))
        .unwrap_err();
        assert!(failure.may_pass(), "it is tried again");
        assert_eq!(failure.text(), "nothing moved for 0 seconds");
    }

    #[test]
    fn what_moves_is_left_alone() {
        let progress = Progress::new();
        let (limit, steps) = (Duration::from_secs(2), Cell::new(0));
        let done = run(watched(&progress, limit, async {
            // Altogether longer than the limit, and never still for as long.
            while steps.get() < 24 {
                tokio::time::sleep(limit / 20).await;
                progress.touch();
                steps.set(steps.get() + 1);
            }
            Ok(steps.get())
        }));
        assert_eq!(done.unwrap(), 24);
    }

    #[test]
    fn trouble_that_passes_is_lived_through() {
        let attempts = Cell::new(0);
        let outcome = run(patience(Duration::from_secs(60)).persist("try", || async {
            attempts.set(attempts.get() + 1);
            if attempts.get() < 3 {
                Err(Failure::passing("busy"))
            } else {
                Ok(attempts.get())
            }
        }));
        assert_eq!(outcome.unwrap(), 3);
    }

    #[test]
    fn patience_ends_and_final_failures_end_it_at_once() {
        for (limit, failure) in [
            (Duration::ZERO, Failure::passing("busy")),
            (
                Duration::from_secs(60),
                Failure::answered(403, Some("AccessDenied"), None),
            ),
        ] {
            let attempts = Cell::new(0);
            let outcome = run(patience(limit).persist("try", || async {
                attempts.set(attempts.get() + 1);
                Err::<(), _>(failure.clone())
            }));
            assert_eq!(
                (outcome.unwrap_err().kind, attempts.get()),
                (failure.kind, 1)
            );
        }
        assert_eq!(
            Failure::answered(503, Some("SlowDown"), None).kind,
            Kind::Passing
        );
    }
}
