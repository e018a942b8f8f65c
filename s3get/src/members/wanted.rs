//! Which members are wanted, and what becomes of hard links among them.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;

use common::bucket::Bucket;
use common::members::{is_more, key};
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

/// Keys in their order, and the sizes of their objects, where they are known.
pub(super) type Chosen = BTreeMap<String, Option<u64>>;

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
                chosen.insert(entry.key, Some(entry.size));
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
    let own = |(key, size): (&String, &Option<u64>)| Item {
        from: key.clone(),
        size: *size,
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
    let item = |(key, size): (&String, &Option<u64>)| {
        let Some((file, names)) = of.get(key) else {
            return own((key, size));
        };
        let path = names.get(key).cloned();
        match names.first_key_value() {
            Some((first, path)) if first == key => Item {
                from: (*file).clone(),
                size: chosen.get(*file).copied().flatten(),
                role: Role::Stands(path.clone()),
                path: None,
            },
            Some((_, first)) => Item {
                from: key.clone(),
                size: Some(0),
                role: Role::Link(first.clone()),
                path,
            },
            None => own((key, size)),
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
