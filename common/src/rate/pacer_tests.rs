//! The pacer over a simulated clock: no test sleeps, and none looks at the time.

use std::sync::Arc;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

/// A clock that moves when it is told to. Its wall shows a Monday, 17:59:50, at the start.
#[derive(Clone, Default)]
struct Simulated(Arc<AtomicU64>);

impl Simulated {
    fn pass(&self, time: Duration) {
        self.0.fetch_add(nanoseconds(time), Ordering::Relaxed);
    }
}

impl ratelimit::Clock for Simulated {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl Clock for Simulated {
    fn local(&self) -> DateTime {
        let start = date(2026, 11, 16).at(17, 59, 50, 0);
        start + jiff::SignedDuration::try_from(ratelimit::Clock::elapsed(self)).unwrap()
    }
}

fn pacer(text: &str) -> (Pacer<Simulated>, Simulated) {
    let clock = Simulated::default();
    (
        Pacer::with_clock(text.parse::<Timetable>().unwrap(), clock.clone()),
        clock,
    )
}

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

/// Lets an obedient stream run for `time`, each wait taking `late` longer, and counts its bytes.
fn run(
    pacer: &Pacer<Simulated>,
    clock: &Simulated,
    time: Duration,
    want: usize,
    late: Duration,
) -> u64 {
    let end = ratelimit::Clock::elapsed(clock) + time;
    let mut bytes = 0;
    while ratelimit::Clock::elapsed(clock) < end {
        match pacer.take(want) {
            Grant::Go(granted) => bytes += granted as u64,
            Grant::Wait(time) => clock.pass(time + late),
        }
    }
    bytes
}

/// What may pass without time passing.
fn at_once(pacer: &Pacer<Simulated>) -> usize {
    let mut bytes = 0;
    while let Grant::Go(granted) = pacer.take(1) {
        bytes += granted;
    }
    bytes
}

const SECOND: Duration = Duration::from_secs(1);
const PUNCTUAL: Duration = Duration::ZERO;

#[test]
fn starts_empty_and_trickles() {
    let (pacer, clock) = pacer("64k");
    assert_eq!(
        pacer.take(1 << 20),
        Grant::Wait(Duration::from_nanos(19_989_013))
    );
    clock.pass(Duration::from_millis(20));
    assert_eq!(pacer.take(1 << 20), Grant::Go(65_536 / 50));
    assert_eq!(pacer.take(0), Grant::Go(0));
}

#[test]
fn no_limit_grants_everything() {
    let (pacer, _clock) = pacer("off");
    assert_eq!(pacer.take(usize::MAX), Grant::Go(usize::MAX));
}

#[test]
fn waits_are_short_however_slow_the_rate() {
    let (pacer, clock) = pacer("1");
    assert_eq!(pacer.take(10), Grant::Wait(PATIENCE));
    assert_eq!(run(&pacer, &clock, SECOND * 5, 10, PUNCTUAL), 4);
}

#[test]
fn a_pause_earns_one_burst_and_no_more() {
    for (text, burst) in [
        ("16k", 4 << 10),
        ("64k", (64 << 10) / 10),
        ("1M", (1 << 20) / 10),
        ("16G", 32 << 20),
    ] {
        let (pacer, clock) = pacer(text);
        clock.pass(SECOND * 3600);
        assert_eq!(at_once(&pacer), burst, "{text}");
    }
}

#[test]
fn a_burst_can_be_asked_for() {
    let (pacer, clock) = pacer("64k");
    let pacer = pacer.with_burst(1 << 20);
    clock.pass(SECOND * 3600);
    assert_eq!(at_once(&pacer), 1 << 20);
}

#[test]
fn a_tiny_burst_does_not_stop_the_stream() {
    let (pacer, clock) = pacer("1M");
    let pacer = pacer.with_burst(1);
    let bytes = run(&pacer, &clock, SECOND, 1 << 20, PUNCTUAL);
    assert!(bytes.abs_diff(1 << 20) <= 2 * step(1 << 20), "{bytes}");
}

#[test]
fn can_be_changed_while_it_runs() {
    let (pacer, clock) = pacer("1M");
    assert_eq!(pacer.halve(), rate("512k"));
    assert_eq!(pacer.rate(), rate("512k"));
    assert_eq!(pacer.double(), rate("1M"));
    assert_eq!(pacer.double(), rate("2M"));
    assert_eq!(pacer.rate(), rate("2M"));
    let bytes = run(&pacer, &clock, SECOND, 1 << 20, PUNCTUAL);
    assert!(bytes.abs_diff(2 << 20) <= 2 * step(2 << 20), "{bytes}");
    pacer.set(Rate::UNLIMITED);
    assert_eq!(pacer.take(1 << 30), Grant::Go(1 << 30));
    clock.pass(SECOND * 60);
    assert_eq!(pacer.halve(), rate("256k"));
    let bytes = run(&pacer, &clock, SECOND, 1 << 20, PUNCTUAL);
    assert!(
        bytes <= (256 << 10) * 11 / 10,
        "time without a limit earned more than a burst: {bytes}"
    );
}

#[test]
fn follows_the_timetable() {
    let (pacer, clock) = pacer("08:00-18:00 100k, 22:00-23:00 off, 5M");
    assert_eq!(pacer.rate(), rate("100k"));
    let bytes = run(&pacer, &clock, SECOND * 9, 1 << 20, PUNCTUAL);
    assert!(bytes.abs_diff(900 << 10) <= 4 << 10, "{bytes}");
    clock.pass(SECOND * 3);
    let _ = pacer.take(1);
    assert_eq!(pacer.rate(), rate("5M"));
    clock.pass(SECOND * 4 * 3600);
    assert_eq!(pacer.take(1 << 30), Grant::Go(1 << 30));
}

#[test]
fn a_change_by_hand_holds_until_the_timetable_changes() {
    let (pacer, clock) = pacer("08:00-18:00 100k, 5M");
    pacer.halve();
    clock.pass(SECOND * 9);
    let _ = pacer.take(1);
    assert_eq!(pacer.rate(), rate("50k"));
    clock.pass(SECOND * 2);
    let _ = pacer.take(1);
    assert_eq!(pacer.rate(), rate("5M"));
}

#[test]
fn threads_may_share_one() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Pacer::new(Rate::UNLIMITED));
}

