//! From a listing to a plan: what goes by policy, by key, or by a list of keys.

use std::collections::BTreeSet;

use common::error::{Error, Result};
use common::listing::{Catalogue, Dump};
use common::names::{DumpName, Piece, parse_key, part_of, tail_of};

use crate::args::Args;
use crate::graph::Graph;
use crate::named;
use crate::plan::Plan;
use crate::policy::Policy;
use crate::ties::{self, Ties};

/// What goes because no rule keeps it, nobody may still refer to it, and nothing that stays needs it. What isn't a
/// dump isn't looked at; nor are the dumps of other hosts than `host`, if there is one.
pub(crate) fn by_policy<'a>(
    catalogue: &'a Catalogue,
    host: Option<&str>,
    policy: &Policy,
    trust_dates: bool,
    ties: &Ties,
) -> Plan<'a> {
    let is_ours = |of: &str| host.is_none_or(|host| host == of);
    let graph = Graph::of(catalogue, is_ours, trust_dates, ties);
    let mut reasons: Vec<Vec<String>> = Vec::new();
    let mut warnings = Vec::new();
    let mut doubtful = 0;
    for (_, family) in graph.families() {
        let mut of_set = policy.judge(family);
        for (reasons, held) in of_set.iter_mut().zip(ties.held(family.dumps())) {
            let is_news = |held: &&str| reasons.is_empty() || *held == ties::WITHIN;
            reasons.extend(held.filter(is_news).map(str::to_owned));
        }
        doubtful += (0..of_set.len())
            .filter(|&index| !family.is_sound(index))
            .count();
        let newest = (0..of_set.len())
            .rev()
            .find(|&index| family.is_sound(index));
        if let Some((newest, obstacle)) =
            newest.and_then(|newest| Some((newest, family.obstacle(newest)?)))
        {
            warnings.push(format!(
                "{} can't be restored: {obstacle}",
                family.dumps()[newest].key()
            ));
        }
        reasons.append(&mut of_set);
    }
    if doubtful > 0 {
        let what = match doubtful {
            1 => "1 dump is not whole, or its date is".to_owned(),
            n => format!("{n} dumps are not whole, or their dates are"),
        };
        warnings.push(format!(
            "{what} not to be trusted: kept, and counted for no rule"
        ));
    }
    graph.keep_needed(&mut reasons);
    let mut plan = Plan::of(&graph, |index| match reasons[index].as_slice() {
        [] => Err("no rule keeps it".to_owned()),
        reasons => Ok(reasons.to_vec()),
    });
    for warning in warnings {
        plan.warn(warning);
    }
    plan
}

/// What goes because its key is given: a dump, or an object that isn't one.
pub(crate) fn by_key<'a>(
    catalogue: &'a Catalogue,
    key: &str,
    args: &Args,
    ties: &Ties,
) -> Result<Plan<'a>> {
    let doing = || format!("remove {}", key.escape_debug());
    if let Some(dump) = catalogue.dumps.iter().find(|dump| dump.key() == key) {
        return by_names(catalogue, &BTreeSet::from([&dump.name]), args, ties);
    }
    let of_dumps = catalogue.dumps.iter().flat_map(Dump::objects);
    let mut objects = of_dumps.chain(&catalogue.others);
    let Some(entry) = objects.find(|entry| entry.key == key) else {
        return Err(Error::permanent(doing(), "there is no such key"));
    };
    match piece_of(catalogue, key) {
        Some(name) if !args.is_forced() => {
            return Err(
                Error::permanent(doing(), format!("it is a piece of {name}"))
                    .hint("name the dump to remove all of it, or use --force"),
            );
        }
        _ => {}
    }
    if !args.is_forced() {
        let whole = part_of(key);
        let mut others = catalogue.others.iter();
        let whole = others.find(|other| Some(other.key.as_str()) == whole);
        named::check_object(entry, whole, ties)?;
    }
    let mut plan = Plan::default();
    plan.add_object(entry, "named");
    Ok(plan)
}

/// What goes because its key is on standard input; and how many of those were skipped.
pub(crate) fn by_list<'a>(
    catalogue: &'a Catalogue,
    keys: &BTreeSet<String>,
    args: &Args,
    ties: &Ties,
) -> Result<(Plan<'a>, usize)> {
    let mut names = BTreeSet::new();
    let mut notes = Vec::new();
    for key in keys {
        let name = DumpName::parse(key);
        let found = name.and_then(|name| {
            catalogue
                .dumps
                .binary_search_by(|dump| dump.name.cmp(&name))
                .ok()
        });
        if let Some(found) = found {
            names.insert(&catalogue.dumps[found].name);
            continue;
        }
        let shown = key.escape_debug();
        match (piece_of(catalogue, key), parse_key(key)) {
            (Some(name), _) => {
                notes.push(format!("{shown} is skipped: it is a piece of {name}"));
            }
            (None, Some((_, Piece::Whole))) => {
                notes.push(format!("{shown} is skipped: there is no such dump"));
            }
            (None, _) => notes.push(format!(
                "{shown} is skipped: it is not a dump, and goes only by -k"
            )),
        }
    }
    let mut plan = by_names(catalogue, &names, args, ties)?;
    let skipped = notes.len();
    for note in notes {
        plan.note(note);
    }
    Ok((plan, skipped))
}

/// The dump that the object with this key is a piece of, or the tail. A piece beside a dump that is one object is not.
fn piece_of(catalogue: &Catalogue, key: &str) -> Option<DumpName> {
    let (name, piece) = match (parse_key(key), tail_of(key)) {
        (Some((name, piece)), _) => (name, Some(piece)),
        (None, tail) => (tail?, None),
    };
    let found = catalogue
        .dumps
        .binary_search_by(|dump| dump.name.cmp(&name))
        .ok()?;
    let mut objects = catalogue.dumps[found].objects();
    (piece != Some(Piece::Whole) && objects.any(|entry| entry.key == key)).then_some(name)
}

