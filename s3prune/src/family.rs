//! What needs what, when not every name can be believed.
//!
//! Anybody who may write can put a date into a name, and a dump with a made-up date would change who
//! everybody's parent is. So a dump is held to need its parent by name, and besides: if the server bears
//! out its date, its parent among those of which that is true; if not, its ancestors in the order in which
//! the server took the dumps in. What any of these readings says is needed is kept.

use common::levels::{Set, is_trusted, parents};
use common::listing::Dump;

/// The dumps of one set, oldest first by name, with all that each of them may need.
pub(crate) struct Family<'a> {
    set: Set<'a>,
    trusted: Vec<bool>,
    /// The trusted dumps as a set of their own, and their numbers in `set`.
    sound: (Set<'a>, Vec<usize>),
    needs: Vec<Vec<usize>>,
}

impl<'a> Family<'a> {
    /// The family of a set. With `trust_dates` every date is believed.
    pub(crate) fn of(set: Set<'a>, trust_dates: bool) -> Self {
        let trusted: Vec<bool> = set
            .dumps()
            .iter()
            .map(|dump| trust_dates || is_trusted(dump))
            .collect();
        // A set sorts by name, so that the trusted ones keep their order among themselves.
        let numbers: Vec<usize> = (0..trusted.len()).filter(|&index| trusted[index]).collect();
        let sound = Set::of(numbers.iter().map(|&index| set.dumps()[index]).collect());
        let mut needs: Vec<Vec<usize>> = (0..trusted.len())
            .map(|index| set.parent(index).into_iter().collect())
            .collect();
        for (inner, &index) in numbers.iter().enumerate() {
            needs[index].extend(sound.parent(inner).map(|parent| numbers[parent]));
        }
        let taken = by_arrival(&set);
        for index in (0..trusted.len()).filter(|&index| !trusted[index]) {
            needs[index].extend(std::iter::successors(taken[index], |&ancestor| {
                taken[ancestor]
            }));
        }
        for list in &mut needs {
            list.sort_unstable();
            list.dedup();
        }
        Self {
            set,
            trusted,
            sound: (sound, numbers),
            needs,
        }
    }

    /// The dumps, oldest first. The other functions number them by their place in here.
    pub(crate) fn dumps(&self) -> &[&'a Dump] {
        self.set.dumps()
    }

    /// True if the date in the dump's name is believed.
    pub(crate) fn is_trusted(&self, index: usize) -> bool {
        self.trusted[index]
    }

    /// True for a dump that a rule may count: whole, and its date believed.
    pub(crate) fn is_sound(&self, index: usize) -> bool {
        self.trusted[index] && self.dumps()[index].flaw().is_none()
    }

    /// What dump `index` may need; what those need in turn is for them to say.
    pub(crate) fn needs(&self, index: usize) -> &[usize] {
        &self.needs[index]
    }

    /// What keeps dump `index` from being restored, by the names.
    pub(crate) fn obstacle(&self, index: usize) -> Option<String> {
        self.set.obstacle(index)
    }

    /// The newest dumps that can be restored: by the names, and among the trusted alone.
    pub(crate) fn newest_restorable(&self) -> [Option<usize>; 2] {
        let newest = |set: &Set<'_>| {
            (0..set.dumps().len())
                .rev()
                .find(|&index| set.obstacle(index).is_none())
        };
        let (sound, numbers) = &self.sound;
        [newest(&self.set), newest(sound).map(|inner| numbers[inner])]
    }
}

/// Each dump's parent if the dumps came into being in the order in which the server took them in.
fn by_arrival(set: &Set<'_>) -> Vec<Option<usize>> {
    let dumps = set.dumps();
    let mut order: Vec<usize> = (0..dumps.len()).collect();
    order.sort_by_key(|&index| (dumps[index].modified(), dumps[index].name.level, index));
    let mut found = vec![None; dumps.len()];
    for (place, parent) in parents(order.iter().map(|&index| dumps[index].name.level))
        .into_iter()
        .enumerate()
    {
        found[order[place]] = parent.map(|parent| order[parent]);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delete::{self, Fate};
    use crate::graph::Graph;
    use crate::plan::Plan;
    use crate::tests::dumps;
    use crate::ties::Ties;

    #[test]
    fn what_needs_a_newer_one_goes_before_it() {
        let dumps = dumps(&[
            ("h:f:2:2020-01-01", "2026-11-20T13:00:00Z"),
            ("h:f:0:2026-11-18", ""),
            ("h:f:0:2026-11-19", ""),
            ("h:f:1:2026-11-20", ""),
        ]);
        let family = Family::of(Set::of(dumps.iter().collect()), false);
        assert_eq!(family.needs(0), [2, 3]);
        let graph = Graph::of_families(vec![family], &Ties::default());
        let depths: Vec<usize> = (0..4).map(|index| graph.depth(index)).collect();
        assert_eq!(depths, [2, 0, 0, 1]);

        // All but the spare full dump are to go, and the second request is denied.
        let mut plan = Plan::of(&graph, |index| match index {
            1 => Ok(Vec::new()),
            _ => Err("named".to_owned()),
        });
        plan.only_what_goes();
        let mut requests = Vec::new();
        let (fates, _) = delete::run(&plan.doomed().0, |keys| {
            requests.push(keys.to_vec());
            let denied = keys.iter().filter(|_| requests.len() == 2);
            Ok(denied
                .map(|key| (key.clone(), common::Error::permanent("delete", "denied")))
                .collect())
        });
        assert_eq!(requests, [["h:f:2:2020-01-01"], ["h:f:1:2026-11-20"]]);
        assert!(
            matches!(fates.as_slice(), [Fate::Gone, Fate::Left, Fate::Failed(_)]),
            "{fates:?}"
        );
    }
}
