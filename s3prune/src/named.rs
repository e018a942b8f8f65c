//! Dumps that go because somebody named them.
//!
//! Names are believed, mistakes are not: a dump that one which stays may need, and the last chain of a set
//! that can be restored, go only with `--force`; and if one of the keys is refused, none goes.

use std::collections::BTreeSet;

use common::error::{Error, Result};
use common::levels::Set;
use common::listing::Dump;
use common::names::DumpName;

use crate::family::Family;

/// Refuses to remove `doomed` from a family where that would leave a dump that can't be restored.
///
/// # Errors
/// If so; the message names one, and how many more there are.
pub(crate) fn check(family: &Family<'_>, doomed: &BTreeSet<&DumpName>) -> Result<()> {
    let dumps = family.dumps();
    let goes: Vec<bool> = dumps
        .iter()
        .map(|dump| doomed.contains(&dump.name))
        .collect();
    let mut refused = Vec::new();
    for needer in (0..dumps.len()).filter(|&index| !goes[index]) {
        refused.extend(
            family
                .needs(needer)
                .iter()
                .filter(|&&need| goes[need])
                .map(|&need| (need, needer)),
        );
    }
    if let Some((need, needer)) = refused.first() {
        let others = match refused.len() {
            1 => String::new(),
            n => format!(", and there are {} more such needs", n - 1),
        };
        return Err(Error::permanent(
            format!("remove {}", dumps[*need].key()),
            format!("{} needs it{others}", dumps[*needer].key()),
        )
        .hint("remove what needs it as well, or use --force; nothing was deleted"));
    }
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
        check(
            &family,
            &dumps
                .iter()
                .map(|dump| &dump.name)
                .filter(|name| doomed.contains(&name.to_string().as_str()))
                .collect(),
        )
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
