//! One cell: a run with a fault, what it left, and the same run without.

use super::faults::Fault;
use super::ready::{Leeway, Ready, Stage, look};

/// Long enough for one fault, short enough for those that last.
const PATIENCE: &str = "3s";
const SHORT_PATIENCE: &str = "1s";

/// One cell.
pub struct Cell<'a> {
    pub ready: &'a Ready,
    pub fault: &'static Fault,
    /// The request, from 1.
    number: usize,
    pub operation: &'a str,
}

/// What a cell came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// As the page says it.
    pub word: String,
    /// What must not be.
    pub wrong: Vec<String>,
    /// What was said on standard error, for whoever mends it.
    pub said: String,
}

impl Ready {
    /// The cells of a fault: one for each request.
    pub fn cells<'a>(&'a self, fault: &'static Fault) -> impl Iterator<Item = Cell<'a>> {
        let numbered = self.operations.iter().enumerate();
        numbered
            .map(move |(index, operation)| Cell {
                ready: self,
                fault,
                number: index + 1,
                operation,
            })
            .filter(|cell| match cell.fault.word {
                // The answer to a HEAD has no body that could hold an error.
                "late" => !cell.operation.starts_with("Head"),
                // For this answer a server is given a quarter of an hour, whatever --stall says. Before it comes a look
                // at the parts, whose failure is no reason not to try.
                "stall" => {
                    let asked = cell.ready.operations.iter().skip(cell.number - 1);
                    let mut asked = asked.skip_while(|name| fault.lasts && *name == "ListParts");
                    asked
                        .next()
                        .is_none_or(|name| name != "CompleteMultipartUpload")
                }
                _ => true,
            })
    }
}

impl Cell<'_> {
    /// For people.
    pub fn name(&self) -> String {
        let lasts = if self.fault.lasts { "-" } else { "" };
        format!(
            "{} #{}{lasts}:{} ({})",
            self.ready.verb.name, self.number, self.fault.word, self.operation
        )
    }

    fn spec(&self) -> String {
        let lasts = if self.fault.lasts { "-" } else { "" };
        format!("any#{}{lasts}:{}", self.number, self.fault.word)
    }

    /// Runs it.
    pub fn run(&self) -> Outcome {
        let mut stage = Stage::new(self.ready);
        let patience = if self.fault.lasts {
            SHORT_PATIENCE
        } else {
            PATIENCE
        };
        let (ran, log) = stage.run(self.ready, Some(&self.spec()), patience);
        let after = look(&stage.disk());
        let verdict = self.ready.judge(&ran, &after, self.leeway());
        let mut outcome = Outcome {
            word: verdict.word,
            wrong: verdict.wrong,
            said: format!("{}exit {:?}\n{}", ran.err, ran.code, log.join("\n")),
        };
        if !log.iter().any(|line| line.contains(" fault=")) {
            outcome.wrong.push("the fault did not happen".to_owned());
        }
        let committing = stage.is_prepared();
        let (ran, _) = stage.run(self.ready, None, PATIENCE);
        let last = look(&stage.disk());
        let again = self.ready.again(&ran, &after, &last, committing);
        outcome.wrong.extend(again);
        outcome
    }

    fn leeway(&self) -> Leeway {
        let done = self.fault.done;
        Leeway {
            uploads: self.fault.lasts
                || self.number > self.ready.preparing
                || (done && self.operation == "CreateMultipartUpload"),
            deletions: self.fault.lasts && done && self.operation == "DeleteObjects",
        }
    }
}
