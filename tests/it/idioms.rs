//! How to store a pipeline's output in two phases, in the words of s3put(1), for any pipeline.
//!
//! A shell with `pipefail` knows by itself how every program of a pipeline ended. In any other each program leaves a
//! mark when it ends well, one a program: a mark around one of them says nothing of the others.

use std::fmt::Write as _;

/// How a shell learns how every program of a pipeline ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Idiom {
    Pipefail,
    Marks,
}

impl Idiom {
    /// What people would write in this shell. dash 0.5.12 has no `pipefail`.
    pub fn of(shell: &str) -> Self {
        if shell == "dash" {
            Self::Marks
        } else {
            Self::Pipefail
        }
    }

    /// A pipeline that fails if any program of it does.
    pub fn line(self, line: &str) -> String {
        match self {
            Self::Pipefail => format!("set -o pipefail; {line}"),
            Self::Marks => marked(line).0,
        }
    }

    /// The script that commits what `line` has prepared, or gives it up: a pipeline that ends in
    /// `s3put --prepare`.
    pub fn script(self, line: &str) -> String {
        let (first, condition) = match self {
            Self::Pipefail => ("set -o pipefail".to_owned(), format!("{line} >receipt")),
            Self::Marks => {
                let (line, marks) = marked(&format!("{line} >receipt"));
                let names: Vec<String> = (0..marks).map(|at| format!("ok{at}")).collect();
                (format!("rm -f {} || exit", names.join(" ")), line)
            }
        };
        format!(
            "{first}
            if {condition}
            then s3put -q --commit <receipt >/dev/null
            else s3put -q --abort <receipt; false
            fi"
        )
    }
}

/// The pipeline with a mark for each program but the last, whose status is that of the pipeline, and the question for
/// all marks; and how many they are.
fn marked(line: &str) -> (String, usize) {
    let mut marks = 0;
    let mut text = with_marks(line, &mut marks);
    for at in 0..marks {
        let _ = write!(text, " && [ -e ok{at} ]");
    }
    (text, marks)
}

fn with_marks(line: &str, marks: &mut usize) -> String {
    let stages = stages(line);
    let last = stages.len() - 1;
    let marked = stages.iter().enumerate().map(|(at, stage)| {
        let inner = stage.strip_prefix("( ");
        let inner = inner.and_then(|inner| inner.strip_suffix(" )"));
        let stage = inner.map_or_else(
            || (*stage).to_owned(),
            |inner| format!("( {} )", with_marks(inner, marks)),
        );
        if at == last {
            return stage;
        }
        *marks += 1;
        format!("{{ {stage} && : >ok{}; }}", *marks - 1)
    });
    marked.collect::<Vec<_>>().join(" | ")
}

/// The programs of a pipeline: what bars separate that stand outside brackets and quotes.
fn stages(line: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut begin) = (0_u32, false, 0);
    let mut stages = Vec::new();
    for (at, char) in line.char_indices() {
        match char {
            '\'' => quoted = !quoted,
            '(' | '{' if !quoted => depth += 1,
            ')' | '}' if !quoted => depth -= 1,
            '|' if !quoted
                && depth == 0
                && line[..at].ends_with(' ')
                && line[at + 1..].starts_with(' ') =>
            {
                stages.push(line[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    stages.push(line[begin..].trim());
    stages
}

#[test]
fn every_program_leaves_a_mark() {
    for (line, with_marks) in [
        ("a", "a"),
        ("a | b", "{ a && : >ok0; } | b && [ -e ok0 ]"),
        (
            "a | sh -c 'b | c' | d",
            "{ a && : >ok0; } | { sh -c 'b | c' && : >ok1; } | d && [ -e ok0 ] && [ -e ok1 ]",
        ),
        (
            "( a | b ) | c",
            "{ ( { a && : >ok0; } | b ) && : >ok1; } | c && [ -e ok0 ] && [ -e ok1 ]",
        ),
        (
            "{ a || b; } | c",
            "{ { a || b; } && : >ok0; } | c && [ -e ok0 ]",
        ),
    ] {
        assert_eq!(Idiom::Marks.line(line), with_marks);
    }
}
