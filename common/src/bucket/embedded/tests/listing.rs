//! Listing against a model.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::super::entries::any_object;
use super::super::keys::record_path;
use super::super::list::{Entry, Query, page};

fn plant(meta: &Path, keys: &BTreeSet<String>) {
    for key in keys {
        let path = meta.join(record_path(key));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
}

/// The same rules on a sorted set.
fn model(keys: &BTreeSet<String>, query: Query<'_>) -> (Vec<Entry>, bool) {
    let mut entries: Vec<Entry> = Vec::new();
    for key in keys.iter().filter(|key| key.as_str() > query.after) {
        let Some(rest) = key.strip_prefix(query.prefix) else {
            continue;
        };
        let rolled = if query.delimiter.is_empty() {
            None
        } else {
            rest.find(query.delimiter)
        };
        let entry = match rolled {
            Some(at) => {
                Entry::Prefix(key[..query.prefix.len() + at + query.delimiter.len()].to_owned())
            }
            None => Entry::Key(key.clone()),
        };
        let given = matches!(entry, Entry::Prefix(_)) && entry.name() == query.after;
        if !given && entries.last() != Some(&entry) {
            entries.push(entry);
        }
    }
    let more = entries.len() > query.limit && query.limit > 0;
    entries.truncate(query.limit);
    (entries, more)
}

fn key() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just("/".to_owned()), 6 => "[ab]".prop_map(String::from), 1 => Just("!".to_owned()), 1 => Just("0".to_owned()),
        1 => Just(".".to_owned()), 1 => Just("%".to_owned()), 1 => Just("é".to_owned()), 1 => Just("\u{1}".to_owned()),
        1 => Just("x".repeat(150)),
    ];
    prop::collection::vec(piece, 1..7).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    #[test]
    fn pages_equal_a_sorted_set(
        keys in prop::collection::btree_set(key(), 0..40),
        prefix in prop_oneof![3 => Just(String::new()), 1 => key(), 2 => "[ab/]{1,2}".prop_map(String::from)],
        delimiter in prop_oneof![2 => Just(String::new()), 3 => Just("/".to_owned()), 1 => Just("a".to_owned()), 1 => Just("b/".to_owned())],
        start in prop_oneof![2 => Just(String::new()), 1 => key()],
        limit in 1_usize..12,
    ) {
        let home = tempfile::tempdir().unwrap();
        plant(home.path(), &keys);
        let mut after = start;
        loop {
            let query = Query { prefix: &prefix, delimiter: &delimiter, after: &after, limit };
            let found = page(home.path(), query).unwrap();
            let (entries, more) = model(&keys, query);
            prop_assert_eq!(&found.entries, &entries);
            prop_assert_eq!(found.more, more);
            match found.entries.last() {
                Some(last) if found.more => after = last.name().to_owned(),
                _ => break,
            }
        }
    }
}

#[test]
fn empty_directories_are_no_prefixes() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("a%d/b%d")).unwrap();
    assert!(!any_object(home.path()).unwrap());
    let query = Query {
        prefix: "",
        delimiter: "/",
        after: "",
        limit: 10,
    };
    assert_eq!(page(home.path(), query).unwrap().entries, []);
    plant(home.path(), &BTreeSet::from(["a/b/c".to_owned()]));
    assert!(any_object(home.path()).unwrap());
    assert_eq!(
        page(home.path(), query).unwrap().entries,
        [Entry::Prefix("a/".to_owned())]
    );
}

#[test]
fn directories_larger_than_a_page_are_read_again_where_needed() {
    let home = tempfile::tempdir().unwrap();
    // Many directories without a record, then many names that one prefix stands for, then one key.
    for number in 0..40 {
        std::fs::create_dir_all(home.path().join(format!("empty-{number:02}%d"))).unwrap();
    }
    let many = (0..100).map(|number| format!("many.{number:03}"));
    plant(home.path(), &many.chain(["zero".to_owned()]).collect());
    for (limit, delimiter) in [
        (1, "."),
        (2, "."),
        (3, "."),
        (1, "/"),
        (7, "/"),
        (1000, "/"),
    ] {
        let mut after = String::new();
        let mut seen = Vec::new();
        loop {
            let query = Query {
                prefix: "",
                delimiter,
                after: &after,
                limit,
            };
            let found = page(home.path(), query).unwrap();
            seen.extend(found.entries.iter().map(|entry| entry.name().to_owned()));
            if !found.more {
                break;
            }
            after = seen.last().cloned().unwrap();
        }
        let wanted = if delimiter == "." { 2 } else { 101 };
        assert_eq!(seen.len(), wanted, "{limit} {delimiter}");
        assert!(seen.is_sorted());
    }
}
