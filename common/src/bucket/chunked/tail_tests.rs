//! Tails: whole ones, ones read from a copy, and damaged ones.

use super::shelf::{Recipe, Shelf};
use super::{Stored, Tail};
use crate::bucket::continued::{CHUNKS, CONTINUES, LIMIT, TOKEN};
use crate::chunks::Id;
use crate::error::Result;

const KEY: &str = "h:home:0:2026-11-20";

fn listed(shelf: &Shelf, key: &str) -> Stored {
    let entries = shelf.bucket.list("").unwrap();
    let catalogue = shelf.bucket.catalogue(entries).unwrap();
    let dump = catalogue.dumps.iter().find(|dump| dump.key() == key);
    Stored::of(dump.unwrap()).unwrap().unwrap()
}

fn of(shelf: &Shelf, key: &str) -> Result<Option<Tail>> {
    let by_key = shelf.bucket.tail(key);
    let by_list = shelf.bucket.tails(&[listed(shelf, key)]).remove(0);
    match (by_key, by_list) {
        (Ok(Some(one)), Ok(Some(other))) => {
            assert_eq!((one.refs(), one.toc()), (other.refs(), other.toc()));
            assert_eq!(one.end(), other.end());
            Ok(Some(one))
        }
        (one, other) => {
            let told = |told: &Result<Option<Tail>>| match told {
                Ok(tail) => tail.is_some().to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(told(&one), told(&other));
            one
        }
    }
}

#[test]
fn a_tail_says_what_the_stream_has_and_needs() {
    let shelf = Shelf::new();
    let recipe = Recipe::needing(
        7,
        &[b"one", b"two two"],
        &[(9, "h:home:0:2026-11-01")],
        &[(0, 0), (1, 4), (0, 1), (0, 1)],
    );
    shelf.put(KEY, &recipe.object());
    let tail = of(&shelf, KEY).unwrap().unwrap();
    assert_eq!(tail.id(), Id([7; 16]));
    assert_eq!(tail.refs(), &recipe.refs);
    assert_eq!(tail.toc().unwrap().sizes, [3, 7]);
    assert_eq!(tail.size(), recipe.object().len() as u64);
    assert_eq!((tail.key(), tail.is_copy()), (KEY, false));
}

#[test]
fn a_tail_longer_than_the_first_look() {
    let shelf = Shelf::new();
    let chunks: Vec<Vec<u8>> = (0..20_000u32).map(|n| n.to_le_bytes().repeat(30)).collect();
    let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
    let mut places: Vec<(u32, u64)> = (0..20_000).map(|number| (0, number)).collect();
    places.extend((0..6_000).map(|number| (0, number * 3)));
    let mut recipe = Recipe::needing(7, &chunks, &[], &places);
    recipe.files = Some(vec![b'f'; 100_000]);
    shelf.put(KEY, &recipe.object());
    let tail = of(&shelf, KEY).unwrap().unwrap();
    assert_eq!(tail.refs(), &recipe.refs);
    assert!(tail.toc().is_none());
    let tocs = shelf.bucket.tocs(&[&tail, &tail]);
    for toc in tocs {
        assert_eq!(toc.unwrap().sizes, vec![120; 20_000]);
    }
}

#[test]
fn what_is_no_chunk_stream_has_no_tail() {
    let shelf = Shelf::new();
    shelf.put("h:a:0:2026-11-20", b"");
    shelf.put("h:b:0:2026-11-20", &[0; 512]);
    shelf.put("h:c:0:2026-11-20", &[0; 102_400]);
    shelf.put("h:d:0:2026-11-20", &Recipe::of(7, &[b"one"]).object()[1..]);
    for fs in ["a", "b", "c", "d"] {
        assert!(
            of(&shelf, &format!("h:{fs}:0:2026-11-20"))
                .unwrap()
                .is_none()
        );
    }
}

#[test]
fn what_is_archived_has_a_copy_of_its_tail() {
    let shelf = Shelf::new();
    let recipe = Recipe::of(7, &[&[1; 200_000], b"two"]);
    let (whole, tail) = recipe.build();
    // Another program's archive, for all that can be known.
    shelf.put_as(KEY, &whole, "GLACIER", &[]);
    assert!(of(&shelf, KEY).unwrap().is_none());
    let says = [(CHUNKS, "07070707070707070707070707070707")];
    shelf.put_as(KEY, &whole, "GLACIER", &says);
    let refused = of(&shelf, KEY).unwrap_err();
    assert_eq!(refused.class(), crate::error::Class::Temporary);
    shelf.put(&format!("{KEY}.tail"), &tail);
    let read = of(&shelf, KEY).unwrap().unwrap();
    assert_eq!(read.refs(), &recipe.refs);
    assert_eq!(read.toc().unwrap().sizes, [200_000, 3]);
    assert_eq!((read.size(), read.is_copy()), (whole.len() as u64, true));
    let other = Recipe::of(8, &[&[1; 200_000], b"two", b"three"]);
    shelf.put(&format!("{KEY}.tail"), &other.build().1);
    assert_eq!(
        of(&shelf, KEY).unwrap_err().to_string(),
        format!("could not read {KEY}.tail: its end does not fit its length")
    );
    shelf.put(&format!("{KEY}.tail"), b"something else");
    assert!(of(&shelf, KEY).is_err());
}

#[test]
fn offsets_go_through_all_objects_of_a_dump() {
    let shelf = Shelf::new();
    let recipe = Recipe::of(7, &[b"one", b"two", &[3; 3000]]);
    let whole = recipe.object();
    // The end itself lies in two objects.
    let cut = whole.len() - 1800;
    let limit = cut.to_string();
    let mark = format!("t:{}", 1);
    shelf.put_as(
        &format!("{KEY}:1"),
        &whole[cut..],
        "STANDARD",
        &[(TOKEN, "t"), (LIMIT, &limit), (CONTINUES, &mark)],
    );
    shelf.put_as(
        KEY,
        &whole[..cut],
        "STANDARD",
        &[(TOKEN, "t"), (LIMIT, &limit)],
    );
    let tail = of(&shelf, KEY).unwrap().unwrap();
    assert_eq!(tail.size(), whole.len() as u64);
    assert_eq!(tail.refs(), &recipe.refs);
}

#[test]
fn damaged_tails_are_refused() {
    let shelf = Shelf::new();
    let recipe = Recipe::of(7, &[b"one", b"two"]);
    let whole = recipe.object();
    let text = String::from_utf8_lossy(&whole).into_owned();
    let at = |what: &str| text.rfind(what).unwrap();
    let with = |what: &str, by: &str| {
        let mut bytes = whole.clone();
        let at = at(what);
        bytes[at..at + by.len()].copy_from_slice(by.as_bytes());
        bytes
    };
    for (what, by, why) in [
        ("chunks 2", "chunks 3", "its toc does not fit its length"),
        ("chunks 2", "chunks x", "its end is damaged"),
        (
            "s3pipes-end/1",
            "s3pipes-end/2",
            "its end does not begin as one",
        ),
        (
            "toc 5632 18",
            "toc 5632 19",
            "there is no toc where its end says",
        ),
        (
            "toc 5632 18",
            "toc 5633 18",
            "its end does not fit its length",
        ),
        (
            "index 3584",
            "index 4096",
            "its end does not fit its length",
        ),
        (
            "s3pipes-toc/1\n3\n",
            "s3pipes-toc/1\nx\n",
            "its toc is damaged",
        ),
        (
            "s3pipes-toc/1\n3\n",
            "s3pipes-toc/1\n3 ",
            "its toc is damaged",
        ),
        (
            "s3pipes-refs/1",
            "s3pipes-refs/2",
            "its refs does not begin as one",
        ),
        (
            "run 0 0 2 1",
            "run 0 0 3 1",
            "its refs are those of another stream",
        ),
        (
            "run 0 0 2 1",
            "run 0 1 2 1",
            "its refs are those of another stream",
        ),
        ("run 0 0 2 1", "run 1 0 2 1", "its refs is damaged"),
        ("run 0 0 2 1", "run 0 0 0 1", "its refs is damaged"),
    ] {
        assert!(text.contains(what), "{what} is not in it");
        shelf.put(KEY, &with(what, by));
        let said = of(&shelf, KEY).unwrap_err().to_string();
        assert_eq!(said, format!("could not read {KEY}: {why}"), "{what}: {by}");
    }
    for cut in [512, 1024, 1536] {
        shelf.put(KEY, &whole[..whole.len() - cut]);
        assert!(of(&shelf, KEY).unwrap().is_none(), "{cut}");
    }
}
