//! Which objects make up the dump that was asked for.

use std::cmp::Ordering;

use common::bucket::Bucket;
use common::names::{Date, DumpName, literal};
use common::{Error, Result};

use crate::Args;

/// Keys of the objects whose bytes, one after the other, are what was asked for; never empty.
pub(crate) fn keys(args: &Args, bucket: &Bucket) -> Result<Vec<String>> {
    if let Some(prefix) = &args.prefix {
        return beginning_with(bucket, prefix);
    }
    if let Some(key) = &args.name.key {
        // What s3ls prints for a dump stands for all of its pieces.
        return match DumpName::parse(key) {
            Some(name) => bucket.dump(&name),
            None => Ok(vec![literal(key)?]),
        };
    }
    let name = args.name.dump(Date::today())?;
    if args.name.date.is_some() {
        bucket.dump(&name)
    } else {
        bucket.newest_dump(&name)
    }
}

/// True if a dump was asked for, and not any object or several.
pub(crate) fn is_dump(args: &Args) -> bool {
    let key = args.name.key.as_deref();
    args.prefix.is_none() && key.is_none_or(|key| DumpName::parse(key).is_some())
}

fn beginning_with(bucket: &Bucket, prefix: &str) -> Result<Vec<String>> {
    let mut keys: Vec<String> = bucket
        .list(prefix)?
        .into_iter()
        .map(|entry| entry.key)
        .collect();
    if keys.is_empty() {
        return Err(Error::permanent(
            format!("read {prefix}"),
            format!("no key in {} begins with it", bucket.place()),
        ));
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
                let order = number
                    .len()
                    .cmp(&other.len())
                    .then_with(|| number.cmp(other));
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
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    &digits[digits.iter().take_while(|digit| **digit == b'0').count()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_names_come_in_order() {
        let mut names = [
            "10",
            "9",
            "00000000000000000011",
            "xaaab",
            "xaaaa",
            "a10b2",
            "a10b1",
            "a9b7",
            "",
        ];
        names.sort_by(|a, b| numeric(a, b));
        assert_eq!(
            names,
            [
                "",
                "9",
                "10",
                "00000000000000000011",
                "a9b7",
                "a10b1",
                "a10b2",
                "xaaaa",
                "xaaab"
            ]
        );
    }
}
