//! Which dumps of a set stay, and why. Pure: no clock, no bucket.
//!
//! Every rule keeps something; what no rule keeps may go. Beyond the rules these always stay: the newest
//! dump (and so, with what it needs, every dump that a backup running right now could be relative to), the
//! newest one that can be restored, those whose date is not to be trusted or that aren't whole (they count
//! for no rule either). What any of those that stay may need is for the graph to say.

use std::collections::BTreeMap;

use common::levels::instant;
use common::listing::Dump;
use jiff::tz::TimeZone;

use crate::age::Age;
use crate::family::Family;

/// What to count by. Days, weeks (ISO 8601), months and years are those named; hours are UTC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Period {
    Dump,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// A policy: all of its rules together say what stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// Of the last so many periods that have a dump, the newest dump of each.
    pub(crate) counts: Vec<(Period, u32)>,
    /// What is not older than this, measured back from the newest dump of the set.
    pub(crate) within: Option<Age>,
    /// Count each level by itself.
    pub(crate) per_level: bool,
}

impl Policy {
    /// Why each dump stays by itself; those without a reason may go, if nothing that stays needs them.
    pub(crate) fn judge(&self, family: &Family<'_>) -> Vec<Vec<String>> {
        let dumps = family.dumps();
        let mut reasons: Vec<Vec<String>> = vec![Vec::new(); dumps.len()];
        for (index, dump) in dumps.iter().enumerate() {
            if !family.is_trusted(index) {
                reasons[index].push(format!(
                    "its date is not to be trusted, taken in at {:.0}",
                    dump.modified()
                ));
            }
            if let Some(flaw) = dump.flaw() {
                reasons[index].push(format!("it is not whole: {flaw}"));
            }
        }
        let sound: Vec<usize> = (0..dumps.len())
            .rev()
            .filter(|&index| family.is_sound(index))
            .collect();
        if let Some(&newest) = sound.first() {
            reasons[newest].push("newest of its set".to_owned());
        }
        for restorable in family.newest_restorable().into_iter().flatten() {
            let reason = "newest that can be restored".to_owned();
            if !reasons[restorable].contains(&reason) {
                reasons[restorable].push(reason);
            }
        }
        for &(period, count) in &self.counts {
            self.count(period, count, &sound, family, &mut reasons);
        }
        if let Some(age) = &self.within {
            keep_within(age, &sound, dumps, &mut reasons);
        }
        reasons
    }

    fn count(
        &self,
        period: Period,
        count: u32,
        sound: &[usize],
        family: &Family<'_>,
        reasons: &mut [Vec<String>],
    ) {
        // For each level, or for all of them: how many periods were counted, and the last of them.
        let mut counted: BTreeMap<Option<u32>, (u32, String)> = BTreeMap::new();
        for &index in sound {
            let dump = family.dumps()[index];
            let level = self.per_level.then_some(dump.name.level);
            let (periods, last) = counted.entry(level).or_default();
            let label = period.label(dump);
            if *periods == count || *last == label {
                continue;
            }
            *periods += 1;
            let of_level = level
                .map(|level| format!(" of level {level}"))
                .unwrap_or_default();
            reasons[index].push(match period {
                Period::Dump => format!("among the last {count}{of_level}"),
                _ => format!("{} {label}{of_level}", period.adverb()),
            });
            *last = label;
        }
    }
}

impl Period {
    /// The period that a dump falls into. Dumps in the order of a set are in the order of their periods.
    fn label(self, dump: &Dump) -> String {
        let day = dump.name.date.day();
        match self {
            Self::Dump => dump.key(),
            Self::Hour => format!("{day} {:02}h", instant(dump).to_zoned(TimeZone::UTC).hour()),
            Self::Day => day.to_string(),
            Self::Week => {
                let week = day.iso_week_date();
                format!("{}-W{:02}", week.year(), week.week())
            }
            Self::Month => format!("{}-{:02}", day.year(), day.month()),
            Self::Year => day.year().to_string(),
        }
    }

    fn adverb(self) -> &'static str {
        match self {
            Self::Dump => "last",
            Self::Hour => "hourly",
            Self::Day => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
            Self::Year => "yearly",
        }
    }
}

/// The time is measured back from the newest dump and not from today, so that neither a wrong clock here
/// nor a host that has been off for a year lets everything look old.
fn keep_within(age: &Age, sound: &[usize], dumps: &[&Dump], reasons: &mut [Vec<String>]) {
    let Some(newest) = sound.iter().map(|&index| instant(dumps[index])).max() else {
        return;
    };
    let oldest = age.before(newest);
    for &index in sound {
        if instant(dumps[index]) >= oldest {
            reasons[index].push(format!("within {age} of the newest"));
        }
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "policy_properties.rs"]
mod properties;
