//! Levels, as dump(8) means them: which dump needs which.
//!
//! The parent of a dump is the newest earlier dump of the same host and file system with a lower level. So
//! 0, 1, 1, 1 are differences from the full dump, and 0, 1, 2, 3 a chain. A dump can be restored when its
//! chain of parents ends in a level 0 and every dump in it is whole; a dump that isn't whole is never
//! stepped over, because what was written after it was written against it.
//!
//! "Earlier" goes by the name: by the day named, within a day by the instant, then by level, then by key.
//! The instant is the second named; where only a day is named it is when the server took the dump in; and
//! where the two clocks contradict each other, the midnight the day begins with. Names are made by clients,
//! and anybody who may write can choose one, so [`is_trusted`] says whether the server's clock bears it out.

use std::collections::BTreeMap;

use jiff::civil;
use jiff::{SignedDuration, Timestamp};

use crate::error::{Error, Result};
use crate::listing::Dump;
use crate::names::Date;

/// How far the date in a name and the server's clock may be apart. Two days leave room for any time zone
/// and for an upload that takes all day.
pub const TOLERANCE: SignedDuration = SignedDuration::from_hours(48);

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// True when the server took the dump in within two days of the date in its name.
#[must_use]
pub fn is_trusted(dump: &Dump) -> bool {
    is_borne_out(&dump.name.date, dump.modified())
}

/// True when `taken`, by the server's clock, is within two days of `date`.
pub(crate) fn is_borne_out(date: &Date, taken: Timestamp) -> bool {
    let first = date.earliest();
    let last = if date.second().is_some() {
        first
    } else {
        first.saturating_add(DAY).unwrap_or(first)
    };
    first.duration_since(taken) <= TOLERANCE && taken.duration_since(last) <= TOLERANCE
}

/// When the dump was made, as well as is known: the second named, or the server's time if the date is
/// trusted, or else the midnight (UTC) that the day named begins with.
#[must_use]
pub fn instant(dump: &Dump) -> Timestamp {
    match dump.name.date.second() {
        Some(second) => second,
        None if is_trusted(dump) => dump.modified(),
        None => dump.name.date.earliest(),
    }
}

/// For dumps of these levels, oldest first: which one is each one's parent.
#[must_use]
pub fn parents(levels: impl IntoIterator<Item = u32>) -> Vec<Option<usize>> {
    // Whoever comes later can only need those that no lower or equal level has come after.
    let mut useful: Vec<(usize, u32)> = Vec::new();
    let mut parents = Vec::new();
    for (index, level) in levels.into_iter().enumerate() {
        while useful.last().is_some_and(|&(_, other)| other >= level) {
            useful.pop();
        }
        parents.push(useful.last().map(|&(parent, _)| parent));
        useful.push((index, level));
    }
    parents
}

/// The dumps of one host and file system, oldest first, and what each of them needs.
#[derive(Clone, Debug)]
pub struct Set<'a> {
    dumps: Vec<&'a Dump>,
    parents: Vec<Option<usize>>,
}

impl<'a> Set<'a> {
    /// The set that `dumps`, all of one host and file system, make up.
    #[must_use]
    pub fn of(mut dumps: Vec<&'a Dump>) -> Self {
        dumps.sort_by_cached_key(|dump| (moment(dump), dump.name.level, dump.key()));
        let parents = parents(dumps.iter().map(|dump| dump.name.level));
        Self { dumps, parents }
    }

    /// Every set among `dumps`, in the order of host and file system; none is empty.
    #[must_use]
    pub fn all(dumps: impl IntoIterator<Item = &'a Dump>) -> Vec<Self> {
        let mut sets: BTreeMap<(&str, &str), Vec<&Dump>> = BTreeMap::new();
        for dump in dumps {
            sets.entry((&dump.name.host, &dump.name.fs))
                .or_default()
                .push(dump);
        }
        sets.into_values().map(Self::of).collect()
    }

    /// The dumps, oldest first. The other functions number them by their place in here.
    #[must_use]
    pub fn dumps(&self) -> &[&'a Dump] {
        &self.dumps
    }

    /// The parent of dump `index`; none for a level 0, and for one whose parent is gone.
    #[must_use]
    pub fn parent(&self, index: usize) -> Option<usize> {
        self.parents.get(index).copied().flatten()
    }

