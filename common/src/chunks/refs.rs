//! The refs: which objects a stream needs, and which chunks of them, in order. Never sealed: a fetcher has no keys.

use std::borrow::Cow;
use std::io::{BufRead, Write};

use super::text::{Lines, number};
use super::{Brought, Id};
use crate::error::{Doing, Result};

/// What a fetcher and a pruner must know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refs {
    /// Of the stream.
    pub id: Id,
    /// Seconds: how long the writer's known files may be trusted.
    pub grace: u64,
    /// Where the other objects are, if it refers to any.
    pub bond: Option<Bond>,
    /// What was brought here from the objects that it referred to once. It refers to none then.
    pub brought: Option<Brought>,
    /// The whole stream, in order. Numbers of objects are those of `bond`, or of what was brought here.
    pub runs: Vec<Run>,
}

/// The other objects that a stream needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bond {
    /// The place that they are in.
    pub place: String,
    /// Seconds since 1970 (UTC) after which the stream must not be committed.
    pub until: i64,
    /// Numbers 1, 2, 3 …
    pub objects: Vec<Object>,
}

/// An object that a stream needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Object {
    /// Of the chunk stream in it.
    pub id: Id,
    /// Below the place.
    pub key: String,
}

/// Chunks that follow each other in an object, and in the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Run {
    /// Which object.
    pub object: u32,
    /// Its first chunk.
    pub first: u64,
    /// How many chunks; at least 1.
    pub count: u64,
    /// How many times all of that; at least 1.
    pub times: u64,
}

/// Where a chunk lies.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// Which object; 0 is the stream's own.
    pub object: u32,
    /// Which chunk of it.
    pub number: u64,
}

impl Refs {
    /// The other objects, those numbered from 1 on.
    #[must_use]
    pub fn objects(&self) -> &[Object] {
        self.bond.as_ref().map_or(&[], |bond| &bond.objects)
    }

