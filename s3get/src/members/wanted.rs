//! Which members are wanted, and what becomes of hard links among them.
//!
//! Of objects of one path the newest counts: what it was before, as something of another type, has another key.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::BufRead;

use common::bucket::Bucket;
use common::members::{is_more, key, namesakes};
use common::names::literal;
use common::run::Streams;
use common::tar::Kind;
use common::{Doing, Error, Result};

use super::Work;
use super::fetch::{Fetched, Fetching};
use crate::Args;

/// What a hard link's target can be.
const TARGETS: [Kind; 5] = [
    Kind::File,
    Kind::Symlink,
    Kind::Fifo,
    Kind::CharDevice,
    Kind::BlockDevice,
];

/// What a listing says of an object.
#[derive(Clone, Copy)]
pub(super) struct Listed {
    size: u64,
    /// When it was stored, in nanoseconds since 1970.
    modified: i128,
}

/// Keys in their order, and what is known of their objects.
pub(super) type Chosen = BTreeMap<String, Option<Listed>>;

/// A member that is to be written.
pub(super) struct Item {
    /// The object that it is made of.
    pub(super) from: String,
    /// Bytes of that, if they are known.
    pub(super) size: Option<u64>,
    pub(super) role: Role,
    /// The path that it is to have, if that isn't the object's own.
    pub(super) path: Option<Vec<u8>>,
}

/// What the object is there for.
pub(super) enum Role {
    /// It is the member.
    Itself,
    /// It is the content of another name, which comes first of all that the file has.
    Stands(Vec<u8>),
    /// It is another name of the member with this path, which came before.
    Link(Vec<u8>),
}

/// The keys that were asked for.
///
/// # Errors
/// If one of them is not below the prefix, or there is none.
pub(super) fn chosen(
    args: &Args,
    prefix: &str,
    bucket: &Bucket,
    streams: &mut Streams,
) -> Result<Chosen> {
    let mut chosen = Chosen::new();
    let below = |key: &str, chosen: &mut Chosen| {
        for entry in bucket.list(key)? {
            if !is_more(&entry.key) {
                let listed = Listed {
                    size: entry.size,
                    modified: entry.modified.as_nanosecond(),
                };
                chosen.insert(entry.key, Some(listed));
            }
        }
        Ok::<_, Error>(())
    };
    let checked = |key: &str| {
        let is_below = key
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.starts_with('/'));
        if !is_below {
            return Err(Error::usage(format!("{key} is not below {prefix}/"))
                .hint("keys are whole, as receipts show them"));
        }
        literal(key)
    };
    if args.only.is_empty() {
        below(&format!("{prefix}/"), &mut chosen)?;
        if chosen.is_empty() {
            return Err(Error::permanent(
                format!("read the members below {prefix}/"),
                format!("there are none in {}", bucket.place()),
            ));
        }
    }
    for key in &args.only {
        if key == "-" {
            let mut lines = std::io::BufReader::new(streams.take_input()?);
            let mut line = Vec::new();
            while lines
                .read_until(b'\n', &mut line)
                .doing("read the keys from standard input")?
                > 0
            {
                let text = line.strip_suffix(b"\n").unwrap_or(&line);
                if !text.is_empty() {
                    let text = std::str::from_utf8(text)
                        .map_err(|_| Error::usage("a key on standard input is not valid UTF-8"))?;
                    chosen.entry(checked(text)?).or_insert(None);
                }
                line.clear();
            }
        } else if key.ends_with('/') {
            below(&checked(key)?, &mut chosen)?;
        } else {
            chosen.entry(checked(key)?).or_insert(None);
        }
    }
    Ok(chosen)
}

