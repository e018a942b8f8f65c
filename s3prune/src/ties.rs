//! What chunk streams say of themselves, and how long a pruner waits for those that it can't see. Pure.
//!
//! A dump that is a chunk stream names every object that its chunks lie in. A dump that somebody is making now names
//! objects, too, and nobody can look into it; so what it may name is left alone for the grace. Why that is
//! enough, and what each rule is for: `doc/grace.md`.

use std::collections::BTreeMap;

use common::chunks::grace;
use common::error::{Error, Result};
use common::listing::Dump;
use jiff::Timestamp;

use crate::age::Age;

/// Why a dump stays that ceased to be the newest not long ago.
pub(crate) const WITHIN: &str = "within the grace";

/// What one chunk stream says.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Tie {
    /// Seconds: how long its writer may refer to what it refers to.
    pub(crate) grace: u64,
    /// Keys of the other objects that its chunks lie in: all of them.
    pub(crate) needs: Vec<String>,
}

/// The chunk streams of a place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ties {
    /// By the key of the dump, or of the object that isn't one.
    streams: BTreeMap<String, Tie>,
    hold: Option<Hold>,
}

/// The wait for those who are writing now.
#[derive(Clone, Copy, Debug)]
struct Hold {
    /// Seconds.
    grace: u64,
    /// Before the listing began.
    now: Timestamp,
}

/// How long to wait, as somebody said it.
#[derive(Clone, Debug)]
pub(crate) enum Wait {
    /// For nobody: no writer is alive.
    No,
    /// For so long.
    For(Age),
    /// As long as the writers need, and [`grace::DEFAULT`] at least.
    Enough,
}

impl Ties {
    /// What `streams` say, at `now`, when the listing that they are from began.
    ///
    /// # Errors
    /// If `wait` is less than one of them needs.
    pub(crate) fn new(streams: BTreeMap<String, Tie>, wait: &Wait, now: Timestamp) -> Result<Self> {
        let longest = streams.iter().max_by_key(|(_, tie)| tie.grace);
        let grace = match wait {
            Wait::No => None,
            Wait::Enough => Some(longest.map_or(0, |(_, tie)| tie.grace).max(grace::DEFAULT)),
            Wait::For(age) => {
                let seconds = age.seconds(now);
                match longest {
                    Some((key, tie)) if tie.grace > seconds => {
                        return Err(Error::permanent(
                            format!("prune with a grace of {age}"),
                            format!(
                                "{} was made with one of {}",
                                key.escape_debug(),
                                span(tie.grace)
                            ),
                        )
                        .hint(format!(
                            "--grace {}; or --no-grace, if nobody is making a dump",
                            span(tie.grace)
                        )));
                    }
                    _ => Some(seconds),
                }
            }
        };
        Ok(Self {
            streams,
            hold: grace.map(|grace| Hold { grace, now }),
        })
    }

    /// Every key that needs others, and those.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.streams
            .iter()
            .map(|(key, tie)| (key.as_str(), tie.needs.as_slice()))
    }

    /// The same, when the stream with this key needs no other.
    pub(crate) fn without(&self, key: &str) -> Self {
        let mut rest = self.clone();
        if let Some(tie) = rest.streams.get_mut(key) {
            tie.needs.clear();
        }
        rest
    }

    /// For each of `dumps`, which are a set, why somebody who is writing now may refer to it, if that may be.
    ///
    /// A dump may be referred to for the grace after it ceased to be the newest. What comes after what goes by the
    /// server's clock, not by names; of two that came at once either may be the newer one.
    pub(crate) fn held(&self, dumps: &[&Dump]) -> Vec<Option<&'static str>> {
        let mut arrivals: Vec<Timestamp> = dumps
            .iter()
            .filter(|dump| dump.flaw().is_none())
            .map(|dump| dump.modified())
            .collect();
        arrivals.sort_unstable();
        let hold = |dump: &&Dump| {
            let hold = self.hold?;
            self.streams.get(&dump.key())?;
            let later = arrivals.partition_point(|&arrival| arrival <= dump.modified());
            match arrivals.get(later) {
                None => Some("the last of its set that came"),
                Some(&next) => (!hold.is_past(next)).then_some(WITHIN),
            }
        };
        dumps.iter().map(hold).collect()
    }

    /// True if somebody who is writing now may refer to an object of no set, which came at `modified`.
    pub(crate) fn holds_object(&self, key: &str, modified: Timestamp) -> bool {
        self.streams.contains_key(key) && self.hold.is_some_and(|hold| !hold.is_past(modified))
    }
}

