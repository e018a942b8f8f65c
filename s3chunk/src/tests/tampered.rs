//! Streams that somebody changed: refused, and what came out before that was the beginning of what was cut.

use super::*;

/// A stream with chunks that come again, of the forms `new` and `whole`.
fn samples() -> (Vec<u8>, [Vec<u8>; 2]) {
    let block = content(3, 3000);
    let content = [content(1, 20_000), block.clone(), content(2, 9000), block].concat();
    let made = make(&content, Cut::Fixed(1000), None, "a");
    let mut store = Store::default();
    store.put("a", &made.bytes);
    let whole = store.whole(&made.bytes);
    (content, [made.bytes, whole])
}

type Members = Vec<(Name, Vec<u8>)>;

fn refused(bytes: &[u8], content: &[u8]) -> String {
    let (out, outcome) = join(bytes);
    assert!(content.starts_with(&out), "something else came out");
    outcome.expect_err("it was taken").to_string()
}

fn is_chunk(member: &(Name, Vec<u8>)) -> bool {
    matches!(member.0, Name::Chunk { .. })
}

#[test]
fn chunks_that_miss_or_are_too_many_or_elsewhere() {
    let (content, streams) = samples();
    for bytes in streams {
        let (head, members) = members(&bytes);
        assert_eq!(written(head, &members), bytes);
        let first = members.iter().position(is_chunk).unwrap();
        let last = members.iter().rposition(is_chunk).unwrap();
        let change = |edit: &dyn Fn(&mut Members)| {
            let mut changed = members.clone();
            edit(&mut changed);
            refused(&written(head, &changed), &content)
        };
        for at in [first, first + 5, last] {
            // Missing, twice, with another's content, shorter, longer, empty.
            change(&|members| drop(members.remove(at)));
            change(&|members| members.insert(at, members[at].clone()));
            change(&|members| members[at].1.reverse());
            change(&|members| members[at].1.truncate(999));
            change(&|members| members[at].1.push(0));
            change(&|members| members[at].1.clear());
        }
        // Swapped with and without their names.
        change(&|members| members.swap(first, first + 1));
        change(&|members| {
            let other = members[first].1.clone();
            members[first].1 = std::mem::replace(&mut members[first + 1].1, other);
        });
        // Members that miss, or come twice.
        for at in (0..members.len()).filter(|at| !is_chunk(&members[*at])) {
            change(&|members| drop(members.remove(at)));
            change(&|members| members.insert(at, members[at].clone()));
        }
    }
}

#[test]
fn parts_of_other_streams() {
    let (content, [new, _]) = samples();
    let other = make(&content, Cut::Fixed(1000), None, "b").bytes;
    let (head, members) = members(&new);
    let (other_head, others) = super::members(&other);
    assert_eq!(members.len(), others.len());
    assert!(refused(&written(other_head, &members), &content).contains("another stream"));
    for at in (0..members.len()).filter(|at| !is_chunk(&members[*at])) {
        let mut changed = members.clone();
        changed[at] = others[at].clone();
        let why = refused(&written(head, &changed), &content);
        assert!(why.contains("another stream"), "{why}");
    }
}

#[test]
fn refs_that_are_not_those_of_the_index() {
    let (content, [new, _]) = samples();
    let (head, members) = members(&new);
    let last = members.len() - 1;
    let text = String::from_utf8(members[last].1.clone()).unwrap();
    assert!(text.ends_with("\nrun 0 0 32 1\nrun 0 20 3 1\n"), "{text}");
    for (from, to) in [
        ("run 0 20 3 1\n", "run 0 20 2 1\n"),
        ("run 0 20 3 1\n", "run 0 20 3 2\n"),
        ("run 0 20 3 1\n", "run 0 21 3 1\n"),
        ("run 0 20 3 1\n", ""),
        (
            "run 0 20 3 1\n",
            "run 0 20 1 1\nrun 0 22 1 1\nrun 0 21 1 1\n",
        ),
        ("run 0 0 32 1\n", "run 0 0 31 1\nrun 0 32 1 1\n"),
        ("run 0 0 32 1\n", "run 0 0 18446744073709551615 1\n"),
    ] {
        let mut changed = members.clone();
        changed[last].1 = text.replace(from, to).into_bytes();
        assert_ne!(changed[last].1, members[last].1);
        refused(&written(head, &changed), &content);
    }
}

#[test]
fn streams_that_break_off_or_go_on() {
    let (content, streams) = samples();
    for bytes in streams {
        for length in (1024..bytes.len())
            .step_by(509)
            .chain(bytes.len() - 3..bytes.len())
        {
            refused(&bytes[..length], &content);
        }
        refused(&[&bytes[..], &[0]].concat(), &content);
        refused(&[&bytes[..], &bytes[..]].concat(), &content);
    }
}

#[test]
fn forms_that_are_not_joined() {
    let (_, [new, _]) = samples();
    let (head, all) = members(&new);
    let chunks: Vec<_> = all
        .iter()
        .filter(|member| is_chunk(member))
        .cloned()
        .collect();
    let tail: Vec<_> = all
        .iter()
        .filter(|member| !is_chunk(member))
        .cloned()
        .collect();
    for (form, members) in [
        (Form::Part, chunks),
        (Form::Tail, tail),
        (Form::Pieces, vec![(Name::Piece(1), vec![1])]),
    ] {
        let (out, outcome) = join(&written(Head { form, ..head }, &members));
        assert!(out.is_empty());
        assert!(outcome.unwrap_err().advice().is_some());
    }
}

#[test]
fn what_refers_to_others_is_not_joined_alone() {
    let content = content(1, 30_000);
    let first = make(&content, Cut::Fixed(1000), None, "a");
    let second = make(&content, Cut::Fixed(1000), Some(&first), "b");
    let (out, outcome) = join(&second.bytes);
    assert!(out.is_empty());
    let error = outcome.unwrap_err();
    assert!(error.advice().unwrap().contains("s3get"), "{error}");
    // With a chunk of the wrong object in its place, neither.
    let mut store = Store::default();
    store.put(
        "a",
        &make(&super::content(9, 30_000), Cut::Fixed(1000), None, "a").bytes,
    );
    let (id, _) = store.0["a"];
    let right = reader(&first.bytes).head().id;
    store.0.get_mut("a").unwrap().0 = right;
    assert_ne!(id, right);
    assert!(refused(&store.whole(&second.bytes), &content).contains("damaged"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Of the whole stream only the setting of the cuts, and of a new one also the grace, means nothing to a reader.
    #[test]
    fn a_changed_byte_is_noticed(at: prop::sample::Index, bit in 0..8u8) {
        let (content, streams) = samples();
        for bytes in streams {
            let at = at.index(bytes.len());
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let (out, outcome) = join(&changed);
            prop_assert!(content.starts_with(&out));
            if outcome.is_ok() {
                prop_assert!(out == content);
                let line = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                let line = String::from_utf8_lossy(&bytes[line..bytes.len().min(line + 6)]).into_owned();
                prop_assert!(line.starts_with("cut ") || line.starts_with("grace "), "{line} at {at}");
            }
        }
    }
}
