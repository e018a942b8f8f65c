//! Dumps in numbered pieces: `KEY:0`, `KEY:1`, and so on, none of which is `KEY`.
//!
//! Older programs stored such pieces and said nothing of them: there a missing end can't be seen. Those that are stored
//! today say in their metadata which piece they are, the last one how many there are, and all of them have one token.
//! So an end that is missing is noticed, and so is a piece that is another dump's; what somebody put behind the last
//! one is none.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Bucket;
use super::continued::{says, token};
use super::failure::{Failure, Kind};
use super::get::Looked;
use crate::error::{Error, Result};
use crate::listing::Bond;
use crate::names::DumpName;

/// The number of a piece.
pub(super) const PIECE: &str = "s3pipes-piece";
/// On the last piece: how many there are.
pub(super) const PIECES: &str = "s3pipes-pieces";

/// How many objects are looked at at once.
const AT_ONCE: usize = 16;

/// The key of a piece of `key`.
pub(super) fn key(key: &str, number: u32) -> String {
    format!("{key}:{number}")
}

/// Whether an object is piece `number` of the run with this token.
fn is_piece(head: &HeadObjectOutput, of: Option<&str>, number: u32) -> bool {
    of.is_some() && token(head) == of && says(head, PIECE) == Some(number.to_string().as_str())
}

/// Whether piece `number` says that it is the last one.
fn is_last(head: &HeadObjectOutput, number: u32) -> bool {
    says(head, PIECES).and_then(|count| count.parse().ok()) == Some(u64::from(number) + 1)
}

/// What keeps objects, in the order of their numbers, from being all pieces of one dump; nothing where none of them
/// says that it is one.
fn flaw<'a>(heads: impl Iterator<Item = &'a HeadObjectOutput>) -> Option<String> {
    let mut heads = (0..).zip(heads).peekable();
    let (_, first) = heads.peek()?;
    let foreign = |number| Some(format!("its piece {number} belongs to something else"));
    if says(first, PIECE).is_none() {
        let (number, _) = heads.find(|(_, head)| says(head, PIECE).is_some())?;
        return foreign(number);
    }
    let of = token(first);
    while let Some((number, head)) = heads.next() {
        if !is_piece(head, of, number) {
            return foreign(number);
        }
        if is_last(head, number) != heads.peek().is_none() {
            return Some("its last piece is missing".to_owned());
        }
    }
    None
}

/// What is missing of a stream whose pieces are among these objects, and one of its pieces.
fn missing<'a>(
    objects: impl Iterator<Item = (&'a str, &'a HeadObjectOutput)>,
) -> Option<(&'a str, String)> {
    let mut streams: BTreeMap<&str, (&str, BTreeSet<u64>, Option<u64>)> = BTreeMap::new();
    for (key, head) in objects {
        let number = says(head, PIECE).and_then(|number| number.parse().ok());
        let (Some(token), Some(number)) = (token(head), number) else {
            continue;
        };
        let (_, numbers, count) = streams
            .entry(token)
            .or_insert_with(|| (key, BTreeSet::new(), None));
        numbers.insert(number);
        *count = count.or_else(|| says(head, PIECES)?.parse().ok());
    }
    streams.into_values().find_map(|(key, numbers, count)| {
        let next = (0..).zip(&numbers).take_while(|(at, it)| at == *it).count() as u64;
        match count {
            _ if next < numbers.len() as u64 => Some((key, format!("piece {next} is missing"))),
            Some(count) if next >= count => None,
            _ => Some((key, "the last piece is missing".to_owned())),
        }
    })
}

impl Looked {
    /// Fails if among these are pieces of a stream, but not all of them.
    ///
    /// # Errors
    /// If one is missing.
    pub fn check_streams(&self) -> Result<()> {
        let objects = self.objects.iter();
        let objects = objects.map(|object| (object.key.as_str(), &object.head));
        let Some((key, why)) = missing(objects) else {
            return Ok(());
        };
        Err(Error::nothing(format!(
            "what came is not the whole: of the stream that {key} belongs to, {why}"
        )))
    }

    /// Fails if these are pieces that say of themselves that they are not all of a dump.
    ///
    /// # Errors
    /// If one is missing, or is another dump's.
    pub fn check_pieces(&self) -> Result<()> {
        let Some(why) = flaw(self.objects.iter().map(|object| &object.head)) else {
            return Ok(());
        };
        let first = self
            .objects
            .first()
            .map_or("", |object| object.key.as_str());
        let dump = first.strip_suffix(":0").unwrap_or(first);
        Err(Error::permanent(format!("read {dump}"), why)
            .hint("a part of it can be read with --prefix, and is not the whole"))
    }
}

