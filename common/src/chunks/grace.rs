//! How long what a dump refers to must stay: the one rule that writers and pruners share. Pure: no clock, no bucket.
//!
//! Promised: if every writer asks [`trusted`] before it refers to anything, and [`may_commit`] before each request that
//! would make its dump visible, and every pruner asks [`is_past`], then nothing that a dump refers to is deleted
//! before that dump is seen. Why: `doc/grace.md`. Refused: nothing; whatever makes no sense is not trusted.
//!
//! Times are seconds since 1970 (UTC), spans are seconds.

/// What a grace is where nobody says: 30 days.
pub const DEFAULT: u64 = 30 * 24 * HOUR.unsigned_abs();

/// A grace of less than this leaves no time to make a dump in: a writer that is asked for one refuses.
pub const LEAST: u64 = 4 * HOUR.unsigned_abs();

/// Nobody waits longer than this: a stream that says more is not one of ours.
pub const MOST: u64 = 10 * 366 * 24 * HOUR.unsigned_abs();

/// What is between the last moment of a writer and the first of a pruner. A quarter of it each: for the writer's clock
/// when it began, for its clock when it ends, for the server that completes an upload, for the pruner's clock.
pub const MARGIN: i64 = HOUR;

const HOUR: i64 = 3600;

/// True if at time `now` a dump may refer to what the dump uses that was begun at `started`.
///
/// `grace` is that of the known file, which is that in the refs of the dump that it was learned from: a pruner
/// can see it there. Where the run asks for a smaller one, that one counts.
#[must_use]
pub fn trusted(now: i64, started: i64, grace: u64) -> bool {
    let span = i64::try_from(grace - grace / 4).unwrap_or(i64::MAX);
    // A dump from the future says that a clock was wrong, and not which.
    started <= now.saturating_add(HOUR)
        && now < started.saturating_add(span)
        && may_commit(now, until(started, grace))
}

/// Until when a stream may be committed that refers to what the dump uses that was begun at `started`.
#[must_use]
pub fn until(started: i64, grace: u64) -> i64 {
    let grace = i64::try_from(grace).unwrap_or(i64::MAX);
    started.saturating_add(grace).saturating_sub(MARGIN)
}

/// True if at time `now` the request that makes a stream visible may be sent. To be asked before each attempt.
#[must_use]
pub fn may_commit(now: i64, until: i64) -> bool {
    now <= until
}

/// True if at time `now` a pruner need no longer wait for those who may refer to a dump that has not been the newest
/// of its set since `then`. `now` is when its listing began, `then` is by the server's clock.
#[must_use]
pub fn is_past(now: i64, then: i64, grace: u64) -> bool {
    let grace = i64::try_from(grace).unwrap_or(i64::MAX);
    now > then.saturating_add(grace)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 24 * HOUR;

    #[test]
    fn a_month() {
        assert_eq!(DEFAULT, 2_592_000);
        let started = 1_790_000_000;
        assert!(trusted(started, started, DEFAULT));
        assert!(trusted(started - HOUR, started, DEFAULT));
        assert!(!trusted(started - HOUR - 1, started, DEFAULT));
        let three_quarters = started + 22 * DAY + DAY / 2;
        assert!(trusted(three_quarters - 1, started, DEFAULT));
        assert!(!trusted(three_quarters, started, DEFAULT));
        let until = until(started, DEFAULT);
        assert_eq!(until, started + 30 * DAY - HOUR);
        assert!(may_commit(until, until) && !may_commit(until + 1, until));
        assert!(!is_past(started + 30 * DAY, started, DEFAULT));
        assert!(is_past(started + 30 * DAY + 1, started, DEFAULT));
    }

    #[test]
    fn a_grace_that_leaves_no_time_is_never_trusted() {
        for grace in [0, 1, 3599] {
            assert!(!trusted(0, 0, grace), "{grace}");
        }
        assert!(trusted(0, 0, LEAST) && trusted(3 * HOUR - 1, 0, LEAST));
        assert!(!trusted(3 * HOUR, 0, LEAST));
    }

    #[test]
    fn a_pending_file_is_not_trusted() {
        assert!(!trusted(1_790_000_000, 0, DEFAULT));
    }

    proptest! {
        /// Whatever is trusted may still be committed, and a pruner waits for it for another margin.
        #[test]
        fn the_writer_ends_before_the_pruner_begins(now: i64, started: i64, grace: u64) {
            let until = until(started, grace);
            prop_assert!(!trusted(now, started, grace) || may_commit(now, until));
            if started.checked_add_unsigned(grace).is_some() && grace >= MARGIN.unsigned_abs() {
                prop_assert!(!is_past(until.saturating_add(MARGIN), started, grace));
            }
        }
    }
}
