//! Which objects make up the dump that was asked for.

use std::cmp::Ordering;

use common::bucket::Bucket;
use common::levels::{Set, is_trusted};
use common::listing::{Catalogue, Dump};
use common::names::{Date, DumpName};
use common::run::Speaker;
use common::{Error, Result};

use crate::Args;

/// Keys of the objects whose bytes, one after the other, are what was asked for; never empty.
pub(crate) fn keys(args: &Args, bucket: &Bucket, voice: Speaker) -> Result<Vec<String>> {
    if let Some(prefix) = &args.prefix {
        return beginning_with(bucket, prefix);
    }
    if let Some(key) = &args.name.key {
        return Ok(vec![common::names::literal(key)?]);
    }
    let name = args.name.dump(Date::today())?;
    match &args.name.date {
        Some(_) => dated(bucket, &name),
        None => newest(bucket, &name, voice),
    }
}

fn dated(bucket: &Bucket, name: &DumpName) -> Result<Vec<String>> {
    let key = name.to_string();
    // A key that may only read objects can't list; then the dump can only be one object.
    let Some(entries) = bucket.list_if_allowed(&key)? else { return Ok(vec![key]) };
    let catalogue: Catalogue = entries.into_iter().collect();
    match catalogue.dumps.iter().find(|dump| dump.name == *name) {
        Some(dump) => pieces(dump),
        None => Err(Error::permanent(format!("read {key}"), format!("it is not in {}", bucket.place())).hint("s3ls shows what is there")),
    }
}

fn newest(bucket: &Bucket, name: &DumpName, voice: Speaker) -> Result<Vec<String>> {
    let prefix = format!("{}:{}:{}:", name.host, name.fs, name.level);
    let catalogue: Catalogue = bucket.list(&prefix)?.into_iter().collect();
    let set = Set::of(catalogue.dumps.iter().collect());
    let Some(dump) = set.newest(None).map(|index| set.dumps()[index]) else {
        return Err(Error::permanent(format!("read {} level {} of {}", name.fs, name.level, name.host), format!("no such dump is in {}", bucket.place()))
            .hint("s3ls -a shows what is there"));
    };
    if !is_trusted(dump) {
        voice.warning(format_args!("{} was stored at {}, which its name does not say", dump.key(), dump.modified()));
    }
    voice.detail(format_args!("the newest is {}", dump.key()));
    pieces(dump)
}

fn pieces(dump: &Dump) -> Result<Vec<String>> {
    if let Some(flaw) = dump.flaw() {
        return Err(Error::permanent(format!("read {}", dump.key()), flaw));
    }
    Ok(dump.pieces.iter().map(|(_, entry)| entry.key.clone()).collect())
}

fn beginning_with(bucket: &Bucket, prefix: &str) -> Result<Vec<String>> {
    let mut keys: Vec<String> = bucket.list(prefix)?.into_iter().map(|entry| entry.key).collect();
    if keys.is_empty() {
        return Err(Error::permanent(format!("read {prefix}"), format!("no key in {} begins with it", bucket.place())));
    }
    keys.sort_by(|first, second| numeric(&first[prefix.len()..], &second[prefix.len()..]));
    Ok(keys)
}

/// The order of names that people number: digits count as numbers, so that 9 comes before 10.
fn numeric(first: &str, second: &str) -> Ordering {
    let (mut one, mut two) = (first.as_bytes(), second.as_bytes());
    loop {
        match (one.first(), two.first()) {
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (number, other) = (leading(&mut one), leading(&mut two));
                let order = number.len().cmp(&other.len()).then_with(|| number.cmp(other));
                if order.is_ne() {
                    return order;
                }
            }
            (Some(a), Some(b)) if a == b => (one, two) = (&one[1..], &two[1..]),
            // Equal but for leading zeros: any order will do, as long as it is one.
            (None, None) => return first.cmp(second),
            (a, b) => return a.cmp(&b),
        }
    }
}

/// Takes the digits off the front, and returns them without leading zeros.
fn leading<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    &digits[digits.iter().take_while(|digit| **digit == b'0').count()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_names_come_in_order() {
        let mut names = ["10", "9", "00000000000000000011", "xaaab", "xaaaa", "a10b2", "a10b1", "a9b7", ""];
        names.sort_by(|a, b| numeric(a, b));
        assert_eq!(names, ["", "9", "10", "00000000000000000011", "a9b7", "a10b1", "a10b2", "xaaaa", "xaaab"]);
    }
}