    /// The runs by where their chunks lie now; `None` if there is one of which that isn't said.
    #[must_use]
    pub fn lying(&self) -> Option<Cow<'_, [Run]>> {
        match &self.brought {
            None => Some(Cow::Borrowed(&self.runs)),
            Some(brought) => brought.lying(&self.runs).map(Cow::Owned),
        }
    }

    /// How many chunks there are in the stream's own object.
    #[must_use]
    pub fn held(&self) -> u64 {
        match self.brought.as_ref().and_then(Brought::end) {
            Some(end) => end,
            None => self.own(),
        }
    }

    /// How many of them were in it when the stream was cut.
    pub(super) fn own(&self) -> u64 {
        let own = self.runs.iter().filter(|run| run.object == 0);
        own.map(|run| run.first.saturating_add(run.count))
            .max()
            .unwrap_or(0)
    }

    /// Chunks in the whole stream, repeated ones each time.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.runs.iter().map(|run| run.count * run.times).sum()
    }

    /// Where each chunk of the stream lies, in order.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.runs.iter().flat_map(|run| {
            (0..run.times).flat_map(move |_| {
                (0..run.count).map(move |index| Place {
                    object: run.object,
                    number: run.first + index,
                })
            })
        })
    }

    /// Writes its text.
    ///
    /// # Errors
    /// If `to` fails.
    pub fn write(&self, mut to: impl Write) -> Result<()> {
        let mut write = |text: &str| to.write_all(text.as_bytes()).doing("write the refs");
        write(&format!(
            "s3pipes-refs/1\nid {}\ngrace {}\n",
            self.id, self.grace
        ))?;
        if let Some(bond) = &self.bond {
            write(&format!("place {}\nuntil {}\n", bond.place, bond.until))?;
            for (number, object) in (1..).zip(&bond.objects) {
                write(&format!("object {number} {} {}\n", object.id, object.key))?;
            }
        }
        if let Some(brought) = &self.brought {
            for (number, object) in (1..).zip(&brought.was) {
                write(&format!("was {number} {} {}\n", object.id, object.key))?;
            }
            for here in &brought.here {
                write(&format!("{here}\n"))?;
            }
        }
        for run in &self.runs {
            let Run {
                object,
                first,
                count,
                times,
            } = run;
            write(&format!("run {object} {first} {count} {times}\n"))?;
        }
        Ok(())
    }

    /// Reads its text, to the end of `from`.
    ///
    /// # Errors
    /// If it is damaged, or names chunks of objects that it doesn't name.
    pub fn read(from: impl BufRead) -> Result<Self> {
        let mut lines = Lines::of(from, "refs")?;
        let broken = lines.broken();
        let id = lines.id()?;
        let grace = number(lines.field("grace")?).ok_or_else(|| broken.clone())?;
        let mut refs = Self {
            id,
            grace,
            bond: None,
            brought: None,
            runs: Vec::new(),
        };
        let mut total = 0u64;
        while let Some(line) = lines.next()? {
            let (field, value) = line.split_once(' ').ok_or_else(|| broken.clone())?;
            let taken = match (field, &mut refs.bond) {
                ("was" | "here", None) if refs.runs.is_empty() => {
                    let brought = refs.brought.get_or_insert_default();
                    brought.take(field, value).is_some()
                }
                ("place", bond @ None)
                    if refs.runs.is_empty() && refs.brought.is_none() && !value.is_empty() =>
                {
                    let place = value.to_owned();
                    let until = number(lines.field("until")?).ok_or_else(|| broken.clone())?;
                    *bond = Some(Bond {
                        place,
                        until,
                        objects: Vec::new(),
                    });
                    true
                }
                ("object", Some(bond)) if refs.runs.is_empty() => object(value, bond.objects.len())
                    .map(|object| bond.objects.push(object))
                    .is_some(),
                ("run", bond) => {
                    let now = bond.as_ref().map_or(0, |bond| bond.objects.len());
                    let once = refs.brought.as_ref().map_or(0, |brought| brought.was.len());
                    let objects = now.max(once);
                    let run = run(value, objects).ok_or_else(|| broken.clone())?;
                    let chunks = run.count.checked_mul(run.times);
                    total = chunks
                        .and_then(|chunks| total.checked_add(chunks))
                        .ok_or_else(|| broken.clone())?;
                    refs.runs.push(run);
                    true
                }
                _ => false,
            };
            if !taken {
                return Err(broken);
            }
        }
        // A bond with nobody is none.
        if refs
            .bond
            .as_ref()
            .is_some_and(|bond| bond.objects.is_empty())
        {
            return Err(broken);
        }
        if let Some(brought) = &refs.brought
            && !(brought.is_sound(refs.own()) && brought.lying(&refs.runs).is_some())
        {
            return Err(broken);
        }
        Ok(refs)
    }
}

/// What a line says of an object, which must be the next one.
pub(super) fn object(value: &str, before: usize) -> Option<Object> {
    let mut fields = value.splitn(3, ' ');
    let numbered = number::<usize>(fields.next()?)?;
    let id = fields.next()?.parse().ok()?;
    let key = fields.next().filter(|key| !key.is_empty())?.to_owned();
    (numbered == before + 1 && u32::try_from(numbered).is_ok()).then_some(Object { id, key })
}

fn run(value: &str, objects: usize) -> Option<Run> {
    let mut fields = value.split(' ');
    let run = Run {
        object: number(fields.next()?)?,
        first: number(fields.next()?)?,
        count: number(fields.next()?)?,
        times: number(fields.next()?)?,
    };
    let fits = usize::try_from(run.object).is_ok_and(|object| object <= objects)
        && run.count > 0
        && run.times > 0
        && run.first.checked_add(run.count).is_some();
    (fits && fields.next().is_none()).then_some(run)
}

/// Makes runs of places, as few as their neighbours allow.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    runs: Vec<Run>,
}

impl Runs {
    /// The next chunk of the stream.
    pub fn push(&mut self, place: Place) {
        let Place { object, number } = place;
        if let Some(last) = self.runs.last_mut()
            && last.object == object
        {
            if last.times == 1 && last.first + last.count == number {
                last.count += 1;
                return;
            }
            if last.count == 1 && last.first == number {
                last.times += 1;
                return;
            }
        }
        self.runs.push(Run {
            object,
            first: number,
            count: 1,
            times: 1,
        });
    }

    /// All of them.
    #[must_use]
    pub fn finish(self) -> Vec<Run> {
        self.runs
    }
}
