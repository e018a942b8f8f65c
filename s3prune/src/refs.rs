//! What the chunk streams of a place say: asks the bucket for their tails.
//!
//! Promised: no answer is made up. A dump of which can't be told whether it is a chunk stream, or what it needs, is an
//! error, because what it needs might go. A bucket without chunk streams costs no request for what stays.

use std::collections::{BTreeMap, BTreeSet};

use common::bucket::Bucket;
use common::bucket::chunked::{Stored, Tail};
use common::error::{Class, Error, Result};
use common::listing::{Catalogue, Dump};
use common::names::{DumpName, part_of};

use crate::plan::Plan;
use crate::ties::Tie;

/// True if something that goes by `plan` may be a chunk stream: only then can anything need it.
pub(crate) fn are_wanted(plan: &Plan<'_>, catalogue: &Catalogue, bucket: &Bucket) -> bool {
    let goes: BTreeSet<&str> = plan.going().collect();
    // Whoever needs the whole needs its parts, and those don't look like a chunk stream.
    if goes.iter().any(|key| part_of(key).is_some()) {
        return true;
    }
    let dumps = catalogue.dumps.iter();
    let mut stored = Vec::new();
    for dump in dumps.filter(|dump| goes.contains(dump.key().as_str())) {
        match Stored::of(dump) {
            Ok(Some(one)) => stored.push(one),
            Ok(None) => {}
            Err(_) => return true,
        }
    }
    let others = bucket.tails_of_others(catalogue, &|key| goes.contains(key));
    let others = others.into_iter().map(|(_, tail)| tail);
    let mut tails = bucket.tails(&stored).into_iter().chain(others);
    tails.any(|tail| !matches!(tail, Ok(None)))
}

/// What every chunk stream in `catalogue` says, which is all of the place.
///
/// # Errors
/// If there is one that can't be read.
pub(crate) fn of_all(catalogue: &Catalogue, bucket: &Bucket) -> Result<BTreeMap<String, Tie>> {
    let keys: BTreeSet<&str> = catalogue
        .dumps
        .iter()
        .flat_map(Dump::objects)
        .chain(&catalogue.others)
        .map(|entry| entry.key.as_str())
        .collect();
    let (mut known, mut stored) = (BTreeMap::new(), Vec::new());
    for dump in &catalogue.dumps {
        match Stored::of(dump) {
            Ok(Some(one)) => stored.push(one),
            Ok(None) => {}
            Err(error) => return Err(unknown(&error)),
        }
    }
    let dumps = stored.iter().map(Stored::key).zip(bucket.tails(&stored));
    let others = bucket.tails_of_others(catalogue, &|_| true);
    for (key, tail) in dumps.chain(others) {
        match tail {
            Ok(None) => {}
            Ok(Some(tail)) => {
                known.insert(key.to_owned(), tie(&tail));
            }
            // It only ends like one.
            Err(error) if error.class() != Class::Temporary && belongs_to_another(key, &keys) => {}
            Err(error) => return Err(unknown(&error)),
        }
    }
    Ok(known)
}

/// True for what is called like the tail of a dump, or like what continues an object or once did: such things end like a
/// chunk stream, and most are none by themselves.
fn belongs_to_another(key: &str, keys: &BTreeSet<&str>) -> bool {
    part_of(key).is_some_and(|whole| keys.contains(whole) || DumpName::parse(whole).is_some())
}

fn tie(tail: &Tail) -> Tie {
    let refs = tail.refs();
    Tie {
        grace: refs.grace,
        needs: refs
            .objects()
            .iter()
            .map(|object| object.key.clone())
            .collect(),
    }
}

fn unknown(error: &Error) -> Error {
    Error::new(error.class(), "see what is needed", error).hint(error.advice().unwrap_or(
        "it may need what would go; '-k KEY --force' removes it, --no-refs says that nothing in \
         the bucket was made by s3chunk",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_and_continuations_are_no_streams_of_their_own() {
        let keys: BTreeSet<&str> = [
            "x",
            "x.tail",
            "x:1",
            "x:y",
            "y:1",
            "z.tail",
            "h:f:0:2026-11-01.tail",
            "h:f:0:2026-11-01:3",
        ]
        .into();
        let left: Vec<&str> = keys
            .iter()
            .copied()
            .filter(|key| !belongs_to_another(key, &keys))
            .collect();
        assert_eq!(left, ["x", "x:y", "y:1", "z.tail"]);
    }
}
