//! Dumps that go because somebody named them.
//!
//! Names are believed, mistakes are not: what one that stays may need, or one that is being made may refer to, and the
//! last chain of a set that can be restored, go only with `--force`; and if one of the keys is refused, none goes.

use common::error::{Error, Result};
use common::levels::Set;
use common::listing::{Dump, Entry};

use crate::family::Family;
use crate::graph::Graph;
use crate::ties::{Ties, WITHIN};

/// Refuses to remove those dumps of which `goes` says so where that would leave a dump that can't be restored.
///
/// # Errors
/// If so; the message names one, and how many more there are.
pub(crate) fn check(graph: &Graph<'_>, goes: &[bool], ties: &Ties) -> Result<()> {
    check_needs(graph, goes)?;
    for (first, family) in graph.families() {
        let goes = &goes[first..first + family.dumps().len()];
        if !goes.contains(&true) {
            continue;
        }
        check_chains(family, goes)?;
        let held = ties.held(family.dumps());
        let found = family.dumps().iter().zip(goes).zip(held);
        for ((dump, goes), held) in found {
            if let (true, Some(why)) = (goes, held) {
                return Err(may_be_referred_to(&dump.key(), why));
            }
        }
    }
    Ok(())
}

/// The same for an object that is not a dump, and may be a part of `whole`.
///
/// # Errors
/// If a dump needs it, or one that is being made now may.
pub(crate) fn check_object(entry: &Entry, whole: Option<&Entry>, ties: &Ties) -> Result<()> {
    for meant in std::iter::once(entry).chain(whole) {
        let mut needers = ties
            .all()
            .filter(|(key, needs)| *key != meant.key && needs.contains(&meant.key));
        if let Some((needer, _)) = needers.next() {
            return Err(needed(&entry.key, needer, needers.count()));
        }
        if ties.holds_object(&meant.key, meant.modified) {
            return Err(may_be_referred_to(&entry.key, WITHIN));
        }
    }
    Ok(())
}

fn check_needs(graph: &Graph<'_>, goes: &[bool]) -> Result<()> {
    let dumps = graph.dumps();
    let mut refused: Vec<(usize, String)> = Vec::new();
    for needer in (0..dumps.len()).filter(|&index| !goes[index]) {
        let needs = graph.needs(needer).iter().filter(|&&need| goes[need]);
        refused.extend(needs.map(|&need| (need, dumps[needer].key())));
    }
    for need in (0..dumps.len()).filter(|&index| goes[index]) {
        let keys = graph.outside(need).iter();
        refused.extend(keys.map(|key| (need, key.clone())));
    }
    match refused.split_first() {
        None => Ok(()),
        Some(((need, needer), others)) => Err(needed(&dumps[*need].key(), needer, others.len())),
    }
}

fn needed(key: &str, needer: &str, others: usize) -> Error {
    let others = match others {
        0 => String::new(),
        n => format!(", and there are {n} more such needs"),
    };
    Error::permanent(
        format!("remove {}", key.escape_debug()),
        format!("{} needs it{others}", needer.escape_debug()),
    )
    .hint("remove what needs it as well, or use --force; nothing was deleted")
}

fn may_be_referred_to(key: &str, why: &str) -> Error {
    Error::permanent(
        format!("remove {}", key.escape_debug()),
        format!("a dump that is being made may refer to it: it is {why}"),
    )
    .hint("--no-grace says that nobody is making one; nothing was deleted")
}

fn check_chains(family: &Family<'_>, goes: &[bool]) -> Result<()> {
    let dumps = family.dumps();
    let rest = |trusted_only: bool| {
        let stays = |&index: &usize| !goes[index] && (!trusted_only || family.is_trusted(index));
        has_chain(
            (0..dumps.len())
                .filter(stays)
                .map(|index| dumps[index])
                .collect(),
        )
    };
    let kinds = [
        "can be restored",
        "can be restored and has a date to be trusted",
    ];
    let chains = family
        .newest_restorable()
        .into_iter()
        .zip([rest(false), rest(true)]);
    for ((before, after), kind) in chains.zip(kinds) {
        if let (Some(newest), false) = (before, after) {
            return Err(Error::permanent(
                format!("remove {}", dumps[newest].key()),
                format!(
                    "{} would have no dump left that {kind}",
                    dumps[newest].name.set()
                ),
            )
            .hint("--force removes it all the same; nothing was deleted"));
        }
    }
    Ok(())
}

fn has_chain(dumps: Vec<&Dump>) -> bool {
    let set = Set::of(dumps);
    (0..set.dumps().len()).any(|index| set.obstacle(index).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::dumps;

    fn verdict(keys: &[(&str, &str)], doomed: &[&str]) -> Result<()> {
        let dumps = dumps(keys);
        let family = Family::of(Set::of(dumps.iter().collect()), false);
        let graph = Graph::of_families(vec![family], &Ties::default());
        let goes = |dump: &&Dump| doomed.contains(&dump.key().as_str());
        let goes: Vec<bool> = graph.dumps().iter().map(goes).collect();
        check(&graph, &goes, &Ties::default())
    }

    const CHAIN: [(&str, &str); 4] = [
        ("h:f:0:2026-11-01", ""),
        ("h:f:1:2026-11-02", ""),
        ("h:f:0:2026-11-03", ""),
        ("h:f:1:2026-11-04", ""),
    ];

    #[test]
    fn what_others_need_stays() {
        let error = verdict(&CHAIN, &["h:f:0:2026-11-01"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not remove h:f:0:2026-11-01: h:f:1:2026-11-02 needs it"
        );
        assert_eq!(error.class().code(), 100);
        assert!(verdict(&CHAIN, &["h:f:0:2026-11-01", "h:f:1:2026-11-02"]).is_ok());
        assert!(verdict(&CHAIN, &["h:f:1:2026-11-04"]).is_ok());
    }

    #[test]
    fn the_last_chain_stays() {
        let error = verdict(&CHAIN[..2], &["h:f:0:2026-11-01", "h:f:1:2026-11-02"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not remove h:f:1:2026-11-02: h:f would have no dump left that can be restored"
        );
        // An orphan is nobody's last chain.
        assert!(verdict(&[("h:f:1:2026-11-02", "")], &["h:f:1:2026-11-02"]).is_ok());
    }

    #[test]
    fn a_planted_full_dump_does_not_stand_in_for_the_real_one() {
        let planted = ("h:f:0:2026-11-03", "2026-11-20T00:00:00Z");
        let keys = [("h:f:0:2026-11-01", ""), planted, ("h:f:1:2026-11-04", "")];
        assert!(verdict(&keys, &["h:f:0:2026-11-01"]).is_err());
        assert!(verdict(&keys, &["h:f:0:2026-11-01", "h:f:1:2026-11-04"]).is_err());
    }
}
