//! Every fault at every request: the outcome is right, or nothing is half done and the same command works again.
//!
//! A cell of the matrix is one run of one verb in which one fault happens to one request, or to that request and all
//! later ones. How many requests there are is counted in a clean run. Afterwards the bucket must be as after the
//! clean run and the exit code 0; or the exit code says why not, and the bucket is as it was. Then the same command is
//! run without a fault, and must succeed. What may differ is in [`verbs`], for each verb.
//!
//! The outcomes are a page, doc/faults.md, compared and blessed as transcripts are. `S3PIPES_STORM=WORD` runs only
//! the cells whose name contains WORD ("put of parts #3:lost"), and compares nothing.

mod cell;
pub mod faults;
pub mod ready;
mod table;
pub mod verbs;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::servers::project;

use crate::transcripts::compare;
use cell::{Cell, Outcome};
use faults::FAULTS;
use verbs::{VERBS, Verb};

/// Cells at once: most of the time a cell waits until it may try again.
const AT_ONCE: usize = 12;

#[test]
fn nothing_is_left_half_done() {
    let word = std::env::var("S3PIPES_STORM").unwrap_or_default();
    let verbs: Vec<ready::Ready> = VERBS.iter().map(Verb::ready).collect();
    let cells: Vec<Cell<'_>> = verbs
        .iter()
        .flat_map(|verb| FAULTS.iter().flat_map(move |fault| verb.cells(fault)))
        .filter(|cell| cell.name().contains(&word))
        .collect();
    assert!(!cells.is_empty(), "no cell's name contains {word:?}");
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Mutex<Option<Outcome>>> = cells.iter().map(|_| Mutex::default()).collect();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(cell) = cells.get(number) else { break };
                    *outcomes[number].lock().unwrap() = Some(cell.run());
                }
            });
        }
    });
    let outcomes: Vec<Outcome> = outcomes
        .into_iter()
        .map(|outcome| outcome.into_inner().unwrap().expect("an outcome"))
        .collect();
    let wrong: Vec<String> = cells
        .iter()
        .zip(&outcomes)
        .flat_map(|(cell, outcome)| {
            let why = outcome.wrong.iter();
            why.map(|why| {
                // An object's metadata are long, and the beginning says enough.
                let why: String = why.chars().take(400).collect();
                format!("== {}: {why}\n{}", cell.name(), outcome.said)
            })
        })
        .collect();
    println!("{} cells", cells.len());
    if !word.is_empty() {
        for (cell, outcome) in cells.iter().zip(&outcomes) {
            println!("== {}: {}\n{}", cell.name(), outcome.word, outcome.said);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cells:\n{}",
        wrong.len(),
        cells.len(),
        wrong.join("\n")
    );
    if word.is_empty() {
        let page = table::page(&cells, &outcomes);
        let differs = compare(&project().join("doc/faults.md"), &page, "doc/faults.md");
        assert!(differs.is_none(), "{}", differs.unwrap_or_default());
    }
}
