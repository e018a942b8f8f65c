//! Dumps longer than one object may be: `KEY` goes on in `KEY:1`, `KEY:2`, and so on.
//!
//! Names prove nothing: whoever may only add objects must not be able to lengthen a dump. So every object says
//! in its metadata how long an object of its run may be. One of exactly that length is not the end, and the
//! next one must carry the token of the run and its own number. What doesn't is never read as part of the dump;
//! and a dump whose next object is missing is never read as if it ended there. A server that loses metadata
//! loses this, too.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Bucket;
use super::failure::{Failure, Kind};
use crate::error::{Error, Result};
use crate::listing::{Asked, Bond, Bonds, Catalogue, Entry, Question};

/// The id of the chunk stream in the object.
pub(super) const CHUNKS: &str = "s3pipes-chunks";
/// The name under which an object carries the token of the run that made it.
pub(super) const TOKEN: &str = "s3pipes-token";
/// How many bytes an object of this run may have.
pub(super) const LIMIT: &str = "s3pipes-limit";
/// `TOKEN:N`: this is number N of the objects that continue the one with that token.
pub(super) const CONTINUES: &str = "s3pipes-continues";

/// The token that what continues this object names, where it isn't the object's own: its beginning was replaced in
/// place, and what continues it stayed as it was.
pub(super) const BEGINS: &str = "s3pipes-begins";

/// When the server had taken in the object that this one took the place of: RFC 3339. Who may write can write this, too.
pub(super) const CAME: &str = "s3pipes-came";

/// How many objects are looked at at once.
const AT_ONCE: usize = 16;

/// The key of the object that continues `key` as number `number`; 0 is `key` itself.
pub(super) fn key(key: &str, number: u32) -> String {
    match number {
        0 => key.to_owned(),
        number => format!("{key}:{number}"),
    }
}

/// The value of [`CONTINUES`].
pub(super) fn mark(token: &str, number: u32) -> String {
    format!("{token}:{number}")
}

pub(super) fn says<'a>(head: &'a HeadObjectOutput, name: &str) -> Option<&'a str> {
    head.metadata()
        .and_then(|metadata| metadata.get(name))
        .map(String::as_str)
}

/// The token of the run that made the object.
pub(super) fn token(head: &HeadObjectOutput) -> Option<&str> {
    says(head, TOKEN)
}

/// The token that the objects which continue this one name.
pub(super) fn bond(head: &HeadObjectOutput) -> Option<&str> {
    says(head, BEGINS).or_else(|| token(head))
}

/// True if the object is as long as it may be, so that another one must follow.
pub(super) fn is_full(head: &HeadObjectOutput) -> bool {
    let limit = says(head, LIMIT).and_then(|limit| limit.parse().ok());
    limit.is_some() && limit == head.content_length()
}

/// What follows an object.
struct Sequel {
    /// Keys, and what the server says of them.
    objects: Vec<(String, HeadObjectOutput)>,
    /// Why there is not more, where there must be.
    broken: Option<String>,
}

impl Bucket {
    /// The objects that continue `key`, of which the server says `head`; none if it is the whole.
    ///
    /// # Errors
    /// If one that must be there isn't, or is another's.
    pub(super) async fn continuations(
        &self,
        key: &str,
        head: &HeadObjectOutput,
    ) -> Result<Vec<(String, HeadObjectOutput)>> {
        let sequel = self
            .sequel(key, head)
            .await
            .map_err(|failure| failure.error(format!("read what continues {key}")))?;
        match sequel.broken {
            None => Ok(sequel.objects),
            Some(why) => Err(Error::permanent(format!("read {key}"), why)
                .hint("a part of it can be read with --prefix, and is not the whole")),
        }
    }

