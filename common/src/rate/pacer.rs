//! The pacer: who may pass how many bytes now.
//!
//! It is a token bucket that starts empty and holds 100 ms worth of bytes (not less than 4 KiB, not more
//! than 32 MiB), so that a stream is smooth and a late wake-up is made good. Bytes are granted in steps of
//! 20 ms worth at most: a slow stream trickles, and a large request doesn't wait for all of itself.
//!
//! It never sleeps while it holds anything; a refusal says how long to wait before asking again. That wait
//! is never longer than 100 ms, so that a change of the rate is felt by those who wait.
//!
//! A rate that was set by hand or by signal holds until the timetable next changes its mind.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::civil::DateTime;
use ratelimit::{Ratelimiter, TryWaitError};

use super::{Rate, Timetable};

/// The longest time between two questions.
const PATIENCE: Duration = Duration::from_millis(100);
/// How often the timetable is looked at.
const GLANCE: Duration = Duration::from_secs(1);
/// Steps per second, unless that makes them larger than `STEP_MOST`.
const STEPS: u64 = 50;
const STEP_MOST: u64 = 256 << 10;
/// Bursts per second: what may be made good after a pause of 100 ms.
const BURSTS: u64 = 10;
const BURST_LEAST: u64 = 4 << 10;
const BURST_MOST: u64 = 32 << 20;

/// What a [`Pacer`] goes by: a monotonic clock, and the clock on the wall.
pub trait Clock: ratelimit::Clock + Clone {
    /// The time in the local zone.
    fn local(&self) -> DateTime;
}

/// The system's clocks and its time zone.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl ratelimit::Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Clock for SystemClock {
    fn local(&self) -> DateTime {
        jiff::Zoned::now().datetime()
    }
}

/// The answer to a request for bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Grant {
    /// So many bytes may pass: at least one, at most what was asked for.
    Go(usize),
    /// None yet; ask again after this time.
    Wait(Duration),
}

/// Keeps a stream, or several together, to a rate that may change at any time.
pub struct Pacer<C: Clock = SystemClock> {
    bucket: Ratelimiter<C>,
    clock: C,
    timetable: Timetable,
    /// What was asked for; by default the burst follows the rate.
    burst: Option<u64>,
    /// What the timetable said last. Held while the rate changes.
    scheduled: Mutex<Rate>,
    /// When to look at the timetable again, in nanoseconds of the clock; never for a fixed rate.
    look: AtomicU64,
}

impl Pacer {
    /// A pacer that keeps to `timetable`, which may be a single rate.
    #[must_use]
    pub fn new(timetable: impl Into<Timetable>) -> Self {
        Self::with_clock(timetable, SystemClock::default())
    }

    /// Waits until some of `want` bytes may pass, and returns how many: at least one, unless `want` is 0.
    /// Blocks the thread; an async task asks [`Pacer::take`] and sleeps in its own way.
    #[must_use]
    pub fn wait(&self, want: usize) -> usize {
        loop {
            match self.take(want) {
                Grant::Go(bytes) => return bytes,
                Grant::Wait(time) => std::thread::sleep(time),
            }
        }
    }
}

impl<C: Clock> Pacer<C> {
    /// A pacer that goes by `clock`.
    #[must_use]
    pub fn with_clock(timetable: impl Into<Timetable>, clock: C) -> Self {
        let timetable = timetable.into();
        let fixed = timetable.fixed();
        let rate = fixed.unwrap_or_else(|| timetable.rate_at(clock.local()));
        let look = if fixed.is_some() { u64::MAX } else { 0 };
        let bucket = Ratelimiter::with_clock(0, clock.clone());
        let pacer = Self {
            bucket,
            clock,
            timetable,
            burst: None,
            scheduled: Mutex::new(rate),
            look: look.into(),
        };
        pacer.apply(rate);
        pacer
    }

    /// Lets `bytes` pass at once after a pause as long as they would have taken. A burst smaller than
    /// 20 ms worth of the rate would keep a stream below it, and is taken for that.
    #[must_use]
    pub fn with_burst(mut self, bytes: u64) -> Self {
        self.burst = Some(bytes);
        self.apply(self.rate());
        self
    }

    /// Asks for `want` bytes. Fewer may be granted, as 20 ms worth is the most at a time.
    pub fn take(&self, want: usize) -> Grant {
        self.follow();
        let rate = self.bucket.rate();
        if rate == 0 || want == 0 {
            return Grant::Go(want);
        }
        let bytes = want.min(usize::try_from(step(rate)).unwrap_or(usize::MAX));
        match self.bucket.try_wait_n(bytes as u64) {
            Ok(()) => Grant::Go(bytes),
            Err(TryWaitError::Insufficient(time)) => Grant::Wait(time.min(PATIENCE)),
            // The rate went down between our two looks at it, and the bucket with it.
            Err(_) => Grant::Wait(Duration::from_millis(1)),
        }
    }

    /// The rate that holds now.
    #[must_use]
    pub fn rate(&self) -> Rate {
        Rate::per_second(self.bucket.rate())
    }

    /// Changes the rate until the timetable next changes it.
    pub fn set(&self, rate: Rate) {
        let _held = self.hold();
        self.apply(rate);
    }

    /// Halves the rate (see [`Rate::halved`]) and returns the new one.
    pub fn halve(&self) -> Rate {
        self.change(Rate::halved)
    }

    /// Doubles the rate (see [`Rate::doubled`]) and returns the new one.
    pub fn double(&self) -> Rate {
        self.change(Rate::doubled)
    }

    fn change(&self, by: fn(Rate) -> Rate) -> Rate {
        let _held = self.hold();
        let rate = by(self.rate());
        self.apply(rate);
        rate
    }

    /// Looks at the timetable when it is time to; one of several askers does.
    fn follow(&self) {
        let due = self.look.load(Ordering::Relaxed);
        if due == u64::MAX {
            return;
        }
        let now = nanoseconds(self.clock.elapsed());
        let next = now.saturating_add(nanoseconds(GLANCE)).min(u64::MAX - 1);
        if now < due
            || self
                .look
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        let rate = self.timetable.rate_at(self.clock.local());
        let mut scheduled = self.hold();
        if *scheduled != rate {
            *scheduled = rate;
            self.apply(rate);
        }
    }

    /// The bucket's size goes first: it must never be asked for more than it can hold.
    fn apply(&self, rate: Rate) {
        let limit = rate.limit().unwrap_or(0);
        if limit > 0 {
            let usual = (limit / BURSTS).clamp(BURST_LEAST, BURST_MOST);
            self.bucket
                .set_max_tokens(self.burst.unwrap_or(usual).max(step(limit)));
        }
        self.bucket.set_rate(limit);
    }

    /// What the timetable said last, and the right to change the rate. A number can't be left half changed.
    fn hold(&self) -> MutexGuard<'_, Rate> {
        self.scheduled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The most that is granted at a time, in bytes.
fn step(rate: u64) -> u64 {
    (rate / STEPS).clamp(1, STEP_MOST)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "pacer_tests.rs"]
mod tests;
