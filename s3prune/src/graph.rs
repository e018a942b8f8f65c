//! Everything in view, of all sets, and what needs what: by the levels, and by where chunks lie. Pure.
//!
//! Every dump that stays keeps all that it needs, for whatever reason it stays: what is left of a bucket can be
//! restored. Dumps in a circle of needs, which only names that lie can make, stay.

use std::collections::BTreeMap;

use common::levels::Set;
use common::listing::{Catalogue, Dump};

use crate::family::Family;
use crate::ties::Ties;

/// All dumps in view, numbered through the sets in their order.
pub(crate) struct Graph<'a> {
    families: Vec<Family<'a>>,
    dumps: Vec<&'a Dump>,
    needs: Vec<Vec<usize>>,
    /// Keys of what is not in view and needs a dump that is.
    outside: BTreeMap<usize, Vec<String>>,
    depths: Vec<usize>,
    circular: Vec<bool>,
}

impl<'a> Graph<'a> {
    /// The graph of a catalogue's dumps, of whose host `view` says yes. With `trust_dates` every date is believed.
    pub(crate) fn of(
        catalogue: &'a Catalogue,
        view: impl Fn(&str) -> bool,
        trust_dates: bool,
        ties: &Ties,
    ) -> Self {
        let viewed = catalogue.dumps.iter().filter(|dump| view(&dump.name.host));
        let families = Set::all(viewed)
            .into_iter()
            .map(|set| Family::of(set, trust_dates))
            .collect();
        Self::of_families(families, ties)
    }

    /// The graph of these families.
    pub(crate) fn of_families(families: Vec<Family<'a>>, ties: &Ties) -> Self {
        let mut dumps: Vec<&'a Dump> = Vec::new();
        let mut needs: Vec<Vec<usize>> = Vec::new();
        for family in &families {
            let first = dumps.len();
            for (index, dump) in family.dumps().iter().enumerate() {
                dumps.push(dump);
                needs.push(
                    family
                        .needs(index)
                        .iter()
                        .map(|need| first + need)
                        .collect(),
                );
            }
        }
        let keys: BTreeMap<String, usize> = dumps
            .iter()
            .enumerate()
            .map(|(index, dump)| (dump.key(), index))
            .collect();
        let mut outside: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (key, needed) in ties.all() {
            let found = needed.iter().filter_map(|key| keys.get(key).copied());
            match keys.get(key) {
                Some(&needer) => needs[needer].extend(found.filter(|&need| need != needer)),
                None => {
                    for need in found {
                        outside.entry(need).or_default().push(key.to_owned());
                    }
                }
            }
        }
        for list in &mut needs {
            list.sort_unstable();
            list.dedup();
        }
        let circular = circular(&needs);
        let depths = depths(&needs, &circular);
        Self {
            families,
            dumps,
            needs,
            outside,
            depths,
            circular,
        }
    }

    /// Every dump, by its number.
    pub(crate) fn dumps(&self) -> &[&'a Dump] {
        &self.dumps
    }

    /// The families, and the number of the first dump of each.
    pub(crate) fn families(&self) -> impl Iterator<Item = (usize, &Family<'a>)> {
        self.families.iter().scan(0, |next, family| {
            let first = *next;
            *next += family.dumps().len();
            Some((first, family))
        })
    }

    /// What dump `index` needs; what those need in turn is for them to say.
    pub(crate) fn needs(&self, index: usize) -> &[usize] {
        &self.needs[index]
    }

    /// What is not in view and needs dump `index`.
    pub(crate) fn outside(&self, index: usize) -> &[String] {
        self.outside.get(&index).map_or(&[], Vec::as_slice)
    }

    /// More than that of anything that the dump needs: deeper ones go first.
    pub(crate) fn depth(&self, index: usize) -> usize {
        self.depths[index]
    }

