//! Which objects make up a dump, and what the server says of one.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumMode;

use super::Bucket;
use super::failure::Failure;
use super::patience::bounded;
use crate::error::{Error, Result};
use crate::levels::{Set, is_trusted};
use crate::listing::Dump;
use crate::names::{DumpName, Piece};

impl Bucket {
    /// What the server says of an object, with the checksum that it holds.
    pub(super) async fn head(&self, key: &str) -> Result<HeadObjectOutput, Failure> {
        self.patience
            .persist("look at an object", || async {
                let request = self
                    .client
                    .head_object()
                    .bucket(&self.name)
                    .key(self.full(key))
                    .checksum_mode(ChecksumMode::Enabled);
                let sent = async move { request.send().await.map_err(|error| Failure::of(&error)) };
                match bounded(self.patience.stall, sent).await {
                    Err(failure) if failure.is_mute() => Err(self.reason_at(key, failure).await),
                    // Every server says one of them. A proxy that answers in its place says neither.
                    Ok(head) if head.e_tag.is_none() && head.last_modified.is_none() => {
                        Err(Failure::foreign())
                    }
                    settled => settled,
                }
            })
            .await
    }

    /// Why a look at an object failed with `failure`: an answer to GET can say it. Keys that ran out are among the
    /// reasons, and of those a long run must hear.
    async fn reason_at(&self, key: &str, failure: Failure) -> Failure {
        let request = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(self.full(key))
            .range("bytes=0-0");
        let sent = async move { request.send().await.map_err(|error| Failure::of(&error)) };
        failure.explained(bounded(self.patience.stall, sent).await)
    }

    /// Keys of the objects that make up the dump of exactly this name, in the order of their bytes; never empty.
    /// A single one may be [continued](Self::with_continuations) by others.
    ///
    /// # Errors
    /// If it isn't there, or a piece is missing.
    pub fn dump(&self, name: &DumpName) -> Result<Vec<String>> {
        let key = name.to_string();
        // A key that may only read objects can't list; then the dump can only be one object.
        let Some(entries) = self.list_if_allowed(&key)? else {
            return Ok(vec![key]);
        };
        let catalogue = self.catalogue(entries)?;
        match catalogue.dumps.iter().find(|dump| dump.name == *name) {
            Some(dump) => pieces(dump),
            None => Err(Error::permanent(
                format!("read {key}"),
                format!("it is not in {}", self.place),
            )
            .hint("s3ls shows what is there")),
        }
    }

    /// The same for the newest dump of the host, file system and level in `name`, whatever its date.
    ///
    /// # Errors
    /// If there is none, a piece is missing, or the bucket can't be listed.
    pub fn newest_dump(&self, name: &DumpName) -> Result<Vec<String>> {
        let catalogue = self.catalogue(self.list(&level(name))?)?;
        let set = Set::of(catalogue.dumps.iter().collect());
        let Some(dump) = set.newest(None).map(|index| set.dumps()[index]) else {
            let what = format!("read {} level {} of {}", name.fs, name.level, name.host);
            return Err(
                Error::permanent(what, format!("no such dump is in {}", self.place))
                    .hint("s3ls -a shows what is there"),
            );
        };
        let speaker = self.patience.speaker;
        if !is_trusted(dump) {
            speaker.warning(format_args!(
                "{} was stored at {:.0}, which its name does not say",
                dump.key(),
                dump.modified()
            ));
        }
        speaker.detail(format_args!("the newest is {}", dump.key()));
        pieces(dump)
    }

    /// Every dump of the host, file system and level in `name`, or `None` where the keys don't allow to list.
    ///
    /// # Errors
    /// If the bucket can't be listed for another reason.
    pub fn dumps_like(&self, name: &DumpName) -> Result<Option<Vec<Dump>>> {
        let Some(entries) = self.list_if_allowed(&level(name))? else {
            return Ok(None);
        };
        Ok(Some(self.catalogue(entries)?.dumps))
    }
}

/// What all keys of the host, file system and level in `name` begin with.
fn level(name: &DumpName) -> String {
    format!("{}:{}:{}:", name.host, name.fs, name.level)
}

fn pieces(dump: &Dump) -> Result<Vec<String>> {
    if let Some(flaw) = dump.flaw() {
        return Err(Error::permanent(format!("read {}", dump.key()), flaw));
    }
    // What continues an object is found by what the objects say, by whoever reads them.
    let named = dump
        .pieces
        .iter()
        .filter(|(piece, _)| !matches!(piece, Piece::Next(_)));
    Ok(named.map(|(_, entry)| entry.key.clone()).collect())
}
