use std::collections::BTreeSet;

use common::levels::{Set, is_trusted};
use common::listing::{Catalogue, Entry};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::tests::judge;
use super::*;
use crate::delete;
use crate::graph::Graph;
use crate::plan::Plan;
use crate::ties::Ties;

/// Any history: levels, dates in both forms, clocks that agree or not, pieces that are there or not.
fn history() -> impl Strategy<Value = Vec<Dump>> {
    let off = prop_oneof![4 => 0i64..20, 1 => -200i64..400];
    let pieces = prop_oneof![
        4 => Just(&[""][..]),
        1 => Just(&["", ":1", ":2"][..]),
        1 => Just(&[":0", ":1"][..]),
        1 => Just(&["/chunk_000000", "/chunk_000001"][..]),
        1 => Just(&["", ":2"][..]),
        1 => Just(&[":1"][..]),
    ];
    let one = (0u32..4, 0i64..60 * 24, off, any::<bool>(), pieces);
    prop::collection::vec(one, 0..40).prop_map(|list| {
        let start: Timestamp = "2024-12-01T00:00:00Z".parse().unwrap();
        // By key: two of the same name may make one that isn't whole, but never the same object twice.
        let mut entries = BTreeMap::new();
        for (level, hours, off, seconds, pieces) in list {
            let named: Timestamp = start + SignedDuration::from_hours(hours);
            let date = named.strftime(if seconds {
                "%Y-%m-%dT%H%M%SZ"
            } else {
                "%Y-%m-%d"
            });
            for piece in pieces {
                let key = format!("h:f:{level}:{date}{piece}");
                let modified = named + SignedDuration::from_hours(off);
                let class = "STANDARD".to_owned();
                let entry = Entry {
                    key: key.clone(),
                    size: 1,
                    modified,
                    etag: String::new(),
                    class,
                };
                entries.insert(key, entry);
            }
        }
        entries.into_values().collect::<Catalogue>().dumps
    })
}

