//! A stream that may be longer than one object: as many uploads as it takes, which become visible together.
//!
//! All of them are filled before any is completed, and the first one is completed last: without it the others are
//! no dump.

use super::commit::{self, Commit};
use super::reader::{self, Part};
use super::upload::Upload;
use super::{Prepared, Run, Standing, Stored, next};
use crate::bucket::failure::Failure;
use crate::bucket::patience::bounded;
use crate::bucket::{Bucket, checksum, continued};
use crate::chunks::Id;
use crate::error::{Class, Error, Result};

impl Run<'_> {
    /// Brings the stream to the server as an upload, or as several that continue each other, and asks whether
    /// all of it came. The uploads stay open; they come in the order of the bytes, and are never none.
    pub(super) async fn send_all(
        &self,
        first: Part,
        mut parts: reader::Parts,
    ) -> Result<Vec<Prepared>> {
        let mut prepared = Vec::new();
        let mut waiting = Some(first);
        for number in 0.. {
            let first = match waiting.take() {
                Some(first) => first,
                None => next(&mut parts).await?,
            };
            let key = continued::key(&self.order.key, number);
            if number > 0 {
                self.check_mark(&prepared)?;
                self.bucket.patience.speaker.note(format_args!(
                    "{} is as long as an object may be; the stream goes on in {key}",
                    continued::key(&self.order.key, number - 1)
                ));
                if self.order.overwrite {
                    commit::continuing(self.bucket, &key).await?;
                } else {
                    commit::absent(self.bucket, &key).await?;
                }
            }
            let mut upload = Upload::begin(self, &key, number).await?;
            let over = upload.fill(first, &mut parts).await?;
            prepared.push(upload.prepared());
            if over {
                break;
            }
        }
        self.judged_at_end().await?;
        Ok(prepared)
    }

    /// What continues an object names the token of the run that began it, and nobody can read that of an upload.
    fn check_mark(&self, prepared: &[Prepared]) -> Result<()> {
        if prepared.iter().all(|object| object.token.is_some()) {
            return Ok(());
        }
        self.standing.keeps.set(false);
        Err(Error::permanent(
            format!("store {}", self.order.key),
            "it is longer than an object may be, and what an earlier run began can't be continued by another object",
        )
        .hint("the upload was given up: the same command sends all of it"))
    }
}

/// What becomes visible together.
#[derive(Clone, Copy)]
pub(super) struct Bundle<'a> {
    /// The objects, in the order of their bytes.
    pub(super) objects: &'a [Prepared],
    /// The copy of the end, where that can't be read at once.
    pub(super) tail: Option<&'a Prepared>,
    /// After this moment nothing is asked for any more.
    pub(super) until: Option<i64>,
    /// The id of the chunk stream, if it is one.
    pub(super) id: Option<&'a Id>,
}

impl<'a> Bundle<'a> {
    /// Of these objects alone.
    pub(super) fn of(objects: &'a [Prepared]) -> Self {
        Self {
            objects,
            tail: None,
            until: None,
            id: None,
        }
    }
}

impl Bucket {
    /// Makes visible what is prepared: the tail first, then what continues the first object, then the first one, which
    /// is what makes all of it a dump. Where it is done `again`, another process may have done some of it before.
    pub(super) async fn complete(
        &self,
        bundle: Bundle<'_>,
        standing: &Standing,
        again: bool,
    ) -> Result<Stored> {
        self.check_replaced(&bundle).await?;
        let complete = async |one: &Prepared| {
            standing.commits(&one.key);
            let commit = Commit {
                again,
                until: bundle.until,
                ..Commit::of(self, one)
            };
            let stored = commit.complete(one).await?;
            // Nothing is left to abort of this one.
            standing.closed(&one.upload);
            Ok(stored)
        };
        let tail = match bundle.tail {
            Some(tail) => Some(complete(tail).await?),
            None => None,
        };
        let mut objects: Vec<Stored> = Vec::new();
        for one in bundle.objects.iter().rev() {
            match complete(one).await {
                Ok(stored) => objects.push(stored),
                Err(error) => {
                    // Whoever tries again needs it, and so does a dump of which we don't know that it isn't there.
                    if let Some(tail) = tail.filter(|_| !again && error.class() == Class::Permanent)
                    {
                        self.take_back(&tail).await;
                    }
                    return Err(left_behind(error, &objects));
                }
            }
        }
        objects.reverse();
        match objects.len() {
            1 => Ok(objects.remove(0)),
            _ => together(bundle.objects, objects),
        }
    }

    /// Fails if what is to be replaced has become a chunk stream since that was asked for, as far as we may look.
    pub(super) async fn check_replaced(&self, bundle: &Bundle<'_>) -> Result<()> {
        match bundle.objects.first() {
            Some(first) if first.overwrite && first.replaces.is_none() => {
                commit::dispensable(self, &first.key, bundle.id).await
            }
            _ => Ok(()),
        }
    }

    /// Removes what was just stored, if the keys in use may.
    async fn take_back(&self, stored: &Stored) {
        if let Err(failure) = self.removed(stored).await {
            self.patience.speaker.warning(format_args!(
                "{} is left behind, and belongs to no dump: it could not be deleted: {}",
                stored.key,
                failure.text()
            ));
        }
    }

    /// Removes what was just stored.
    pub(super) async fn removed(&self, stored: &Stored) -> Result<(), Failure> {
        let request = self
            .client
            .delete_object()
            .bucket(&self.name)
            .key(self.full(&stored.key))
            .set_version_id(stored.version.clone());
        let sent = async move { request.send().await.map_err(|error| Failure::of(&error)) };
        bounded(self.patience.stall, sent).await.map(drop)
    }
}

/// What several objects are as one dump, which is called as the first of them.
pub(super) fn together(prepared: &[Prepared], objects: Vec<Stored>) -> Result<Stored> {
    let Some(first) = objects.first().cloned() else {
        return Err(Error::permanent("store the stream", "nothing was prepared"));
    };
    let crc = checksum::of_all(prepared.iter().map(|one| (one.crc64nvme, one.size)));
    Ok(Stored {
        crc64nvme: crc.map(checksum::encode).unwrap_or_default(),
        size: prepared.iter().map(|one| one.size).sum(),
        parts: objects.iter().map(|object| object.parts).sum(),
        resumed: objects.iter().map(|object| object.resumed).sum(),
        objects,
        ..first
    })
}

/// An error of a commit after which some objects are there, and are no dump without the first one.
fn left_behind(error: Error, made: &[Stored]) -> Error {
    if made.is_empty() {
        return error;
    }
    let keys: Vec<&str> = made
        .iter()
        .rev()
        .map(|object| object.key.as_str())
        .collect();
    let left = format!(
        "what was to continue it is there, and no dump without it: {}",
        keys.join(", ")
    );
    let advice = error.advice().map(|advice| format!("{advice}; {left}"));
    error.hint(advice.unwrap_or(left))
}
