//! How long we try, and how we notice that nothing happens.
//!
//! Retries are bounded by time, not by number: a backup that has run for hours must not die of three bad
//! minutes. Between attempts the pause doubles up to a limit, with some chance in it so that many hosts don't
//! come back at once; a server that says when to come back is taken at its word, up to a limit too. An attempt
//! whose bytes have not moved for [`Patience::stall`] is given up and counts as failed; the SDK itself would wait
//! for ever for a server that stopped reading. Keys that have run out are looked for again before the next attempt.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::credentials::Keys;
use super::failure::{Failure, Kind};
use crate::run::Speaker;

/// Completing an upload of thousands of parts keeps a server busy for minutes.
pub(super) const COMPLETING: Duration = Duration::from_secs(900);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// While other requests get through, the server is only busy, and a long pause would hold them all up.
const LONGEST_AMONG_OTHERS: Duration = Duration::from_secs(1);
/// A server that asks for more than this is asked earlier.
const LONGEST_ASKED: Duration = Duration::from_secs(300);
/// Trouble of this age is told to whoever didn't ask for details.
const WORTH_TELLING: Duration = Duration::from_secs(60);

/// How long a failing request is tried again, and with whose keys.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    /// From the first failure of a request to its last attempt.
    pub(super) limit: Duration,
    /// An attempt without progress for this long is given up.
    pub(super) stall: Duration,
    pub(super) speaker: Speaker,
    /// None for a store that needs no keys.
    pub(super) keys: Option<Keys>,
    /// Somebody was told that a request doesn't get through.
    told: Arc<AtomicBool>,
    /// Requests that got through.
    through: Arc<AtomicU64>,
}

impl Patience {
    pub(super) fn new(
        limit: Duration,
        stall: Duration,
        speaker: Speaker,
        keys: Option<Keys>,
    ) -> Self {
        Self {
            limit,
            stall,
            speaker,
            keys,
            told: Arc::default(),
            through: Arc::default(),
        }
    }

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
            let through = self.through.load(Ordering::Relaxed);
            let (began, failure) = match self.with_keys(&mut attempt).await {
                (_, Ok(done)) => {
                    self.through.fetch_add(1, Ordering::Relaxed);
                    return Ok(done);
                }
                (began, Err(failure)) => (began, failure),
            };
            if !self.is_worth_another(&failure, began).await {
                return Err(failure);
            }
            let since = *trouble.get_or_insert_with(Instant::now);
            let left = self.limit.saturating_sub(since.elapsed());
            if left.is_zero() {
                return Err(failure);
            }
            self.tell(what, &failure, since.elapsed());
            tokio::time::sleep(wait(pause, failure.come_back(), left)).await;
            let alone = through == self.through.load(Ordering::Relaxed);
            pause = (pause * 2).min(if alone {
                LONGEST_PAUSE
            } else {
                LONGEST_AMONG_OTHERS
            });
        }
    }

    /// One attempt, once there are keys to sign it with; and when it began.
    async fn with_keys<T, F>(
        &self,
        attempt: &mut impl FnMut() -> F,
    ) -> (Instant, Result<T, Failure>)
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let Some(keys) = &self.keys else {
            return (Instant::now(), attempt().await);
        };
        // Not as part of the attempt: what gives out keys may be slower than the server may be.
        if let Err(failure) = keys.hold().await {
            return (Instant::now(), Err(failure));
        }
        let began = Instant::now();
        let outcome = attempt().await;
        match &outcome {
            Ok(_) => keys.are_good(),
            Err(failure) if failure.proves_keys() => keys.are_good(),
            Err(_) => {}
        }
        (began, outcome)
    }

    /// True where the same request may succeed by itself, or with other keys, which are looked for here.
    async fn is_worth_another(&self, failure: &Failure, began: Instant) -> bool {
        match (failure.kind, &self.keys) {
            (Kind::Expired, Some(keys)) => {
                // Those that were good until now may be renewed by somebody. Those that never were are a mistake.
                keys.look_again(began).await || keys.were_good()
            }
            (Kind::BadKeys, Some(keys)) => keys.look_again(began).await,
            (Kind::Passing, Some(keys)) if failure.is_severed() => {
                // A server that refuses keys need not wait for the whole part, and its reason is lost with the
                // connection.
                keys.look_now_and_then().await;
                true
            }
            _ => failure.may_pass(),
        }
    }

    /// Says that a request doesn't get through: everything to those who want details, and once to the others.
    fn tell(&self, what: &str, failure: &Failure, lasts: Duration) {
        let error = failure.error(what);
        if lasts >= WORTH_TELLING && !self.told.swap(true, Ordering::Relaxed) {
            self.speaker.note(format_args!(
                "{error}; this has been so for {} seconds, and is tried for {}",
                lasts.as_secs(),
                self.limit.as_secs()
            ));
        } else {
            self.speaker.detail(format_args!("{error}; trying again"));
        }
    }
}

/// How long to wait: about `pause`, or what the server `asked` for, and never longer than is `left`.
fn wait(pause: Duration, asked: Option<Duration>, left: Duration) -> Duration {
    match asked {
        // No earlier than that, and not all hosts at the same instant.
        Some(asked) => asked.min(LONGEST_ASKED) + FIRST_PAUSE.mul_f64(0.5 + chance()),
        None => pause.mul_f64(0.5 + chance()),
    }
    .min(left)
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
        let speaker = Streams::standard("test", Voice::default()).voice();
        Patience::new(limit, Duration::from_secs(60), speaker, None)
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
    fn servers_are_taken_at_their_word_within_bounds() {
        let seconds = Duration::from_secs;
        let (pause, ever) = (FIRST_PAUSE, seconds(100_000));
        for _ in 0..100 {
            let own = wait(pause, None, ever);
            assert!(own >= pause / 2 && own < pause * 2, "{own:?}");
            let asked = wait(pause, Some(seconds(7)), ever);
            assert!(asked >= seconds(7) && asked < seconds(8), "{asked:?}");
            let at_once = wait(LONGEST_PAUSE, Some(Duration::ZERO), ever);
            assert!(
                at_once > Duration::ZERO && at_once < seconds(1),
                "{at_once:?}"
            );
            let too_long = wait(pause, Some(seconds(86_400)), ever);
            assert!(too_long >= LONGEST_ASKED && too_long < LONGEST_ASKED + seconds(1));
            // The last attempt is made when patience ends, not later.
            assert_eq!(
                wait(LONGEST_PAUSE, Some(seconds(86_400)), seconds(3)),
                seconds(3)
            );
            assert_eq!(wait(LONGEST_PAUSE, None, seconds(3)), seconds(3));
        }
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