/// Takes out of `chosen` what something newer has taken the place of; says of each why.
///
/// # Errors
/// Those of [`Fetching::each`].
pub(super) fn outdated(chosen: &mut Chosen, fetching: &Fetching) -> Result<Vec<Error>> {
    let together: BTreeSet<String> = chosen
        .keys()
        .map(|key| namesakes(key))
        .filter(|keys| keys.iter().filter(|key| chosen.contains_key(*key)).count() > 1)
        .flatten()
        .collect();
    let doubtful: Vec<Item> = chosen
        .keys()
        .filter(|key| together.contains(*key))
        .map(|key| Item {
            from: key.clone(),
            size: Some(0),
            // What it is will do.
            role: Role::Link(Vec::new()),
            path: None,
        })
        .collect();
    // The path is what its metadata says.
    let mut by_path: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    fetching.each(&doubtful, |item, fetched| {
        if let Fetched::Small { member, .. } = fetched {
            by_path
                .entry(member.path.clone())
                .or_default()
                .push(item.from.clone());
        }
        Ok(())
    })?;
    let mut said = Vec::new();
    for mut keys in by_path.into_values() {
        // What went with a directory is gone.
        keys.retain(|key| chosen.contains_key(key));
        let time = |key: &String| chosen.get(key).copied().flatten().map(|it| it.modified);
        let unknown = keys.iter().any(|key| time(key).is_none());
        let latest = keys.iter().filter_map(time).max();
        let (newest, old): (Vec<_>, Vec<_>) = keys
            .into_iter()
            .partition(|key| unknown || time(key) == latest);
        if newest.len() > 1 {
            said.push(Error::permanent(
                format!("tell which one of {} is the newest", newest.join(", ")),
                "all of them come, and the last one replaces the others",
            ));
        }
        for key in old {
            // With a directory goes what was in it.
            let gone: Vec<String> = chosen
                .range(key.clone()..)
                .take_while(|(other, _)| {
                    **other == key || key.ends_with('/') && other.starts_with(&key)
                })
                .filter(|(_, listed)| listed.is_some_and(|it| Some(it.modified) < latest))
                .map(|(other, _)| other.clone())
                .collect();
            for key in gone {
                chosen.remove(&key);
                said.push(Error::permanent(
                    format!("restore {key}"),
                    format!("{} has taken its place", newest[0]),
                ));
            }
        }
    }
    Ok(said)
}

/// What is to be written, in order.
///
/// # Errors
/// If links can't be read.
pub(super) fn items(
    work: &Work,
    prefix: &str,
    chosen: &Chosen,
    fetching: &Fetching,
) -> Result<Vec<Item>> {
    let own = |(key, listed): (&String, &Option<Listed>)| Item {
        from: key.clone(),
        size: listed.map(|listed| listed.size),
        role: Role::Itself,
        path: None,
    };
    let links: Vec<Item> = chosen
        .iter()
        .filter(|(key, _)| key.ends_with(".HARDLINK"))
        .map(own)
        .collect();
    // The names of each file, by the key of the object that is the file.
    let mut names: HashMap<String, BTreeMap<String, Vec<u8>>> = HashMap::new();
    fetching.each(&links, |item, fetched| {
        let Fetched::Small { member, .. } = fetched else {
            // What it is shows again in its turn.
            return Ok(());
        };
        if member.kind == Kind::HardLink
            && let Some(file) = target(work, prefix, &member.target, chosen)?
        {
            let names = names.entry(file.clone()).or_default();
            names.insert(item.from.clone(), member.path.clone());
            if chosen.contains_key(&file) {
                names.insert(file, member.target.clone());
            }
        }
        Ok(())
    })?;
    let mut of: HashMap<&String, (&String, &BTreeMap<String, Vec<u8>>)> = HashMap::new();
    for (file, names) in &names {
        for key in names.keys() {
            of.insert(key, (file, names));
        }
    }
    let item = |(key, listed): (&String, &Option<Listed>)| {
        let Some((file, names)) = of.get(key) else {
            return own((key, listed));
        };
        let path = names.get(key).cloned();
        match names.first_key_value() {
            Some((first, path)) if first == key => Item {
                from: (*file).clone(),
                size: chosen
                    .get(*file)
                    .copied()
                    .flatten()
                    .map(|listed| listed.size),
                role: Role::Stands(path.clone()),
                path: None,
            },
            Some((_, first)) => Item {
                from: key.clone(),
                size: Some(0),
                role: Role::Link(first.clone()),
                path,
            },
            None => own((key, listed)),
        }
    };
    Ok(chosen.iter().map(item).collect())
}

/// The object of the file that has this path: a chosen one, or another.
fn target(work: &Work, prefix: &str, path: &[u8], chosen: &Chosen) -> Result<Option<String>> {
    let keys: Vec<String> = TARGETS
        .iter()
        .filter_map(|kind| key(prefix, path, *kind).ok())
        .collect();
    if let Some(key) = keys.iter().find(|key| chosen.contains_key(*key)) {
        return Ok(Some(key.clone()));
    }
    for key in keys {
        if work.bucket.is_there(&key)? != Some(false) {
            return Ok(Some(key));
        }
    }
    Ok(None)
}
