//! The plan: what goes and what stays, why, and what that is worth.

use common::error::{Error, Result};
use common::listing::{Dump, Entry};
use common::prices::{Bill, Prices};
use common::run::Speaker;
use common::units::{human, total};
use jiff::Timestamp;
use serde::Serialize;

use crate::delete::{Doomed, Fate};
use crate::graph::Graph;

/// One dump, or an object that isn't one, and what is to become of it.
pub(crate) struct Item<'a> {
    key: String,
    entries: Vec<&'a Entry>,
    /// Why it stays, or why it goes.
    reasons: Vec<String>,
    goes: bool,
    depth: usize,
    /// Numbers in the plan of those it may need.
    needs: Vec<usize>,
}

/// Everything that was considered, in the order of sets and dates.
#[derive(Default)]
pub(crate) struct Plan<'a> {
    items: Vec<Item<'a>>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

/// One line for pipes.
#[derive(Serialize)]
struct Line<'a> {
    key: &'a str,
    action: &'a str,
    reasons: &'a [String],
    size: u64,
    class: &'a str,
}

impl<'a> Plan<'a> {
    /// The plan for what is in `graph`: `verdict` says for each why it stays, or else why it goes.
    pub(crate) fn of(
        graph: &Graph<'a>,
        verdict: impl Fn(usize) -> Result<Vec<String>, String>,
    ) -> Self {
        let mut plan = Self::default();
        for (index, dump) in graph.dumps().iter().enumerate() {
            let (goes, reasons) = match verdict(index) {
                Ok(reasons) => (false, reasons),
                Err(reason) => (true, vec![reason]),
            };
            let dump: &'a Dump = dump;
            plan.items.push(Item {
                key: dump.key(),
                entries: dump.objects().collect(),
                reasons,
                goes,
                depth: graph.depth(index),
                needs: graph.needs(index).to_vec(),
            });
        }
        plan
    }

    /// Adds what whoever reads the plan must know.
    pub(crate) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// Adds what whoever reads the plan may want to know.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Says what was to be said besides.
    pub(crate) fn say(&self, voice: Speaker) {
        for warning in &self.warnings {
            voice.warning(warning);
        }
        for note in &self.notes {
            voice.note(note);
        }
    }

    /// Adds an object that goes although it is not a dump.
    pub(crate) fn add_object(&mut self, entry: &'a Entry, reason: &str) {
        self.items.push(Item {
            key: entry.key.clone(),
            entries: vec![entry],
            reasons: vec![reason.to_owned()],
            goes: true,
            depth: 0,
            needs: Vec::new(),
        });
    }

    /// Leaves out what stays, where nobody asked about it.
    pub(crate) fn only_what_goes(&mut self) {
        let mut numbers = Vec::new();
        let mut next = 0;
        for item in &self.items {
            numbers.push(item.goes.then_some(next));
            next += usize::from(item.goes);
        }
        self.items.retain(|item| item.goes);
        for item in &mut self.items {
            item.needs = item
                .needs
                .iter()
                .filter_map(|&need| numbers.get(need).copied().flatten())
                .collect();
        }
    }

    /// The keys of what goes.
    pub(crate) fn going(&self) -> impl Iterator<Item = &str> {
        self.items
            .iter()
            .filter(|item| item.goes)
            .map(|item| item.key.as_str())
    }

    /// What to delete, and for each the number of its item.
    pub(crate) fn doomed(&self) -> (Vec<Doomed>, Vec<usize>) {
        let numbers: Vec<usize> = (0..self.items.len())
            .filter(|&number| self.items[number].goes)
            .collect();
        let doomed = numbers
            .iter()
            .map(|&number| {
                let item = &self.items[number];
                Doomed {
                    objects: item.entries.iter().map(|entry| entry.key.clone()).collect(),
                    depth: item.depth,
                    needs: item
                        .needs
                        .iter()
                        .filter_map(|need| numbers.binary_search(need).ok())
                        .collect(),
                }
            })
            .collect();
        (doomed, numbers)
    }