    /// Dump `index`, its parent, its parent's parent, and so on.
    pub fn lineage(&self, index: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(index), |&dump| self.parent(dump))
    }

    /// What keeps dump `index` from being restored, if anything in its chain does.
    #[must_use]
    pub fn obstacle(&self, index: usize) -> Option<String> {
        for step in self.lineage(index) {
            let dump = self.dumps.get(step)?;
            if let Some(flaw) = dump.flaw() {
                return Some(format!("{} is not whole: {flaw}", dump.key()));
            }
            if dump.name.level > 0 && self.parent(step).is_none() {
                return Some(format!(
                    "{} is of level {}, and no earlier dump of a lower level is there",
                    dump.key(),
                    dump.name.level
                ));
            }
        }
        None
    }

    /// The newest dump that is not later than `at`; a day includes all of itself.
    #[must_use]
    pub fn newest(&self, at: Option<&Date>) -> Option<usize> {
        self.dumps
            .iter()
            .rposition(|dump| at.is_none_or(|at| is_by(dump, at)))
    }

    /// What a restore of the newest dump not later than `at` needs, in the order of restoring it.
    ///
    /// # Errors
    /// If there is no such dump, or one that it needs is missing or not whole.
    pub fn chain(&self, at: Option<&Date>) -> Result<Vec<&'a Dump>> {
        let Some(newest) = self.newest(at) else {
            let when = at.map(|at| format!(" up to {at}")).unwrap_or_default();
            return Err(Error::nothing(format!("there is no dump{when}")));
        };
        if let Some(obstacle) = self.obstacle(newest) {
            return Err(Error::permanent(
                format!("find all that {} needs", self.dumps[newest].key()),
                obstacle,
            )
            .hint("--at DATE takes an earlier dump"));
        }
        let mut chain: Vec<&Dump> = self
            .lineage(newest)
            .map(|index| self.dumps[index])
            .collect();
        chain.reverse();
        Ok(chain)
    }
}

fn moment(dump: &Dump) -> (civil::Date, Timestamp) {
    (dump.name.date.day(), instant(dump))
}

