//! What deduplicated dumps are made of, and whether what they need is there. Asks the bucket for their tails.
//!
//! Told is what stands in a dump unsealed. How long the stream is that was cut stands in the index, and only whoever
//! has the key knows that; so what is compared are bytes as stored.

use std::collections::{BTreeMap, BTreeSet};

use common::bucket::Bucket;
use common::bucket::chunked::{Stored, Tail};
use common::chunks::{Refs, Toc};
use common::error::Result;
use common::listing::Catalogue;
use common::units::human;
use serde::Serialize;

/// What is known of one.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Chunks {
    /// Id of the chunk stream.
    id: Option<String>,
    /// Chunks of the stream; one that comes again counts each time.
    total: Option<u64>,
    /// Chunks in the dump itself.
    new: Option<u64>,
    /// Bytes of all chunks of the stream as they are stored, wherever they are.
    bytes: Option<u64>,
    /// Keys of the other objects that it needs.
    needs: Vec<String>,
    /// `ok`, or what keeps it from being restored.
    health: String,
}

/// What is known of an object that may be needed.
struct Holder {
    id: String,
    sizes: Option<Toc>,
}

/// What is known of those among the dumps of `catalogue` that are chunk streams, by their keys.
///
/// # Errors
/// If the bucket can't be listed. A dump that can't be read is told of in its place.
pub(crate) fn survey(catalogue: &Catalogue, bucket: &Bucket) -> Result<BTreeMap<String, Chunks>> {
    let mut found = BTreeMap::new();
    let stored = whole(catalogue);
    let mut tails: Vec<Tail> = Vec::new();
    for (one, tail) in stored.iter().zip(bucket.tails(&stored)) {
        match tail {
            Ok(tail) => tails.extend(tail),
            Err(error) => {
                found.insert(one.key().to_owned(), Chunks::unreadable(error.cause()));
            }
        }
    }
    let own = tails.len();
    let known: BTreeSet<String> = tails.iter().map(|tail| tail.key().to_owned()).collect();
    let others: BTreeSet<&str> = tails
        .iter()
        .flat_map(|tail| tail.refs().objects())
        .map(|object| object.key.as_str())
        .filter(|key| !known.contains(*key))
        .collect();
    if !others.is_empty() {
        // Of other sets, or no dumps at all; or gone.
        let all = bucket.catalogue(bucket.list("")?)?;
        let mut stored = whole(&all);
        stored.retain(|one| others.contains(one.key()));
        let dumps = stored.iter().map(Stored::key).zip(bucket.tails(&stored));
        let others = bucket.tails_of_others(&all, &|key| others.contains(key));
        for (key, tail) in dumps.chain(others) {
            match tail {
                Ok(tail) => tails.extend(tail),
                Err(error) => {
                    found.insert(key.to_owned(), Chunks::unreadable(error.cause()));
                }
            }
        }
    }
    let sizes = bucket.tocs(&tails.iter().collect::<Vec<_>>());
    let holders: BTreeMap<&str, Holder> = tails
        .iter()
        .zip(sizes)
        .map(|(tail, sizes)| {
            let id = tail.id().to_string();
            let sizes = sizes.ok();
            (tail.key(), Holder { id, sizes })
        })
        .collect();
    let unreadable: BTreeSet<String> = found.keys().cloned().collect();
    for tail in &tails[..own] {
        let chunks = Chunks {
            id: Some(tail.id().to_string()),
            total: Some(tail.refs().count()),
            new: Some(tail.end().chunks),
            bytes: bytes(tail.key(), tail.refs(), &holders),
            needs: tail
                .refs()
                .objects()
                .iter()
                .map(|object| object.key.clone())
                .collect(),
            health: ailment(tail.key(), tail.refs(), &holders, &unreadable)
                .unwrap_or_else(|| "ok".to_owned()),
        };
        found.insert(tail.key().to_owned(), chunks);
    }
    Ok(found)
}

/// What of a catalogue may be chunk streams. What isn't whole is remarked upon elsewhere.
fn whole(catalogue: &Catalogue) -> Vec<Stored> {
    let stored = catalogue.dumps.iter().map(Stored::of);
    stored.filter_map(|stored| stored.ok().flatten()).collect()
}

/// What is wrong with what it needs, if something is.
fn ailment(
    key: &str,
    refs: &Refs,
    holders: &BTreeMap<&str, Holder>,
    unreadable: &BTreeSet<String>,
) -> Option<String> {
    for (number, object) in (1..).zip(refs.objects()) {
        let Some(holder) = holders.get(object.key.as_str()) else {
            let why = match unreadable.contains(&object.key) {
                true => "unreadable",
                false => "missing",
            };
            return Some(format!("{why} {}", object.key));
        };
        if holder.id != object.id.to_string() {
            return Some(format!("missing {}, which is another dump now", object.key));
        }
        let runs = refs.runs.iter().filter(|run| run.object == number);
        let last = runs.map(|run| run.first.saturating_add(run.count)).max();
        match (&holder.sizes, last) {
            (None, _) => return Some(format!("unreadable {}", object.key)),
            (Some(toc), Some(last)) if last > toc.sizes.len() as u64 => {
                return Some(format!("missing chunks in {}", object.key));
            }
            _ => {}
        }
    }
    match holders.get(key) {
        Some(Holder { sizes: Some(_), .. }) => None,
        _ => Some("its toc is damaged".to_owned()),
    }
}

