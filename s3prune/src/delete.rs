//! The order of deletion: whatever happens in the middle, no dump that is left looks whole and isn't.
//!
//! What needs others goes before what it needs. Of a dump in several objects the first goes alone: without
//! its beginning nobody takes the rest for a dump, while one without its end looks like a shorter one. What
//! can't be deleted keeps what it needs.

use std::collections::BTreeSet;

use common::error::{Error, Result};

/// One dump or object to delete.
#[derive(Clone, Debug)]
pub(crate) struct Doomed {
    /// Keys of its objects, the first one first.
    pub(crate) objects: Vec<String>,
    /// How many others it builds upon: deeper ones go first.
    pub(crate) depth: usize,
    /// Numbers of those it needs, in the list that this one is in.
    pub(crate) needs: Vec<usize>,
}

/// What became of each one that was to go.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It is no more.
    Gone,
    /// The server didn't delete it, or not all of it.
    Failed(Error),
    /// One that needs it could not be deleted, or it was never reached.
    Left,
}

/// Deletes in the right order. `delete` deletes objects, many at a time, and returns those that it
/// couldn't. Also returns the failure that ended it before its time.
pub(crate) fn run(
    doomed: &[Doomed],
    mut delete: impl FnMut(&[String]) -> Result<Vec<(String, Error)>>,
) -> (Vec<Fate>, Option<Error>) {
    let mut fates: Vec<Fate> = doomed.iter().map(|_| Fate::Left).collect();
    let mut blocked = vec![false; doomed.len()];
    let depths: BTreeSet<usize> = doomed.iter().map(|one| one.depth).collect();
    for depth in depths.into_iter().rev() {
        let mut wave: Vec<usize> = (0..doomed.len())
            .filter(|&index| doomed[index].depth == depth && !blocked[index])
            .collect();
        for part in [Part::First, Part::Rest] {
            let objects: Vec<String> = wave
                .iter()
                .flat_map(|&index| part.of(&doomed[index]))
                .cloned()
                .collect();
            let failed = match objects.is_empty() {
                true => Vec::new(),
                false => match delete(&objects) {
                    Ok(failed) => failed,
                    Err(error) => {
                        let torn = wave.iter().filter(|&&index| part.tears(&doomed[index]));
                        let mut unsaid = Some(error.clone());
                        for &index in torn {
                            fates[index] = Fate::Failed(torn_apart(&doomed[index], &error));
                            unsaid = None;
                        }
                        return (fates, unsaid);
                    }
                },
            };
            wave.retain(|&index| {
                let failure = failed
                    .iter()
                    .find(|(key, _)| part.of(&doomed[index]).contains(key));
                if let Some((_, error)) = failure {
                    fates[index] = Fate::Failed(match part {
                        Part::First => error.clone(),
                        Part::Rest => torn_apart(&doomed[index], error),
                    });
                    blocked[index] = true;
                } else if matches!(part, Part::Rest) || doomed[index].objects.len() == 1 {
                    fates[index] = Fate::Gone;
                }
                failure.is_none()
            });
        }
        // Those needed by what is blocked are of a lesser depth: their turn is still to come.
        for index in 0..doomed.len() {
            if doomed[index].depth == depth && blocked[index] {
                for &need in &doomed[index].needs {
                    blocked[need] = true;
                }
            }
        }
    }
    (fates, None)
}

#[derive(Clone, Copy)]
enum Part {
    First,
    Rest,
}

impl Part {
    fn of(self, doomed: &Doomed) -> &[String] {
        match (self, doomed.objects.split_first()) {
            (Self::First, Some((first, _))) => std::slice::from_ref(first),
            (Self::Rest, Some((_, rest))) => rest,
            (_, None) => &[],
        }
    }

    /// True where the dump has lost its beginning when this part is due, and has this part.
    fn tears(self, doomed: &Doomed) -> bool {
        matches!(self, Self::Rest) && !self.of(doomed).is_empty()
    }
}