    /// The plan as a person reads it: a line for each dump.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let width = self
            .items
            .iter()
            .map(|item| item.shown().chars().count())
            .max()
            .unwrap_or(0);
        self.items.iter().map(move |item| {
            let (action, key, reasons) = (item.action(), item.shown(), item.reasons.join("; "));
            format!(
                "{action:6} {key:width$} {:>8}  {reasons}",
                human(item.size())
            )
        })
    }

    /// What the plan comes to: number, bytes and money of what goes and of what stays, and what it costs
    /// to delete so early.
    pub(crate) fn totals(&self, prices: &Prices, now: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        for (goes, verb) in [(true, "to remove"), (false, "to keep")] {
            let items: Vec<&Item<'_>> =
                self.items.iter().filter(|item| item.goes == goes).collect();
            if items.is_empty() && !goes {
                continue;
            }
            let mut bill = Bill::default();
            for entry in items.iter().flat_map(|item| &item.entries) {
                bill.add(prices, &entry.class, entry.size);
            }
            let total = bill.total();
            let mut line = format!(
                "{} {verb}: {}, {}/month",
                items.len(),
                human(total.bytes),
                prices.money(total.month)
            );
            if !bill.unknown().is_empty() {
                let classes: Vec<&str> = bill.unknown().iter().map(String::as_str).collect();
                line += &format!(" and what {} costs", classes.join(", "));
            }
            lines.push(line);
        }
        lines.extend(self.early_fee(prices, now));
        lines
    }

    fn early_fee(&self, prices: &Prices, now: Timestamp) -> Option<String> {
        let mut fee = 0.0;
        let mut classes = std::collections::BTreeMap::new();
        for entry in self
            .items
            .iter()
            .filter(|item| item.goes)
            .flat_map(|item| &item.entries)
        {
            let early = prices.early(&entry.class, entry.size, now.duration_since(entry.modified));
            if early > 0.0 {
                fee += early;
                classes.insert(entry.class.as_str(), prices.least_days(&entry.class));
            }
        }
        let classes: Vec<String> = classes
            .iter()
            .map(|(class, days)| format!("{class} is paid for {days} days"))
            .collect();
        (!classes.is_empty()).then(|| {
            format!(
                "early deletion: {} ({})",
                prices.money(fee),
                classes.join(", ")
            )
        })
    }

    /// The keys that go, each followed by `end`; of those that were tried, the ones that are gone.
    pub(crate) fn keys(&self, end: char, fates: &[Option<Fate>]) -> String {
        let mut text = String::new();
        for (item, fate) in self.items.iter().zip(fates) {
            if item.goes && matches!(fate, None | Some(Fate::Gone)) {
                text.push_str(&item.key);
                text.push(end);
            }
        }
        text
    }

    /// The plan for pipes: what stays, what goes, and what should have gone and is still there.
    ///
    /// # Errors
    /// If a key can't be written as JSON.
    pub(crate) fn json(&self, fates: &[Option<Fate>]) -> Result<String> {
        let mut text = String::new();
        for (item, fate) in self.items.iter().zip(fates) {
            let action = match fate {
                Some(Fate::Failed(_)) => "failed",
                Some(Fate::Left) => "left",
                None | Some(Fate::Gone) => item.action(),
            };
            let line = Line {
                key: &item.key,
                action,
                reasons: &item.reasons,
                size: item.size(),
                class: item.entries.first().map_or("", |entry| &entry.class),
            };
            text += &serde_json::to_string(&line)
                .map_err(|cause| Error::permanent(format!("describe {}", item.shown()), cause))?;
            text.push('\n');
        }
        Ok(text)
    }

    /// Number of items.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

impl Item<'_> {
    fn size(&self) -> u64 {
        total(self.entries.iter().map(|entry| entry.size))
    }

    fn action(&self) -> &'static str {
        if self.goes { "remove" } else { "keep" }
    }

    /// The key as a terminal can take it.
    fn shown(&self) -> String {
        self.key.escape_debug().to_string()
    }
}

#[cfg(test)]
mod tests {
    use common::levels::Set;
    use common::prices::PriceList;

    use super::*;
    use crate::family::Family;
    use crate::policy::{Period, Policy};
    use crate::tests::dumps;
    use crate::ties::Ties;

