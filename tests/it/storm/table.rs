//! The page: fault × verb × outcome.

use super::cell::{Cell, Outcome};
use super::faults::{FAULTS, Fault};
use super::verbs::{VERBS, Verb};

const HEAD: &str = include_str!("head.md");

/// The page, from the outcomes of all cells.
pub fn page(cells: &[Cell<'_>], outcomes: &[Outcome]) -> String {
    let mut page = HEAD.to_owned();
    let names: Vec<&str> = VERBS.iter().map(|verb| verb.name).collect();
    page.push_str(&format!("\n| fault | {} |\n", names.join(" | ")));
    page.push_str(&format!("|---|{}\n", "---|".repeat(VERBS.len())));
    for fault in FAULTS {
        let row: Vec<String> = VERBS
            .iter()
            .map(|verb| {
                let of_both = cells.iter().zip(outcomes).filter(|(cell, _)| {
                    std::ptr::eq::<Verb>(cell.ready.verb, verb)
                        && std::ptr::eq::<Fault>(cell.fault, fault)
                });
                let outcomes: Vec<(&str, &str)> = of_both
                    .map(|(cell, outcome)| (cell.operation, outcome.word.as_str()))
                    .collect();
                entry(&outcomes)
            })
            .collect();
        page.push_str(&format!("| {} | {} |\n", fault.text, row.join(" | ")));
    }
    page
}

/// What became of the requests of a run: the outcome of most of them, then the others and where they happen.
fn entry(outcomes: &[(&str, &str)]) -> String {
    let mut words: Vec<&str> = Vec::new();
    for (_, word) in outcomes {
        if !words.contains(word) {
            words.push(word);
        }
    }
    let count = |word: &str| outcomes.iter().filter(|(_, other)| *other == word).count();
    // The first of equals stays first.
    words.sort_by_key(|word| std::cmp::Reverse(count(word)));
    let mut said = Vec::new();
    for (rank, word) in words.iter().enumerate() {
        if rank == 0 {
            said.push((*word).to_owned());
            continue;
        }
        let mut places: Vec<String> = Vec::new();
        for (number, (operation, _)) in outcomes
            .iter()
            .enumerate()
            .filter(|(_, (_, other))| other == word)
        {
            let place = place(outcomes, number, operation);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        said.push(format!("{word} at {}", places.join(", ")));
    }
    said.join("; ")
}

/// The operation, numbered where its outcome depends on which one it is.
fn place(outcomes: &[(&str, &str)], number: usize, operation: &str) -> String {
    let same = || {
        outcomes
            .iter()
            .enumerate()
            .filter(|(_, (other, _))| *other == operation)
    };
    if same().all(|(_, (_, word))| *word == outcomes[number].1) {
        return operation.to_owned();
    }
    let before = same().filter(|(other, _)| *other < number).count();
    format!("{operation} {}", before + 1)
}

#[test]
fn entries_name_the_exceptions() {
    let said = entry(&[("Head", "recovers"), ("Put", "111"), ("Head", "recovers")]);
    assert_eq!(said, "recovers; 111 at Put");
    let said = entry(&[
        ("Head", "100"),
        ("Put", "111"),
        ("Put", "111"),
        ("Head", "recovers"),
    ]);
    assert_eq!(said, "111; 100 at Head 1; recovers at Head 2");
}