    async fn sequel(&self, first: &str, head: &HeadObjectOutput) -> Result<Sequel, Failure> {
        let mut sequel = Sequel {
            objects: Vec::new(),
            broken: None,
        };
        // What continues another object is read by its own key only as itself.
        if says(head, CONTINUES).is_some() {
            return Ok(sequel);
        }
        let Some(token) = bond(head) else {
            return Ok(sequel);
        };
        let mut full = is_full(head);
        for number in 1.. {
            if !full {
                break;
            }
            let next = key(first, number);
            let head = match self.head(&next).await {
                Ok(head) => head,
                Err(failure) if failure.kind == Kind::Missing => {
                    sequel.broken = Some(format!("it goes on in {next}, which is missing"));
                    break;
                }
                Err(failure) => return Err(failure),
            };
            if says(&head, CONTINUES) != Some(mark(token, number).as_str()) {
                sequel.broken = Some(format!(
                    "it goes on in {next}, and what is there belongs to something else"
                ));
                break;
            }
            full = is_full(&head);
            sequel.objects.push((next, head));
        }
        Ok(sequel)
    }

    /// `keys`, and after a single one those that continue it, as far as the keys in use may look.
    ///
    /// # Errors
    /// If one that must be there isn't, or the server can't be asked.
    pub fn with_continuations(&self, mut keys: Vec<String>) -> Result<Vec<String>> {
        let [only] = keys.as_slice() else {
            return Ok(keys);
        };
        let more = self.runtime.block_on(async {
            match self.head(only).await {
                Ok(head) => self.continuations(only, &head).await,
                // Whatever is done with it next will say so.
                Err(_) => Ok(Vec::new()),
            }
        })?;
        keys.extend(more.into_iter().map(|(key, _)| key));
        Ok(keys)
    }

    /// The entries of a listing as dumps and the rest. Objects are looked at where their names leave open what
    /// belongs to what, which is rare. Where the keys in use may not look, names alone decide.
    ///
    /// # Errors
    /// If the server can't be asked.
    pub fn catalogue(&self, entries: Vec<Entry>) -> Result<Catalogue> {
        let questions = Catalogue::questions(&entries);
        let answers = stream::iter(questions)
            .map(|question| async move {
                match self.answer(&question).await {
                    Ok(bond) => Ok(bond.map(|bond| (question.name, bond))),
                    Err(failure) if matches!(failure.kind, Kind::Denied | Kind::Missing) => {
                        self.patience.speaker.detail(format_args!(
                            "what belongs to {} is guessed from names: {}",
                            question.key,
                            failure.text()
                        ));
                        Ok(None)
                    }
                    Err(failure) => Err(failure.error(format!("look at {}", question.key))),
                }
            })
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>();
        let bonds: Bonds = self
            .runtime
            .block_on(answers)?
            .into_iter()
            .flatten()
            .collect();
        Ok(Catalogue::new(entries, &bonds))
    }

    async fn answer(&self, question: &Question) -> Result<Option<Bond>, Failure> {
        if let Asked::Pieces(highest) = question.asked {
            return self.pieces(&question.name, highest).await;
        }
        let head = self.head(&question.key).await?;
        if question.asked == Asked::Remains {
            return Ok(says(&head, CONTINUES).map(|_| Bond::Orphans));
        }
        if !is_full(&head) {
            return Ok(None);
        }
        let sequel = self.sequel(&question.key, &head).await?;
        Ok(Some(Bond::Continued {
            by: u32::try_from(sequel.objects.len()).unwrap_or(u32::MAX),
            whole: sequel.broken.is_none(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_of_exactly_its_limit_goes_on() {
        let head = |size, limit: &str| {
            HeadObjectOutput::builder()
                .content_length(size)
                .metadata(LIMIT, limit)
                .build()
        };
        assert!(is_full(&head(20, "20")));
        for (size, limit) in [(19, "20"), (21, "20"), (20, ""), (20, "x"), (20, "-20")] {
            assert!(!is_full(&head(size, limit)), "{size} {limit}");
        }
        let silent = HeadObjectOutput::builder().content_length(20).build();
        assert!(!is_full(&silent));
        assert_eq!(key("h:f:0:2026-11-20", 2), "h:f:0:2026-11-20:2");
    }
}