#[test]
fn several_askers_get_the_rate_together() {
    let (pacer, clock) = pacer("1M");
    let mut bytes = [0; 4];
    while ratelimit::Clock::elapsed(&clock) < SECOND * 10 {
        let mut shortest = PATIENCE;
        for asker in &mut bytes {
            match pacer.take(16 << 10) {
                Grant::Go(granted) => *asker += granted as u64,
                Grant::Wait(time) => shortest = shortest.min(time),
            }
        }
        clock.pass(shortest);
    }
    let total: u64 = bytes.iter().sum();
    assert!(total.abs_diff(10 << 20) <= (1 << 20) / BURSTS, "{total}");
}

proptest! {
    #[test]
    fn never_over_the_limit_in_any_window(
        limit in 1u64..64 << 30,
        burst in proptest::option::of(1u64..1 << 30),
        events in proptest::collection::vec((1usize..4 << 20, 0u64..200_000_000), 1..120),
    ) {
        let clock = Simulated::default();
        let mut pacer = Pacer::with_clock(Rate::per_second(limit), clock.clone());
        if let Some(burst) = burst {
            pacer = pacer.with_burst(burst);
        }
        let mut granted = Vec::new();
        for (want, pause) in events {
            for _ in 0..4 {
                if let Grant::Go(bytes) = pacer.take(want) {
                    prop_assert!(bytes > 0 && bytes <= want);
                    granted.push((ratelimit::Clock::elapsed(&clock), bytes as u128));
                }
            }
            clock.pass(Duration::from_nanos(pause));
        }
        let most = u128::from(pacer.bucket.max_tokens());
        for (n, &(start, _)) in granted.iter().enumerate() {
            let mut sum = 0;
            for &(end, bytes) in &granted[n..] {
                sum += bytes;
                let fair = u128::from(limit) * (end - start).as_nanos() / 1_000_000_000;
                prop_assert!(sum <= fair + most + 1, "{sum} bytes in {:?}, fair {fair}, burst {most}", end - start);
            }
        }
    }

    #[test]
    fn converges_to_the_rate(limit in 100u64..512 << 20, want in 1usize..1 << 20, late in 0u64..25_000_000) {
        // Tiny requests at a high rate would take the test too many turns.
        let want = want.max(usize::try_from(limit / 1000).unwrap());
        let clock = Simulated::default();
        let pacer = Pacer::with_clock(Rate::per_second(limit), clock.clone());
        let bytes = run(&pacer, &clock, SECOND * 10, want, Duration::from_nanos(late));
        let elapsed = ratelimit::Clock::elapsed(&clock).as_nanos();
        let fair = u64::try_from(u128::from(limit) * elapsed / 1_000_000_000).unwrap();
        let slack = (limit / 10).max(step(limit)) + 1;
        prop_assert!(bytes <= fair && bytes + slack >= fair, "{bytes} of {fair}");
    }
}