/// Bytes of all chunks of a stream, each time they come.
fn bytes(key: &str, refs: &Refs, holders: &BTreeMap<&str, Holder>) -> Option<u64> {
    let keys = refs.objects().iter().map(|object| object.key.as_str());
    let sizes: Vec<Option<&Toc>> = std::iter::once(key)
        .chain(keys)
        .map(|key| holders.get(key).and_then(|holder| holder.sizes.as_ref()))
        .collect();
    let mut total = 0u64;
    for run in refs.lying()?.iter() {
        let toc = (*sizes.get(usize::try_from(run.object).ok()?)?)?;
        let first = usize::try_from(run.first).ok()?;
        let last = first.checked_add(usize::try_from(run.count).ok()?)?;
        let once: u64 = toc.sizes.get(first..last)?.iter().sum();
        total = total.checked_add(once.checked_mul(run.times)?)?;
    }
    Some(total)
}

impl Chunks {
    fn unreadable(why: &str) -> Self {
        Self {
            id: None,
            total: None,
            new: None,
            bytes: None,
            needs: Vec::new(),
            health: format!("unreadable: {why}"),
        }
    }

    /// What keeps it from being restored.
    pub(crate) fn ailment(&self) -> Option<&str> {
        (self.health != "ok").then_some(self.health.as_str())
    }

    /// For people, behind the size of the dump.
    pub(crate) fn told(&self) -> String {
        let mut told = Vec::new();
        if let (Some(new), Some(total)) = (self.new, self.total) {
            told.push(match new.saturating_mul(100).checked_div(total) {
                Some(percent) => format!("{new} of {total} chunks new ({percent} %)"),
                None => "no chunks".to_owned(),
            });
        }
        if let Some(bytes) = self.bytes {
            told.push(format!("{} in all", human(bytes)));
        }
        match self.needs.len() {
            0 => {}
            1 => told.push("needs 1 other".to_owned()),
            n => told.push(format!("needs {n} others")),
        }
        told.push(self.health.clone());
        told.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use common::chunks::{Bond, Id, Object, Run};

    use super::*;

    fn refs() -> Refs {
        let run = |object, first, count, times| Run {
            object,
            first,
            count,
            times,
        };
        let object = |id, key: &str| Object {
            id: Id([id; 16]),
            key: key.to_owned(),
        };
        Refs {
            id: Id([0; 16]),
            grace: 1,
            bond: Some(Bond {
                place: "file:///x".to_owned(),
                until: 0,
                objects: vec![object(1, "a"), object(2, "b")],
            }),
            brought: None,
            runs: vec![run(0, 0, 2, 1), run(1, 1, 2, 3), run(2, 0, 1, 1)],
        }
    }

    fn holder(id: u8, sizes: &[u64]) -> Holder {
        let sizes = Some(Toc {
            sizes: sizes.to_vec(),
        });
        let id = Id([id; 16]).to_string();
        Holder { id, sizes }
    }

    #[test]
    fn what_is_missing_is_told() {
        let unreadable = BTreeSet::from(["b".to_owned()]);
        let ailment = |holders: &BTreeMap<&str, Holder>| {
            ailment("own", &refs(), holders, &unreadable).unwrap_or_default()
        };
        let mut holders = BTreeMap::from([
            ("own", holder(0, &[1, 2])),
            ("a", holder(1, &[10, 20, 30])),
            ("b", holder(2, &[100])),
        ]);
        assert_eq!(ailment(&holders), "");
        assert_eq!(bytes("own", &refs(), &holders), Some(3 + 150 + 100));
        holders.remove("b");
        assert_eq!(ailment(&holders), "unreadable b");
        assert_eq!(bytes("own", &refs(), &holders), None);
        holders.insert("a", holder(1, &[10, 20]));
        assert_eq!(ailment(&holders), "missing chunks in a");
        holders.insert("a", holder(3, &[10, 20, 30]));
        assert_eq!(ailment(&holders), "missing a, which is another dump now");
        holders.remove("a");
        assert_eq!(ailment(&holders), "missing a");
    }

    #[test]
    fn for_people() {
        let mut chunks = Chunks {
            total: Some(1600),
            new: Some(12),
            bytes: Some(5 << 20),
            needs: vec!["a".to_owned(), "b".to_owned()],
            health: "ok".to_owned(),
            ..Chunks::unreadable("")
        };
        assert_eq!(
            chunks.told(),
            "12 of 1600 chunks new (0 %), 5.0M in all, needs 2 others, ok"
        );
        (chunks.total, chunks.new, chunks.needs) = (Some(0), Some(0), Vec::new());
        assert_eq!(chunks.told(), "no chunks, 5.0M in all, ok");
    }
}