fn by_names<'a>(
    catalogue: &'a Catalogue,
    doomed: &BTreeSet<&DumpName>,
    args: &Args,
    ties: &Ties,
) -> Result<Plan<'a>> {
    let graph = Graph::of(catalogue, |_| true, args.trust_dates, ties);
    let goes: Vec<bool> = graph
        .dumps()
        .iter()
        .map(|dump| doomed.contains(&dump.name))
        .collect();
    if !args.is_forced() {
        named::check(&graph, &goes, ties)?;
    }
    let mut plan = Plan::of(&graph, |index| match goes[index] {
        true => Err("named".to_owned()),
        false => Ok(Vec::new()),
    });
    plan.only_what_goes();
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use common::listing::Entry;

    use super::*;

    fn catalogue() -> Catalogue {
        let keys = [
            "h:f:0:2026-11-01",
            "h:f:1:2026-11-02",
            "h:f:0:2016-11-03:0",
            "h:f:0:2016-11-03:1",
            "h:f:0:2026-11-04",
            "h:f:0:2026-11-04:1",
            "notes",
        ];
        let entry = |key: &str| Entry {
            key: key.to_owned(),
            size: 1,
            modified: "2026-11-04T12:00:00Z".parse().unwrap(),
            etag: String::new(),
            class: "STANDARD".to_owned(),
        };
        keys.into_iter().map(entry).collect()
    }

    fn args(line: &str) -> Args {
        Args::try_parse_from(std::iter::once("s3prune").chain(line.split_whitespace())).unwrap()
    }

    fn key(key: &str, line: &str) -> Result<Vec<String>, u8> {
        let catalogue = catalogue();
        let plan = by_key(&catalogue, key, &args(line), &Ties::default())
            .map_err(|error| error.class().code())?;
        Ok(plan
            .doomed()
            .0
            .into_iter()
            .flat_map(|doomed| doomed.objects)
            .collect())
    }

    #[test]
    fn one_key() {
        assert_eq!(key("notes", ""), Ok(vec!["notes".to_owned()]));
        // A piece beside a dump that is one object goes without it, and it without the piece.
        let (whole, stray) = ("h:f:0:2026-11-04", "h:f:0:2026-11-04:1");
        assert_eq!(key(stray, ""), Ok(vec![stray.to_owned()]));
        assert_eq!(key(whole, "--force"), Ok(vec![whole.to_owned()]));
        assert_eq!(
            key("h:f:1:2026-11-02", ""),
            Ok(vec!["h:f:1:2026-11-02".to_owned()])
        );
        let pieces = ["h:f:0:2016-11-03:0", "h:f:0:2016-11-03:1"];
        assert_eq!(
            key("h:f:0:2016-11-03", ""),
            Ok(pieces.map(str::to_owned).to_vec())
        );
        assert_eq!(key(pieces[1], ""), Err(100));
        assert_eq!(key(pieces[1], "--force"), Ok(vec![pieces[1].to_owned()]));
        assert_eq!(key("h:f:0:2026-11-01", ""), Err(100));
        assert_eq!(
            key("h:f:0:2026-11-01", "--force"),
            Ok(vec!["h:f:0:2026-11-01".to_owned()])
        );
        assert_eq!(key("note", ""), Err(100));
        assert_eq!(key("h:f:9:2026-11-01", "--force"), Err(100));
    }

    #[test]
    fn a_list_of_keys() {
        let catalogue = catalogue();
        let list = |keys: &[&str], line: &str| {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            let (plan, skipped) = by_list(&catalogue, &keys, &args(line), &Ties::default())
                .map_err(|error| error.class().code())?;
            Ok((plan.len(), skipped))
        };
        assert_eq!(
            list(&["h:f:1:2026-11-02", "h:f:0:2026-11-01"], ""),
            Ok((2, 0))
        );
        assert_eq!(
            list(
                &[
                    "h:f:1:2026-11-02",
                    "notes",
                    "h:f:7:2026-11-01",
                    "h:f:0:2016-11-03:1",
                    "h:f:0:2026-11-04:1"
                ],
                ""
            ),
            Ok((1, 4))
        );
        // What would be left has a date that is not to be trusted.
        let recent = ["h:f:1:2026-11-02", "h:f:0:2026-11-04", "h:f:0:2026-11-01"];
        assert_eq!(list(&recent, ""), Err(100));
        assert_eq!(list(&recent, "--trust-dates"), Ok((3, 0)));
        assert_eq!(list(&["h:f:0:2026-11-01"], ""), Err(100));
        assert_eq!(list(&["h:f:0:2026-11-01"], "--force"), Ok((1, 0)));
        assert_eq!(list(&[], ""), Ok((0, 0)));
    }

    #[test]
    fn a_policy_leaves_alone_what_is_not_a_dump() {
        let catalogue = catalogue();
        let policy = Policy {
            counts: vec![(crate::policy::Period::Dump, 1)],
            ..Policy::default()
        };
        let plan = by_policy(&catalogue, None, &policy, true, &Ties::default());
        let gone: Vec<String> = plan
            .doomed()
            .0
            .into_iter()
            .flat_map(|doomed| doomed.objects)
            .collect();
        let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
        assert_eq!(
            gone,
            [
                "h:f:0:2016-11-03:0",
                "h:f:0:2016-11-03:1",
                "h:f:0:2026-11-01",
                "h:f:1:2026-11-02"
            ]
        );
    }
}