    fn plan(dumps: &[Dump]) -> Plan<'_> {
        let policy = Policy {
            counts: vec![(Period::Dump, 1)],
            ..Policy::default()
        };
        let families = Set::all(dumps)
            .into_iter()
            .map(|set| Family::of(set, false))
            .collect();
        let graph = Graph::of_families(families, &Ties::default());
        let mut reasons: Vec<Vec<String>> = graph
            .families()
            .flat_map(|(_, family)| policy.judge(family))
            .collect();
        graph.keep_needed(&mut reasons);
        Plan::of(&graph, |index| match reasons[index].as_slice() {
            [] => Err("no rule keeps it".to_owned()),
            reasons => Ok(reasons.to_vec()),
        })
    }

    #[test]
    fn for_people() {
        let dumps = dumps(&[
            ("h:/home:0:2026-11-01", ""),
            ("h:/home:1:2026-11-02", ""),
            ("h:/home:1:2026-11-03", ""),
        ]);
        let plan = plan(&dumps);
        let lines: Vec<String> = plan.lines().collect();
        assert_eq!(
            lines,
            [
                "keep   h:/home:0:2026-11-01        1  needed by h:/home:1:2026-11-03",
                "remove h:/home:1:2026-11-02        1  no rule keeps it",
                "keep   h:/home:1:2026-11-03        1  newest of its set; newest that can be restored; among the last 1",
            ]
        );
        let prices = PriceList::default().read().unwrap();
        assert_eq!(
            plan.totals(&prices, dumps[0].modified()),
            ["1 to remove: 1, $0.00/month", "2 to keep: 2, $0.00/month"]
        );
    }

    #[test]
    fn deleting_early_has_a_price() {
        let mut dumps = dumps(&[("h:f:0:2026-11-01", ""), ("h:f:0:2026-11-02", "")]);
        for (_, entry) in dumps.iter_mut().flat_map(|dump| &mut dump.pieces) {
            entry.class = "DEEP_ARCHIVE".to_owned();
            entry.size = 1000 << 30;
        }
        let prices = PriceList::default().read().unwrap();
        let now = dumps[0].modified() + jiff::SignedDuration::from_hours(24 * 90);
        assert_eq!(
            plan(&dumps).totals(&prices, now),
            [
                "1 to remove: 1000.0G, $0.99/month",
                "1 to keep: 1000.0G, $0.99/month",
                "early deletion: $2.97 (DEEP_ARCHIVE is paid for 180 days)"
            ]
        );
    }

    #[test]
    fn for_pipes() {
        let dumps = dumps(&[("h:f:0:2026-11-01", ""), ("h:f:0:2026-11-02", "")]);
        let plan = plan(&dumps);
        assert_eq!(plan.keys('\0', &[None, None]), "h:f:0:2026-11-01\0");
        assert_eq!(plan.keys('\n', &[Some(Fate::Left), None]), "");
        assert_eq!(
            plan.json(&[Some(Fate::Left), None]).unwrap(),
            "{\"key\":\"h:f:0:2026-11-01\",\"action\":\"left\",\"reasons\":[\"no rule keeps it\"],\"size\":1,\"class\":\"STANDARD\"}\n\
             {\"key\":\"h:f:0:2026-11-02\",\"action\":\"keep\",\"reasons\":[\"newest of its set\",\"newest that can be restored\",\"among the last 1\"],\"size\":1,\"class\":\"STANDARD\"}\n"
        );
    }

    #[test]
    fn needs_keep_their_numbers_when_the_rest_is_left_out() {
        let dumps = dumps(&[
            ("a:f:0:2026-11-01", ""),
            ("b:f:0:2026-11-01", ""),
            ("b:f:1:2026-11-02", ""),
            ("b:f:0:2026-11-03", ""),
        ]);
        let mut plan = plan(&dumps);
        plan.only_what_goes();
        let (doomed, numbers) = plan.doomed();
        assert_eq!(numbers, [0, 1]);
        assert_eq!((doomed[1].needs.as_slice(), doomed[1].depth), (&[0][..], 1));
    }
}