    /// What stays keeps what it needs: adds to `reasons`, of which those that stay have one.
    pub(crate) fn keep_needed(&self, reasons: &mut [Vec<String>]) {
        for index in (0..reasons.len()).filter(|&index| self.circular[index]) {
            if reasons[index].is_empty() {
                reasons[index].push("needed by what it needs".to_owned());
            }
        }
        let mut kept: Vec<bool> = (0..reasons.len())
            .map(|index| !reasons[index].is_empty() || !self.outside(index).is_empty())
            .collect();
        let mut open: Vec<usize> = (0..kept.len()).filter(|&index| kept[index]).collect();
        while let Some(index) = open.pop() {
            for &need in &self.needs[index] {
                if !kept[need] {
                    kept[need] = true;
                    open.push(need);
                }
            }
        }
        let mut needers: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for index in (0..kept.len()).rev().filter(|&index| kept[index]) {
            for &need in &self.needs[index] {
                needers
                    .entry(need)
                    .or_default()
                    .push(self.dumps[index].key());
            }
        }
        for (need, keys) in &self.outside {
            needers
                .entry(*need)
                .or_default()
                .extend(keys.iter().cloned());
        }
        for (need, needers) in needers {
            let more = match needers.len() {
                1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            reasons[need].push(format!("needed by {}{more}", needers[0].escape_debug()));
        }
    }
}

/// Those that need themselves by way of others, and those between such.
fn circular(needs: &[Vec<usize>]) -> Vec<bool> {
    let mut needers: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (index, list) in needs.iter().enumerate() {
        for &need in list {
            needers[need].push(index);
        }
    }
    let (above, below) = (unpeeled(needs, &needers), unpeeled(&needers, needs));
    above
        .into_iter()
        .zip(below)
        .map(|(above, below)| above && below)
        .collect()
}

/// What is left when again and again those go that point at nothing that is left.
fn unpeeled(pointing: &[Vec<usize>], pointed: &[Vec<usize>]) -> Vec<bool> {
    let mut left: Vec<usize> = pointing.iter().map(Vec::len).collect();
    let mut open: Vec<usize> = (0..left.len()).filter(|&index| left[index] == 0).collect();
    while let Some(index) = open.pop() {
        for &other in &pointed[index] {
            left[other] -= 1;
            if left[other] == 0 {
                open.push(other);
            }
        }
    }
    left.into_iter().map(|left| left > 0).collect()
}

fn depths(needs: &[Vec<usize>], circular: &[bool]) -> Vec<usize> {
    let counts = |index: usize, need: usize| !(circular[index] && circular[need]);
    let mut needers: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    let mut left = vec![0usize; needs.len()];
    for (index, list) in needs.iter().enumerate() {
        for &need in list.iter().filter(|&&need| counts(index, need)) {
            needers[need].push(index);
            left[index] += 1;
        }
    }
    let mut depths = vec![0; needs.len()];
    let mut open: Vec<usize> = (0..left.len()).filter(|&index| left[index] == 0).collect();
    while let Some(index) = open.pop() {
        for &needer in &needers[index] {
            depths[needer] = depths[needer].max(depths[index] + 1);
            left[needer] -= 1;
            if left[needer] == 0 {
                open.push(needer);
            }
        }
    }
    depths
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::tests::dumps;
    use crate::ties::{Tie, Wait};

    fn ties(needs: &[(&str, &[&str])]) -> Ties {
        let tie = |&(key, needs): &(&str, &[&str])| {
            let needs = needs.iter().map(|&key| key.to_owned()).collect();
            (key.to_owned(), Tie { grace: 1, needs })
        };
        let streams = needs.iter().map(tie).collect();
        Ties::new(streams, &Wait::No, Timestamp::UNIX_EPOCH).unwrap()
    }

    fn kept(keys: &[(&str, &str)], needs: &[(&str, &[&str])], because: &[usize]) -> Vec<String> {
        let dumps = dumps(keys);
        let families = Set::all(&dumps)
            .into_iter()
            .map(|set| Family::of(set, false))
            .collect();
        let graph = Graph::of_families(families, &ties(needs));
        let mut reasons = vec![Vec::new(); graph.dumps().len()];
        for &index in because {
            reasons[index].push("x".to_owned());
        }
        graph.keep_needed(&mut reasons);
        reasons.iter().map(|reasons| reasons.join("; ")).collect()
    }

    const THREE: [(&str, &str); 3] = [
        ("a:f:0:2026-11-01", ""),
        ("a:f:1:2026-11-02", ""),
        ("b:f:0:2026-11-03", ""),
    ];

    #[test]
    fn chunks_and_levels_keep_what_they_need() {
        // The other host's dump needs chunks of the second, and that its parent.
        assert_eq!(
            kept(&THREE, &[(THREE[2].0, &[THREE[1].0, "gone"])], &[2]),
            [
                "needed by a:f:1:2026-11-02",
                "needed by b:f:0:2026-11-03",
                "x"
            ]
        );
        assert_eq!(
            kept(&THREE, &[(THREE[2].0, &[THREE[1].0])], &[]),
            ["", "", ""]
        );
    }

    #[test]
    fn what_is_not_in_view_stays() {
        assert_eq!(
            kept(&THREE, &[("z\n", &[THREE[0].0]), ("y", &[THREE[0].0])], &[]),
            ["needed by y and 1 more", "", ""]
        );
    }

    #[test]
    fn circles_stay_and_what_leads_to_them_may_go() {
        let circle: [(&str, &[&str]); 3] = [
            (THREE[0].0, &[THREE[1].0]),
            (THREE[1].0, &[THREE[1].0]),
            (THREE[2].0, &[THREE[0].0]),
        ];
        let kept = kept(&THREE, &circle, &[]);
        assert_eq!(kept[2], "");
        assert_eq!(
            kept[0],
            "needed by what it needs; needed by a:f:1:2026-11-02"
        );
        let needs = [vec![1], vec![0], vec![0], vec![]];
        let circular = circular(&needs);
        assert_eq!(circular, [true, true, false, false]);
        assert_eq!(depths(&needs, &circular), [0, 0, 1, 0]);
    }
}