fn is_by(dump: &Dump, at: &Date) -> bool {
    match at.second() {
        Some(second) => moment(dump) <= (at.day(), second),
        None => dump.name.date.day() <= at.day(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::listing::{Catalogue, Entry};

    /// Dumps of keys, each with when the server took it in; an empty time is noon of the day named.
    fn dumps(keys: &[(&str, &str)]) -> Vec<Dump> {
        let entry = |&(key, taken): &(&str, &str)| Entry {
            key: key.to_owned(),
            size: 1,
            modified: match taken {
                "" => format!("{}T12:00:00Z", &key.split(':').nth(3).unwrap()[..10])
                    .parse()
                    .unwrap(),
                taken => taken.parse().unwrap(),
            },
            etag: String::new(),
            class: "STANDARD".to_owned(),
        };
        keys.iter().map(entry).collect::<Catalogue>().dumps
    }

    fn chain(keys: &[(&str, &str)], at: &str) -> Result<Vec<String>> {
        let dumps = dumps(keys);
        let at = (!at.is_empty()).then(|| at.parse::<Date>().unwrap());
        Ok(Set::of(dumps.iter().collect())
            .chain(at.as_ref())?
            .into_iter()
            .map(Dump::key)
            .collect())
    }

    fn plain(keys: &[&'static str], at: &str) -> Result<Vec<String>> {
        chain(&keys.iter().map(|key| (*key, "")).collect::<Vec<_>>(), at)
    }

    #[test]
    fn parents_by_level() {
        assert_eq!(parents([0, 1, 1, 1]), [None, Some(0), Some(0), Some(0)]);
        assert_eq!(parents([0, 1, 2, 3]), [None, Some(0), Some(1), Some(2)]);
        assert_eq!(
            parents([0, 2, 1, 2, 0, 5]),
            [None, Some(0), Some(0), Some(2), None, Some(4)]
        );
        assert_eq!(parents([3, 1, 2]), [None, None, Some(1)]);
    }

    #[test]
    fn chains() {
        let keys = [
            "h:f:0:2026-11-01",
            "h:f:1:2026-11-02",
            "h:f:2:2026-11-03",
            "h:f:1:2026-11-04",
            "h:f:2:2026-11-05",
        ];
        assert_eq!(plain(&keys, "").unwrap(), [keys[0], keys[3], keys[4]]);
        assert_eq!(plain(&keys, "2026-11-04").unwrap(), [keys[0], keys[3]]);
        assert_eq!(
            plain(&keys, "2026-11-03").unwrap(),
            [keys[0], keys[1], keys[2]]
        );
        assert_eq!(plain(&keys, "2026-10-31").unwrap_err().class().code(), 1);
    }

    #[test]
    fn a_day_includes_all_of_itself_and_a_second_does_not() {
        let keys = [
            "h:f:0:2026-11-20T080000Z",
            "h:f:1:2026-11-20T230000Z",
            "h:f:1:2026-11-21",
        ];
        assert_eq!(plain(&keys, "2026-11-20").unwrap(), [keys[0], keys[1]]);
        assert_eq!(plain(&keys, "2026-11-20T225959Z").unwrap(), [keys[0]]);
        assert_eq!(
            plain(&keys, "2026-11-20T230000Z").unwrap(),
            [keys[0], keys[1]]
        );
    }

    #[test]
    fn within_a_day_the_server_decides_unless_it_is_absurd() {
        let (full, diff) = ("h:f:0:2026-11-20", "h:f:1:2026-11-20");
        let old = "h:f:0:2026-11-01";
        // The full dump came after the differences: they belong to the full dump before.
        let later = [
            (old, ""),
            (full, "2026-11-20T20:00:00Z"),
            (diff, "2026-11-20T10:00:00Z"),
        ];
        assert_eq!(chain(&later, "").unwrap(), [full]);
        // All copied here years later: the order of the copies says nothing, and a full dump goes first.
        let copied = [
            (old, ""),
            (full, "2029-01-01T20:00:00Z"),
            (diff, "2029-01-01T10:00:00Z"),
        ];
        assert_eq!(chain(&copied, "").unwrap(), [full, diff]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = plain(&["h:f:2:2026-11-03", "h:f:3:2026-11-04"], "").unwrap_err();
        assert_eq!(error.class().code(), 100);
        assert_eq!(
            error.to_string(),
            "could not find all that h:f:3:2026-11-04 needs: h:f:2:2026-11-03 is of level 2, and no earlier dump of a lower level is there"
        );
    }

    #[test]
    fn a_dump_that_is_not_whole_is_not_stepped_over() {
        let error = plain(
            &["h:f:0:2016-11-01", "h:f:0:2016-11-02:1", "h:f:1:2016-11-03"],
            "",
        )
        .unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("h:f:0:2016-11-02 is not whole: its piece 0 is missing"),
            "{error}"
        );
    }

    #[test]
    fn trust() {
        for (key, taken, trusted) in [
            ("h:f:0:2026-11-20", "2026-11-18T00:00:00Z", true),
            ("h:f:0:2026-11-20", "2026-11-17T23:59:59Z", false),
            ("h:f:0:2026-11-20", "2026-11-23T00:00:00Z", true),
            ("h:f:0:2026-11-20", "2026-11-23T00:00:01Z", false),
            ("h:f:0:2026-11-20T120000Z", "2026-11-22T12:00:00Z", true),
            ("h:f:0:2026-11-20T120000Z", "2026-11-22T12:00:01Z", false),
            ("h:f:0:2026-11-20T120000Z", "2026-11-18T11:59:59Z", false),
            ("h:f:0:9999-12-31", "2026-11-18T11:59:59Z", false),
            ("h:f:0:0000-01-01", "2026-11-18T11:59:59Z", false),
        ] {
            assert_eq!(
                is_trusted(&dumps(&[(key, taken)])[0]),
                trusted,
                "{key} {taken}"
            );
        }
    }

    #[test]
    fn sets_are_by_host_and_file_system() {
        let dumps = dumps(&[
            ("a:x:0:2026-01-01", ""),
            ("b:x:0:2026-01-01", ""),
            ("a:y:0:2026-01-01", ""),
            ("a:x:1:2026-01-02", ""),
        ]);
        let sizes: Vec<usize> = Set::all(&dumps)
            .iter()
            .map(|set| set.dumps().len())
            .collect();
        assert_eq!(sizes, [2, 1, 1]);
    }

    proptest! {
        #[test]
        fn a_parent_is_the_newest_earlier_one_of_a_lower_level(levels in prop::collection::vec(0u32..5, 0..40)) {
            let found = parents(levels.iter().copied());
            for (index, parent) in found.iter().enumerate() {
                let plain = (0..index).rev().find(|&other| levels[other] < levels[index]);
                prop_assert_eq!(*parent, plain);
            }
        }
    }
}