fn any_policy() -> impl Strategy<Value = (Policy, bool)> {
    let count = || prop::option::of(1u32..6);
    let counts = (count(), count(), count(), count(), count(), count());
    let age = prop::option::of(prop_oneof![Just("12h"), Just("3d"), Just("2w"), Just("1m")]);
    (counts, age, any::<bool>(), any::<bool>()).prop_map(
        |((last, hour, day, week, month, year), age, per_level, trust)| {
            let given = [
                (Period::Dump, last),
                (Period::Hour, hour),
                (Period::Day, day),
                (Period::Week, week),
                (Period::Month, month),
                (Period::Year, year),
            ];
            let counts = given
                .into_iter()
                .filter_map(|(period, count)| Some((period, count?)))
                .collect();
            (
                Policy {
                    counts,
                    within: age.map(|age| age.parse().unwrap()),
                    per_level,
                },
                trust,
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn pruning_never_breaks_what_it_keeps(dumps in history(), (policy, trust) in any_policy()) {
        let (family, reasons) = judge(&dumps, &policy, trust);
        let stays = |index: usize| !reasons[index].is_empty();
        let all = Set::of(dumps.iter().collect());
        let kept: Vec<Dump> = (0..all.dumps().len()).filter(|&index| stays(index)).map(|index| all.dumps()[index].clone()).collect();
        let after = Set::of(kept.iter().collect());

        // Each dump that stays has the same parent as before, up to the root, and is as good as before.
        for (inner, index) in (0..all.dumps().len()).filter(|&index| stays(index)).enumerate() {
            let before: Vec<_> = all.lineage(index).map(|step| all.dumps()[step].key()).collect();
            let now: Vec<_> = after.lineage(inner).map(|step| after.dumps()[step].key()).collect();
            prop_assert_eq!(before, now);
            prop_assert_eq!(all.obstacle(index), after.obstacle(inner));
        }

        // The newest chain that can be restored is still there.
        let newest = |set: &Set<'_>| (0..set.dumps().len()).rev().find(|&index| set.obstacle(index).is_none());
        let name = |set: &Set<'_>| newest(set).map(|index| set.dumps()[index].key());
        prop_assert_eq!(name(&all), name(&after));

        // Also among the dumps that can be trusted, whatever the others pretend.
        if !trust {
            let honest = |dumps: &[&Dump]| name(&Set::of(dumps.iter().copied().filter(|dump| is_trusted(dump)).collect()));
            prop_assert_eq!(honest(all.dumps()), honest(after.dumps()));
        }

        // What is doubtful is untouched.
        for (index, dump) in all.dumps().iter().enumerate() {
            if dump.flaw().is_some() || (!trust && !is_trusted(dump)) {
                prop_assert!(stays(index));
                prop_assert!(!family.is_sound(index));
            }
        }

        // Whatever a backup that is running now is relative to is still there.
        let parent_of_next = |set: &Set<'_>, level: u32| {
            set.dumps().iter().rev().find(|dump| dump.name.level < level).map(|dump| dump.key())
        };
        for level in 0..6 {
            prop_assert_eq!(parent_of_next(&all, level), parent_of_next(&after, level));
        }

        // Pruned again, nothing more goes.
        let (_, again) = judge(&kept, &policy, trust);
        prop_assert!(again.iter().all(|reasons| !reasons.is_empty()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_leaves_nothing_that_looks_whole_and_is_not(
        dumps in history(),
        (policy, trust) in any_policy(),
        crash in 0usize..12,
        reached in any::<u64>(),
    ) {
        let (family, reasons) = judge(&dumps, &policy, trust);
        let graph = Graph::of_families(vec![family], &Ties::default());
        let plan = Plan::of(&graph, |index| match reasons[index].is_empty() {
            true => Err(String::new()),
            false => Ok(Vec::new()),
        });
        // The last request before the crash may have been carried out for any part of its keys.
        let mut deleted = BTreeSet::new();
        let mut requests = 0;
        delete::run(&plan.doomed().0, |keys| {
            requests += 1;
            let part = keys.iter().enumerate().filter(|(number, _)| requests <= crash || reached >> (number % 64) & 1 == 1);
            deleted.extend(part.map(|(_, key)| key.clone()));
            if requests > crash { Err(common::Error::temporary("delete", "crash")) } else { Ok(Vec::new()) }
        });

        let left: Catalogue = dumps
            .iter()
            .flat_map(|dump| dump.pieces.iter().map(|(_, entry)| entry.clone()))
            .filter(|entry| !deleted.contains(&entry.key))
            .collect();
        let (before, after) = (Set::of(dumps.iter().collect()), Set::of(left.dumps.iter().collect()));
        let chain = |set: &Set<'_>, index: usize| -> Vec<Dump> {
            set.lineage(index).map(|step| set.dumps()[step].clone()).collect()
        };
        for index in 0..after.dumps().len() {
            if after.obstacle(index).is_none() {
                let old = before.dumps().iter().position(|dump| dump.name == after.dumps()[index].name).unwrap();
                prop_assert_eq!(chain(&before, old), chain(&after, index));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// No rule lets a dump go whose date is made up; but it may be named, as any other may.
    #[test]
    fn what_needs_goes_before_what_is_needed(
        dumps in history(),
        trust in any::<bool>(),
        named in any::<u64>(),
        denied in any::<u64>(),
    ) {
        let bit = |bits: u64, number: usize| bits >> (number % 64) & 1 == 1;
        let family = Family::of(Set::of(dumps.iter().collect()), trust);
        let goes = |index: usize| bit(named, index);
        let graph = Graph::of_families(vec![Family::of(Set::of(dumps.iter().collect()), trust)], &Ties::default());
        let mut plan = Plan::of(&graph, |index| if goes(index) { Err(String::new()) } else { Ok(Vec::new()) });
        plan.only_what_goes();
        let objects = |index: usize| family.dumps()[index].pieces.iter().map(|(_, entry)| &entry.key);
        let mut gone: BTreeSet<String> = BTreeSet::new();
        let mut early = Vec::new();
        delete::run(&plan.doomed().0, |keys| {
            for needer in (0..family.dumps().len()).filter(|&index| goes(index)) {
                let is_left = objects(needer).any(|key| !gone.contains(key));
                let needed = family.needs(needer).iter().filter(|&&need| is_left && objects(need).any(|key| keys.contains(key)));
                early.extend(needed.map(|&need| (needer, need)));
            }
            let is_denied = |key: &String| bit(denied, key.bytes().map(usize::from).sum());
            gone.extend(keys.iter().filter(|key| !is_denied(key)).cloned());
            let failed = keys.iter().filter(|key| is_denied(key));
            Ok(failed.map(|key| (key.clone(), common::Error::permanent("delete", "denied"))).collect())
        });
        prop_assert!(early.is_empty(), "{:?}", early);
    }
}
