//! What the ends of the programs before us mean, as a pure function over who fed whom.
//!
//! Failed beats unknown beats clean. A program has failed if it exited with a status that is neither 0 nor
//! called fine, or was killed by a signal. Two exceptions:
//!
//! - A program that another one of the pipe has started is that one's business: a shell that runs
//!   `{ grep x f || true; }` knows what grep's status means, and says so by its own. Killed by a signal
//!   it has failed all the same, because no shell asks for that.
//! - SIGPIPE (or status 141, which is how a shell reports it) means that the reader had enough. It is clean
//!   if every program that it fed ended clean. We read to the end: whoever died of SIGPIPE while feeding us
//!   died of another pipe, and has failed.

use super::policy::OkStatus;
use super::verdict::{End, Kind, Stage, Verdict};

/// A program, and its place among the others.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) stage: Stage,
    /// It wrote to our standard input.
    pub(super) feeds_us: bool,
    /// The programs that it fed, by their places in the list.
    pub(super) feeds: Vec<usize>,
    /// Another program of the list has started it, and outlived it.
    pub(super) answered_for: bool,
}

/// The verdict on `parts`, the first producer first. `gaps` says what could not be seen.
pub(super) fn judge(parts: &[Part], gaps: &[String], fine: &[OkStatus]) -> Verdict {
    let mut known = vec![None; parts.len()];
    let kinds: Vec<Kind> = (0..parts.len())
        .map(|at| kind_of(parts, at, fine, &mut known))
        .collect();
    let of_kind = |wanted| {
        parts
            .iter()
            .zip(&kinds)
            .filter(move |(_, kind)| **kind == wanted)
            .map(|(part, _)| part)
    };
    // Whose reader failed under it is not the cause.
    let cause = |part: &&Part| part.feeds_us || !part.stage.end.is_sigpipe();
    let failed: Vec<&Stage> = of_kind(Kind::Failed)
        .filter(cause)
        .map(|part| &part.stage)
        .collect();
    let mut reasons: Vec<String> = failed
        .iter()
        .map(|stage| format!("{} {}", stage.name, stage.end.in_words()))
        .collect();
    let mut kind = Kind::Failed;
    if reasons.is_empty() {
        kind = Kind::Unknown;
        reasons = of_kind(Kind::Unknown)
            .filter(cause)
            .map(|part| format!("{} {}", part.stage.name, part.stage.end.in_words()))
            .chain(gaps.iter().cloned())
            .collect();
        if reasons.is_empty() && kinds.contains(&Kind::Unknown) {
            reasons.push("the programs feed each other in a circle".to_owned());
        }
    }
    reasons.dedup();
    if reasons.is_empty() {
        kind = Kind::Clean;
    }
    Verdict {
        kind,
        stages: parts.iter().map(|part| part.stage.clone()).collect(),
        reason: match kind {
            Kind::Clean => None,
            Kind::Unknown => Some(reasons.join("; ")),
            Kind::Failed => Some(joined(&reasons)),
        },
        advice: accepting(&failed),
    }
}

/// `known` holds what was found already; a program that is being looked at counts as unknown, which is what
/// ends a circle.
fn kind_of(parts: &[Part], at: usize, fine: &[OkStatus], known: &mut [Option<Kind>]) -> Kind {
    if let Some(kind) = known[at] {
        return kind;
    }
    known[at] = Some(Kind::Unknown);
    let part = &parts[at];
    let Stage { name, end } = &part.stage;
    let is_fine = |status| status == 0 || fine.iter().any(|ok| ok.allows(name, status));
    let kind = match *end {
        End::Running | End::Unknown => Kind::Unknown,
        End::Exited(status) if is_fine(status) => Kind::Clean,
        end if end.is_sigpipe() && part.answered_for => Kind::Clean,
        end if end.is_sigpipe() && part.feeds_us => Kind::Failed,
        end if end.is_sigpipe() => part
            .feeds
            .iter()
            .map(|&fed| kind_of(parts, fed, fine, known))
            .max()
            .unwrap_or(Kind::Unknown),
        End::Exited(_) if part.answered_for => Kind::Clean,
        End::Exited(_) | End::Signaled(_) => Kind::Failed,
    };
    known[at] = Some(kind);
    kind
}

/// The flags that would have accepted these statuses; none if not all of them are statuses.
fn accepting(failed: &[&Stage]) -> Option<String> {
    let flags: Option<Vec<String>> = failed
        .iter()
        .map(|stage| match stage.end {
            End::Exited(status) => Some(format!("--ok-status {}:{status}", stage.name)),
            _ => None,
        })
        .collect();
    let flags = flags.filter(|flags| !flags.is_empty())?;
    let verb = if flags.len() == 1 {
        "accepts that status"
    } else {
        "accept these"
    };
    Some(format!("{} {verb}", flags.join(" ")))
}

