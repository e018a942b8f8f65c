//! The requests that make a repacked dump visible: one, or where it is in an archive two, the hot tail's first.

use std::collections::HashMap;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::filling::length;
use super::{LEAST, Region, Repack};
use crate::bucket::checksum;
use crate::bucket::chunked::Parcel;
use crate::bucket::continued;
use crate::bucket::failure::Kind;
use crate::bucket::get::Seen;
use crate::bucket::ladder::{Cuts, Ladder};
use crate::bucket::put::several::Bundle;
use crate::bucket::put::upload::{About, begin};
use crate::bucket::put::{Prepared, Run, Stage, Stored, token};
use crate::error::{Error, Result};
use crate::names;

impl Run<'_> {
    pub(super) async fn exchange(&self, prepared: &Prepared) -> Result<Stored> {
        let bundle = Bundle::of(std::slice::from_ref(prepared));
        self.bucket.complete(bundle, self.standing, false).await
    }

    /// The hot tail goes first: a dump that can't be read without one must not be there with another's. If the dump
    /// stays what it was, so does its tail.
    pub(super) async fn exchange_with_tail(
        &self,
        prepared: &Prepared,
        like: &Like,
        new: Vec<Bytes>,
        old: Vec<Bytes>,
    ) -> Result<Stored> {
        let key = names::literal(&names::tail(&prepared.key))?;
        let there = match self.bucket.head(&key).await {
            Ok(head) => Some(self.bucket.seen(&key, head)?),
            Err(failure) if failure.kind == Kind::Missing => None,
            Err(failure) => return Err(failure.error(format!("look at {key}"))),
        };
        let is_ours = |seen: &Seen| [&new, &old].into_iter().any(|one| length(one) == seen.size);
        if there.as_ref().is_some_and(|seen| !is_ours(seen)) {
            return Err(Error::permanent(
                format!("replace {key}"),
                format!("what is there is not the tail of {}", prepared.key),
            ));
        }
        let tail = self.tail(&key, like, new, there.as_ref()).await?;
        let stored = self.exchange(&tail).await?;
        let exchanged = self.exchange(prepared).await;
        if exchanged.is_err()
            && let Err(error) = self.put_back(prepared, like, &stored, old).await
        {
            self.bucket.patience.speaker.warning(format_args!(
                "{key} may be that of a dump which was not stored, and the same command is needed again: {error}"
            ));
        }
        exchanged
    }

    /// Puts the old tail in the place of the new one, if it is certain that the dump stays what it was.
    async fn put_back(
        &self,
        prepared: &Prepared,
        like: &Like,
        new: &Stored,
        old: Vec<Bytes>,
    ) -> Result<()> {
        let (bucket, key) = (self.bucket, &prepared.key);
        // The server may still be at it.
        let ended = bucket.give_up(key, &prepared.upload).await;
        ended.map_err(|failure| failure.error(format!("abort the upload of {key}")))?;
        self.standing.closed(&prepared.upload);
        if bucket.look(key).await?.etag != prepared.replaces {
            return Ok(());
        }
        let now = bucket.look(&new.key).await?;
        if now.etag.as_deref().map(|etag| etag.trim_matches('"')) != Some(new.etag.as_str()) {
            return Err(Error::permanent(
                format!("replace {}", new.key),
                "somebody else has replaced it meanwhile",
            ));
        }
        let tail = self.tail(&new.key, like, old, Some(&now)).await?;
        self.exchange(&tail).await.map(drop)
    }

    /// An upload of a tail, in the place of the one that is there.
    async fn tail(
        &self,
        key: &str,
        like: &Like,
        bytes: Vec<Bytes>,
        there: Option<&Seen>,
    ) -> Result<Prepared> {
        let size = Ladder::Fixed(LEAST);
        // The old one and the new one must be told from each other.
        let token = token();
        let mut metadata = like.metadata.clone();
        metadata.remove(continued::CAME);
        metadata.remove(continued::LIMIT);
        metadata.insert(continued::TOKEN.to_owned(), token.clone());
        metadata.insert(Cuts::METADATA.to_owned(), size.to_string());
        let about = About {
            metadata,
            class: None,
            tagging: like.tagging.clone(),
            like: None,
        };
        self.standing.stage.set(Stage::Beginning);
        let id = begin(self, key, about).await?;
        self.standing.opened(key, &id);
        let (sender, receiver) = mpsc::channel(1);
        let sending = self.send_filled(key, &id, LEAST, 0, receiver);
        let (sent, _) = tokio::join!(
            sending,
            async move { sender.send(Parcel::plain(bytes)).await }
        );
        let parts = sent?;
        let crc = checksum::of_all(parts.iter().map(|part| (part.crc64nvme, part.size)));
        Ok(Prepared {
            key: key.to_owned(),
            token: Some(token),
            overwrite: true,
            class: None,
            upload: id,
            size: parts.iter().map(|part| part.size).sum(),
            crc64nvme: crc,
            replaces: there.and_then(|seen| seen.etag.clone()),
            parts,
            resumed: 0,
        })
    }
}

/// What a tail says besides its bytes: what the dump says.
pub(super) struct Like {
    pub(super) metadata: HashMap<String, String>,
    pub(super) tagging: Option<String>,
}

/// The tails of a cold dump, as they come.
pub(super) struct Tail {
    new: Vec<Bytes>,
    old: Vec<Bytes>,
}

impl Tail {
    pub(super) fn of(repack: &Repack) -> Self {
        let head = repack.chunks.tail_head();
        Self {
            new: vec![head.clone()],
            old: vec![head],
        }
    }

    /// The new one and the old one, when all was read.
    pub(super) fn ended(mut self, last: &Bytes) -> (Vec<Bytes>, Vec<Bytes>) {
        self.new.push(last.clone());
        (self.new, self.old)
    }

    pub(super) fn take(&mut self, region: Region, frames: &[Bytes]) {
        if region != Region::Chunks {
            self.old.extend_from_slice(frames);
        }
        if region == Region::Index {
            self.new.extend_from_slice(frames);
        }
    }
}