impl Hold {
    fn is_past(self, then: Timestamp) -> bool {
        grace::is_past(self.now.as_second(), then.as_second(), self.grace)
    }
}

/// A span that `--grace` takes, not shorter than `seconds`.
fn span(seconds: u64) -> String {
    let hours = seconds.div_ceil(3600);
    match hours % 24 {
        0 if hours > 0 => format!("{}d", hours / 24),
        _ => format!("{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::dumps;

    fn now() -> Timestamp {
        "2026-12-15T12:00:00Z".parse().unwrap()
    }

    fn streams(keys: &[(&str, u64)]) -> BTreeMap<String, Tie> {
        let tie = |&(key, grace): &(&str, u64)| {
            let needs = Vec::new();
            (key.to_owned(), Tie { grace, needs })
        };
        keys.iter().map(tie).collect()
    }

    const DAY: u64 = 86_400;

    #[test]
    fn the_grace_is_never_less_than_a_writer_s() {
        let of = |days, wait: &Wait| {
            let ties = Ties::new(streams(&[("a", days * DAY), ("b", DAY)]), wait, now());
            ties.map(|ties| ties.hold.map(|hold| hold.grace / DAY))
        };
        assert_eq!(of(7, &Wait::Enough).unwrap(), Some(30));
        assert_eq!(of(90, &Wait::Enough).unwrap(), Some(90));
        assert_eq!(of(90, &Wait::No).unwrap(), None);
        assert_eq!(of(7, &Wait::For("7d".parse().unwrap())).unwrap(), Some(7));
        let error = of(7, &Wait::For("167h".parse().unwrap())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not prune with a grace of 167h: a was made with one of 7d"
        );
        assert_eq!(error.class().code(), 100);
    }

    #[test]
    fn a_dump_is_held_until_another_has_been_there_for_the_grace() {
        let dumps = dumps(&[
            ("h:f:0:2026-10-01", ""),
            ("h:f:0:2026-11-15", "2026-11-15T12:00:00Z"),
            ("h:f:1:2026-11-15", "2026-11-15T12:00:00Z"),
            ("h:f:0:2026-11-16", "2026-11-16T00:00:00Z"),
            ("h:f:0:2026-12-01", ""),
            ("h:f:0:2026-12-02", ""),
        ]);
        let dumps: Vec<&Dump> = dumps.iter().collect();
        let chunked: Vec<(String, u64)> = dumps.iter().map(|dump| (dump.key(), DAY)).collect();
        // The fifth one is no chunk stream: nobody can refer to it.
        let chunked: Vec<(&str, u64)> = chunked
            .iter()
            .filter(|(key, _)| key != "h:f:0:2026-12-01")
            .map(|(key, grace)| (key.as_str(), *grace))
            .collect();
        let held = |wait, now: &str| {
            let ties = Ties::new(streams(&chunked), &wait, now.parse().unwrap()).unwrap();
            let held = ties.held(&dumps);
            held.into_iter()
                .map(|held| match held {
                    None => '-',
                    Some(WITHIN) => 'g',
                    Some(_) => 'l',
                })
                .collect::<String>()
        };
        // In the order of the listing: by level, then by date.
        assert_eq!(dumps[5].key(), "h:f:1:2026-11-15");
        assert_eq!(held(Wait::Enough, "2026-12-15T12:00:00Z"), "ggg-lg");
        assert_eq!(held(Wait::Enough, "2026-12-15T12:00:01Z"), "-gg-lg");
        assert_eq!(held(Wait::Enough, "2026-12-16T00:00:01Z"), "--g-l-");
        assert_eq!(held(Wait::Enough, "2036-12-16T00:00:00Z"), "----l-");
        assert_eq!(held(Wait::No, "2026-12-15T12:00:00Z"), "------");
    }

    #[test]
    fn an_object_of_no_set_is_held_for_the_grace() {
        let ties = Ties::new(streams(&[("x", DAY)]), &Wait::Enough, now()).unwrap();
        let at = |text: &str| text.parse().unwrap();
        assert!(ties.holds_object("x", at("2026-11-15T12:00:00Z")));
        assert!(!ties.holds_object("x", at("2026-11-15T11:59:59Z")));
        assert!(!ties.holds_object("y", at("2026-12-15T00:00:00Z")));
    }
}
