//! Keys of a bucket: names of dumps, and what a listing becomes.

use common::levels::{Set, instant, is_trusted};
use common::listing::{Catalogue, Dump, Entry};
use common::names::{Date, DumpName, Piece, literal, parse_key};
use jiff::Timestamp;

/// What names are made of.
pub const WORDS: &[&str] = &[
    ":",
    "h:f:0:2026-11-20",
    "T235959Z",
    "~0123456789abcdef",
    "/chunk_000000",
    ":0",
    ":4294967295",
    "9999-12-31",
    "0000-01-01",
    "4294967296",
    "\n",
    "/",
];

/// A key is a name or it isn't; a name is written as it was read.
pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = literal(text);
    if let Ok(date) = text.parse::<Date>() {
        assert_eq!(date.to_string(), text);
        assert_eq!(date.second().is_some(), text.contains('T'));
        let _ = date.earliest();
    }
    match parse_key(text) {
        Some((name, Piece::Whole)) => {
            assert_eq!(name.to_string(), text);
            assert_eq!(DumpName::parse(text).as_ref(), Some(&name));
            let again = DumpName::new(
                name.host.clone(),
                name.fs.clone(),
                name.level,
                name.date.clone(),
            );
            assert_eq!(again.as_ref(), Ok(&name));
        }
        Some((name, Piece::Number(number))) => assert_eq!(format!("{name}:{number}"), text),
        Some((name, Piece::Chunk(number))) => {
            assert_eq!(format!("{name}/chunk_{number:06}"), text);
        }
        // A name alone doesn't tell that.
        Some((_, Piece::Next(_))) => panic!("{text}: who says so?"),
        None => assert_eq!(DumpName::parse(text), None),
    }
}

/// A listing, a key a line, each after eight digits that say when it was stored: no entry is lost or doubled, and
/// what is said of sets is about dumps that are there.
pub fn catalogue(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut entries = Vec::new();
    for (number, line) in text.split('\n').enumerate() {
        let (when, key) = line.split_at_checked(8).unwrap_or(("", line));
        let hours: i64 = when.parse().unwrap_or_default();
        entries.push(Entry {
            // Keys of a bucket differ.
            key: key.to_owned(),
            size: u64::MAX / 2 - number as u64,
            modified: Timestamp::from_second(hours * 3600).unwrap_or_default(),
            etag: number.to_string(),
            class: "STANDARD".to_owned(),
        });
    }
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    entries.dedup_by(|one, other| one.key == other.key);
    entries.truncate(900);
    let catalogue: Catalogue = entries.iter().cloned().collect();
    let of_dumps = catalogue.dumps.iter().flat_map(Dump::objects);
    let mut found: Vec<&Entry> = of_dumps.chain(&catalogue.others).collect();
    found.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(found, entries.iter().collect::<Vec<_>>());
    // The order in which a server lists makes no difference.
    let backwards: Catalogue = entries.iter().rev().cloned().collect();
    assert_eq!(backwards, catalogue);
    for dump in &catalogue.dumps {
        assert!(!dump.pieces.is_empty());
        let _ = (
            dump.flaw(),
            dump.size(),
            dump.modified(),
            dump.class(),
            dump.etag(),
        );
        let _ = (is_trusted(dump), instant(dump));
    }
    let sets = Set::all(&catalogue.dumps);
    let total: usize = sets.iter().map(|set| set.dumps().len()).sum();
    assert_eq!(total, catalogue.dumps.len());
    for set in &sets {
        sane(set);
    }
}

fn sane(set: &Set) {
    let dumps: &[&Dump] = set.dumps();
    for index in 0..dumps.len() {
        let lineage: Vec<usize> = set.lineage(index).collect();
        assert!(lineage.is_sorted_by(|one, other| one > other));
        let levels = lineage.iter().map(|&step| dumps[step].name.level);
        assert!(levels.is_sorted_by(|one, other| one > other));
        let at = &dumps[index].name.date;
        // A chain ends with the newest dump up to that date, or can't be had.
        if let Ok(chain) = set.chain(Some(at)) {
            assert_eq!(chain.first().map(|dump| dump.name.level), Some(0));
            let newest = set.newest(Some(at)).map(|newest| dumps[newest].key());
            assert_eq!(chain.last().map(|dump| dump.key()), newest);
        }
        let _ = set.obstacle(index);
    }
}