impl Bucket {
    /// What `KEY:0` and those after it, up to `highest`, say of each other; `None` of pieces that say nothing.
    pub(super) async fn pieces(
        &self,
        name: &DumpName,
        highest: u32,
    ) -> Result<Option<Bond>, Failure> {
        let name = name.to_string();
        let first = self.head(&key(&name, 0)).await?;
        let last = match highest {
            0 => first.clone(),
            highest => self.head(&key(&name, highest)).await?,
        };
        if says(&first, PIECE).is_none() {
            // Somebody may have had the first name before.
            return Ok(says(&last, PIECE).map(|_| Bond::Mixed));
        }
        let of = token(&first);
        let ends =
            |head: &HeadObjectOutput, number| is_piece(head, of, number) && is_last(head, number);
        let whole = |by| Ok(Some(Bond::Numbered { by, whole: true }));
        if ends(&first, 0) {
            return whole(0);
        }
        if ends(&last, highest) {
            return whole(highest);
        }
        // Either the end is missing, or something lies behind it.
        let mut others = stream::iter(1..highest)
            .map(|number| {
                let key = key(&name, number);
                async move {
                    match self.head(&key).await {
                        Ok(head) => Ok(Some((number, head))),
                        Err(failure) if failure.kind == Kind::Missing => Ok(None),
                        Err(failure) => Err(failure),
                    }
                }
            })
            .buffered(AT_ONCE);
        while let Some(other) = others.try_next().await? {
            if let Some((number, head)) = other
                && ends(&head, number)
            {
                return whole(number);
            }
        }
        Ok(Some(Bond::Numbered {
            by: highest,
            whole: false,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::continued::TOKEN;

    fn piece(token: &str, number: u32, count: Option<u32>) -> HeadObjectOutput {
        let head = HeadObjectOutput::builder()
            .metadata(TOKEN, token)
            .metadata(PIECE, number.to_string());
        match count {
            None => head.build(),
            Some(count) => head.metadata(PIECES, count.to_string()).build(),
        }
    }

    #[test]
    fn pieces_that_count_themselves() {
        let flaw = |heads: &[HeadObjectOutput]| flaw(heads.iter());
        let (one, two, last) = (
            piece("t", 0, None),
            piece("t", 1, None),
            piece("t", 2, Some(3)),
        );
        let only = piece("t", 0, Some(1));
        assert_eq!(flaw(&[one.clone(), two.clone(), last.clone()]), None);
        assert_eq!(flaw(std::slice::from_ref(&only)), None);
        let missing = Some("its last piece is missing".to_owned());
        assert_eq!(flaw(std::slice::from_ref(&one)), missing);
        assert_eq!(flaw(&[one.clone(), two.clone()]), missing);
        // More than were counted.
        assert_eq!(flaw(&[only, two.clone()]), missing);
        let wrong = Some("its piece 1 belongs to something else".to_owned());
        assert_eq!(flaw(&[one.clone(), last.clone()]), wrong);
        assert_eq!(flaw(&[one.clone(), piece("u", 1, Some(2))]), wrong);
        assert_eq!(flaw(&[one, HeadObjectOutput::builder().build()]), wrong);
    }

    #[test]
    fn streams_that_are_not_all_there() {
        let missing = |heads: &[(&str, HeadObjectOutput)]| {
            let found = missing(heads.iter().map(|(key, head)| (*key, head)));
            found.map(|(key, why)| format!("{key}: {why}"))
        };
        let piece = |number, count| piece("t", number, count);
        let silent = || ("x", HeadObjectOutput::builder().build());
        let all = || {
            [
                ("a:0", piece(0, None)),
                ("a:1", piece(1, None)),
                ("a:2", piece(2, Some(3))),
            ]
        };
        assert_eq!(missing(&[]), None);
        assert_eq!(missing(&[silent()]), None);
        assert_eq!(
            missing(&[silent()].into_iter().chain(all()).collect::<Vec<_>>()),
            None
        );
        // A copy.
        assert_eq!(missing(&[all(), all()].concat()), None);
        for (left, says) in [
            (&all()[1..], "a:1: piece 0 is missing"),
            (
                &[&all()[..1], &all()[2..]].concat(),
                "a:0: piece 1 is missing",
            ),
            (&all()[..2], "a:0: the last piece is missing"),
        ] {
            assert_eq!(missing(left).as_deref(), Some(says));
        }
    }

    #[test]
    fn a_first_piece_that_says_nothing_is_none_of_those_that_do() {
        let silent = HeadObjectOutput::builder().build();
        let (second, last) = (piece("t", 1, None), piece("t", 2, Some(3)));
        assert_eq!(
            flaw([&silent, &second, &last].into_iter()).as_deref(),
            Some("its piece 1 belongs to something else")
        );
    }

    #[test]
    fn pieces_that_say_nothing_are_taken_as_they_are() {
        let silent = HeadObjectOutput::builder().build();
        assert_eq!(flaw([&silent, &silent].into_iter()), None);
        assert_eq!(flaw([].into_iter()), None);
    }
}