/// "a, b and c".
fn joined(texts: &[String]) -> String {
    match texts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use End::{Exited, Running, Signaled, Unknown};
    use proptest::prelude::*;

    use super::super::policy::Policy;
    use super::*;

    /// A program that feeds others, by their places; or us, if it feeds nobody.
    fn part(name: &str, end: End, feeds: &[usize]) -> Part {
        Part {
            stage: Stage {
                name: name.to_owned(),
                end,
            },
            feeds_us: feeds.is_empty(),
            feeds: feeds.to_vec(),
            answered_for: false,
        }
    }

    /// Programs in a row, each feeding the next.
    fn row(ends: &[End]) -> Vec<Part> {
        let last = ends.len() - 1;
        let feeds = |at: usize| if at == last { vec![] } else { vec![at + 1] };
        let each = ends.iter().enumerate();
        each.map(|(at, end)| part(&format!("p{at}"), *end, &feeds(at)))
            .collect()
    }

    fn kind(ends: &[End]) -> Kind {
        judge(&row(ends), &[], &[]).kind
    }

    fn fine(texts: &[&str]) -> Vec<OkStatus> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn every_program_counts() {
        assert_eq!(kind(&[Exited(0)]), Kind::Clean);
        assert_eq!(kind(&[Exited(0), Exited(0), Exited(0)]), Kind::Clean);
        for bad in [
            Exited(1),
            Exited(255),
            Signaled(9),
            Signaled(11),
            Signaled(15),
        ] {
            assert_eq!(kind(&[bad, Exited(0), Exited(0)]), Kind::Failed);
            assert_eq!(kind(&[Exited(0), bad, Exited(0)]), Kind::Failed);
            assert_eq!(kind(&[Exited(0), Exited(0), bad]), Kind::Failed);
            assert_eq!(kind(&[Unknown, bad]), Kind::Failed);
        }
        assert_eq!(kind(&[Unknown, Exited(0)]), Kind::Unknown);
        assert_eq!(kind(&[Running, Exited(0)]), Kind::Unknown);
    }

    #[test]
    fn sigpipe_is_as_good_as_the_reader() {
        for pipe in [Signaled(13), Exited(141)] {
            assert_eq!(kind(&[pipe, Exited(0)]), Kind::Clean);
            assert_eq!(kind(&[pipe, pipe, Exited(0)]), Kind::Clean);
            assert_eq!(kind(&[pipe, Unknown]), Kind::Unknown);
            assert_eq!(kind(&[pipe, Exited(1)]), Kind::Failed);
            assert_eq!(kind(&[Exited(0), pipe]), Kind::Failed, "we read to the end");
        }
        let tee = [
            part("tee", Signaled(13), &[1, 2]),
            part("head", Exited(0), &[]),
            part("x", Exited(1), &[]),
        ];
        assert_eq!(judge(&tee, &[], &[]).kind, Kind::Failed);
        assert_eq!(judge(&tee, &[], &fine(&["x:1"])).kind, Kind::Clean);
        let mut both = part("tee", Signaled(13), &[1]);
        both.feeds_us = true;
        assert_eq!(
            judge(&[both, part("head", Exited(0), &[])], &[], &[]).kind,
            Kind::Failed
        );
    }

    #[test]
    fn a_group_answers_for_what_it_starts() {
        let group = |end, status| {
            let mut inner = part("grep", end, &[]);
            inner.answered_for = true;
            judge(&[part("bash", Exited(status), &[]), inner], &[], &[]).kind
        };
        assert_eq!(group(Exited(1), 0), Kind::Clean);
        assert_eq!(group(Exited(0), 1), Kind::Failed);
        assert_eq!(group(Signaled(13), 0), Kind::Clean);
        assert_eq!(group(Signaled(9), 0), Kind::Failed);
        assert_eq!(group(Running, 0), Kind::Unknown);
    }

    #[test]
    fn a_circle_ends() {
        let mut parts = row(&[Signaled(13), Signaled(13), Exited(0)]);
        parts[1].feeds = vec![0];
        let verdict = judge(&parts, &[], &[]);
        assert_eq!(verdict.kind, Kind::Unknown);
        assert_eq!(
            verdict.reason.unwrap(),
            "the programs feed each other in a circle"
        );
    }

    #[test]
    fn says_which_and_how() {
        let verdict = judge(&row(&[Exited(2), Exited(0)]), &[], &[]);
        let error = verdict.permits(Policy::NotFailed, "KEY").unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not store KEY: p0 exited with status 2 (p0: 2, p1: 0)"
        );
        assert_eq!(
            error.advice(),
            Some("--ok-status p0:2 accepts that status; --commit always stores whatever came")
        );
        assert_eq!(error.class().code(), 100);
        assert_eq!(verdict.permits(Policy::Always, "KEY"), Ok(()));

        let verdict = judge(&row(&[Exited(2), Exited(3), Signaled(9)]), &[], &[]);
        assert_eq!(
            verdict.reason.as_deref(),
            Some("p0 exited with status 2, p1 exited with status 3 and p2 was killed by signal 9")
        );
        // Who lost its reader is not the cause.
        let verdict = judge(&row(&[Signaled(13), Signaled(9)]), &[], &[]);
        let error = verdict.permits(Policy::NotFailed, "KEY").unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not store KEY: p1 was killed by signal 9 (p0: signal 13, p1: signal 9)"
        );
        assert_eq!(error.advice(), Some("--commit always stores whatever came"));

        let verdict = judge(
            &row(&[Exited(0)]),
            &["what fed p0 had ended already".to_owned()],
            &[],
        );
        assert_eq!(verdict.permits(Policy::NotFailed, "KEY"), Ok(()));
        let error = verdict.permits(Policy::Clean, "KEY").unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not store KEY: it is unknown how it came to its end: what fed p0 had ended already"
        );
    }

    #[test]
    fn a_status_can_be_called_fine() {
        assert!(fine(&["1"])[0].allows("tar", 1));
        assert!(!fine(&["1"])[0].allows("tar", 2));
        assert!(fine(&["tar:1"])[0].allows("tar", 1));
        assert!(!fine(&["tar:1"])[0].allows("gtar", 1));
        // As the kernel keeps it.
        assert!(fine(&["a-name-of-many-letters:1"])[0].allows("a-name-of-many-", 1));
        assert!(!fine(&["a-name-of-many-letters:1"])[0].allows("a-name-of", 1));
        for text in ["", "x", "256", "-1", ":1", "tar:", "tar:x"] {
            assert!(text.parse::<OkStatus>().is_err(), "{text}");
        }
    }

    fn any_end() -> impl Strategy<Value = End> {
        prop_oneof![
            3 => Just(Exited(0)),
            1 => (1u8..=255).prop_map(Exited),
            1 => Just(Exited(141)),
            1 => Just(Signaled(13)),
            1 => (1u8..32).prop_map(Signaled),
            1 => Just(Running),
            1 => Just(Unknown),
        ]
    }

    prop_compose! {
        fn any_parts()(raw in proptest::collection::vec((any_end(), any::<bool>(), any::<bool>(), proptest::collection::vec(0usize..8, 0..3)), 1..8)) -> Vec<Part> {
            let most = raw.len();
            raw.into_iter().map(|(end, feeds_us, answered_for, feeds)| {
                let mut part = part("p", end, &feeds.into_iter().map(|at| at % most).collect::<Vec<_>>());
                part.feeds_us |= feeds_us;
                part.answered_for = answered_for;
                part
            }).collect()
        }
    }

    proptest! {
        /// Whatever feeds whom: a death by another signal than SIGPIPE is never stored; clean is said only if every
        /// end is known and nothing was out of sight; and seeing less never makes it better.
        #[test]
        fn never_better_than_it_is(parts in any_parts(), gap in any::<bool>()) {
            let gaps: Vec<String> = gap.then(|| "gap".to_owned()).into_iter().collect();
            let verdict = judge(&parts, &gaps, &[]);
            let ends: Vec<End> = parts.iter().map(|part| part.stage.end).collect();
            if ends.iter().any(|end| matches!(end, Signaled(signal) if *signal != 13)) {
                prop_assert_eq!(verdict.kind, Kind::Failed);
            }
            if parts.iter().any(|part| !part.answered_for && matches!(part.stage.end, Exited(status) if status != 0 && status != 141)) {
                prop_assert_eq!(verdict.kind, Kind::Failed);
            }
            if gap || ends.iter().any(|end| matches!(end, Running | Unknown)) {
                prop_assert!(verdict.kind > Kind::Clean);
            }
            if ends.iter().all(|end| *end == Exited(0)) && !gap {
                prop_assert_eq!(verdict.kind, Kind::Clean);
            }
            prop_assert_eq!(verdict.reason.is_none(), verdict.kind == Kind::Clean);
            prop_assert!(judge(&parts, &["gap".to_owned()], &[]).kind >= verdict.kind);
        }
    }
}