/// The failure to delete the rest of a dump whose beginning is gone. The next run takes the rest for no dump.
fn torn_apart(doomed: &Doomed, error: &Error) -> Error {
    let rest = Part::Rest.of(doomed);
    let what = match rest {
        [only] => format!("delete {only}"),
        [first, others @ ..] => format!("delete {first} and {} more", others.len()),
        [] => "delete the rest of a dump".to_owned(),
    };
    Error::new(error.class(), what, error.cause())
        .hint("the first object of that dump is gone: 's3prune -k KEY' removes each of the others")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doomed(objects: &[&str], depth: usize, needs: &[usize]) -> Doomed {
        Doomed {
            objects: objects.iter().map(|key| (*key).to_owned()).collect(),
            depth,
            needs: needs.to_vec(),
        }
    }

    /// A full dump of three objects, two that need it, one that needs the second of those; and a stranger.
    fn family() -> [Doomed; 5] {
        [
            doomed(&["full", "full:1", "full:2"], 0, &[]),
            doomed(&["one"], 1, &[0]),
            doomed(&["two", "two:1"], 1, &[0]),
            doomed(&["three"], 2, &[2]),
            doomed(&["stranger"], 0, &[]),
        ]
    }

    fn waves(
        doomed: &[Doomed],
        deny: &str,
        dies_at: usize,
    ) -> (Vec<String>, String, Option<Error>) {
        let mut waves: Vec<String> = Vec::new();
        let (fates, error) = run(doomed, |keys| {
            if waves.len() == dies_at {
                return Err(Error::temporary("delete", "connection reset"));
            }
            waves.push(keys.join(" "));
            let denied = keys.iter().filter(|key| *key == deny);
            Ok(denied
                .map(|key| (key.clone(), Error::permanent("delete", "denied")))
                .collect())
        });
        let fates = fates.iter().map(|fate| match fate {
            Fate::Gone => 'g',
            Fate::Failed(_) => 'f',
            Fate::Left => 'l',
        });
        (waves, fates.collect(), error)
    }

    #[test]
    fn children_before_parents_and_beginnings_before_ends() {
        let (waves, fates, error) = waves(&family(), "", 99);
        assert_eq!(
            waves,
            [
                "three",
                "one two",
                "two:1",
                "full stranger",
                "full:1 full:2"
            ]
        );
        assert_eq!((fates.as_str(), error), ("ggggg", None));
    }

    #[test]
    fn what_stays_keeps_what_it_needs() {
        let (sent, fates, _) = waves(&family(), "three", 99);
        assert_eq!(
            (sent, fates.as_str()),
            (
                vec!["three".into(), "one".into(), "stranger".into()],
                "lglfg"
            )
        );
        let (sent, fates, _) = waves(&family(), "two", 99);
        assert_eq!(
            (sent, fates.as_str()),
            (
                vec!["three".into(), "one two".into(), "stranger".into()],
                "lgfgg"
            )
        );
        let (sent, fates, _) = waves(&family(), "full", 99);
        assert_eq!((sent.len(), fates.as_str()), (4, "fgggg"));
    }

    #[test]
    fn a_dump_that_lost_its_beginning_is_told_apart() {
        // The fourth request is for the beginnings of the full dump and the stranger, the fifth for the rest.
        let (sent, fates, error) = waves(&family(), "", 4);
        assert_eq!((sent.len(), fates.as_str()), (4, "fgggg"));
        assert_eq!(error, None);
        let family = family();
        let (fates, _) = run(&family[..1], |keys| match keys.len() {
            1 => Ok(Vec::new()),
            _ => Err(Error::temporary("delete", "connection reset")),
        });
        let Fate::Failed(error) = &fates[0] else {
            panic!("{fates:?}");
        };
        assert_eq!(
            error.to_string(),
            "could not delete full:1 and 1 more: connection reset"
        );
        assert_eq!(error.class().code(), 111);
    }

    #[test]
    fn a_failure_ends_it_where_it_is() {
        let (sent, fates, error) = waves(&family(), "", 1);
        assert_eq!((sent, fates.as_str()), (vec!["three".to_owned()], "lllgl"));
        assert_eq!(error.unwrap().class().code(), 111);
    }
}
