//! How it is known that what is read and copied is what was stored.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use tokio::sync::mpsc;

use super::{GAP, Repack, wish};
use crate::bucket::checksum::{self, Check, Verdict};
use crate::bucket::chunked::{Evidence, Parcel};
use crate::bucket::content::Content;
use crate::bucket::get::Seen;
use crate::bucket::ladder::MOST;
use crate::bucket::put::Run;
use crate::bucket::put::copy::{Piece, copy};
use crate::bucket::put::upload::{About, begin};
use crate::error::{Error, Result};

impl Run<'_> {
    /// Reads the chunks of other objects. What was read is what the server holds: it copies the same bytes into an upload
    /// that nothing comes of, and tells what they come to.
    pub(super) async fn bring(&self, repack: &Repack, out: mpsc::Sender<Parcel>) -> Result<()> {
        let key = repack.key();
        let about = About {
            metadata: HashMap::new(),
            class: None,
            tagging: None,
            like: None,
        };
        let scratch = begin(self, key, about).await?;
        self.standing.opened(key, &scratch);
        let (next, id) = (Cell::new(0), scratch.as_str());
        let witness = |evidence: Evidence| -> LocalBoxFuture<'_, Result<()>> {
            next.set(next.get() % MOST + 1);
            Box::pin(self.compare(key, id, next.get(), evidence))
        };
        self.bucket
            .chunks(&repack.chunks, &wish(), GAP, out, &witness)
            .await?;
        if let Err(failure) = self.bucket.give_up(key, &scratch).await {
            self.bucket.patience.speaker.warning(format_args!(
                "an upload of {key} could not be aborted; 's3ls --uploads' shows it: {}",
                failure.text()
            ));
        }
        self.standing.closed(&scratch);
        Ok(())
    }

    async fn compare(&self, key: &str, id: &str, number: u32, read: Evidence) -> Result<()> {
        let doing = || format!("prove what was read of {}", read.key);
        let (from, to) = (read.from, read.to);
        let piece = Piece { number, from, to };
        let source = (read.key.as_str(), read.etag.as_deref());
        let copied = copy(self, key, id, source, piece).await;
        let copied = copied.map_err(|error| Error::new(error.class(), doing(), error.cause()))?;
        let etag = copied.etag.as_deref().map(|etag| etag.trim_matches('"'));
        let is_same = match (copied.crc64nvme, etag) {
            (Some(crc), _) => {
                let mut digest = checksum::digest();
                read.frames.iter().for_each(|frame| digest.update(frame));
                digest.finalize() == crc
            }
            (None, Some(etag)) if checksum::is_md5(etag) => {
                let content = Content::Memory(Arc::from(read.frames.clone()));
                checksum::md5(&content).as_deref() == Some(etag)
            }
            _ => {
                return Err(Error::permanent(
                    doing(),
                    "the server tells no checksum of what it copies",
                ));
            }
        };
        match is_same {
            true => Ok(()),
            false => Err(
                Error::temporary(doing(), "what came is not what the server holds")
                    .hint("nothing was changed; the connection may have damaged it"),
            ),
        }
    }
}

/// Of the object that is replaced.
pub(super) enum Proof {
    /// All of it is read.
    Whole(Option<Check>),
    /// What follows the part that is copied.
    Rest(crcs::Digest),
}

impl Proof {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Whole(Some(check)) => check.update(bytes),
            Self::Whole(None) => {}
            Self::Rest(digest) => digest.update(bytes),
        }
    }

    /// The CRC-64/NVME of the first `copied` bytes of `seen`, of which the rest was read; none if all was.
    pub(super) fn verdict(self, seen: &Seen, copied: u64) -> Result<Option<u64>> {
        let doing = || format!("read {}", seen.key);
        match self {
            Self::Rest(digest) => {
                let whole = checksum::whole_crc64(&seen.head).ok_or_else(|| mismatch(&seen.key))?;
                let length = seen.size - copied;
                Ok(Some(checksum::beginning(whole, digest.finalize(), length)))
            }
            Self::Whole(check) => match check.map_or(Verdict::Unknown, Check::verdict) {
                Verdict::Proven => Ok(None),
                Verdict::Damaged => {
                    Err(Error::permanent(doing(), "it does not match its checksum"))
                }
                Verdict::Unknown => Err(Error::permanent(
                    doing(),
                    "the server holds no checksum of it that could be compared",
                )),
            },
        }
    }
}

/// What was copied is something else.
pub(super) fn mismatch(key: &str) -> Error {
    Error::permanent(
        format!("copy what {key} holds"),
        "what the server copied does not match what it says of the object",
    )
    .hint("nothing was changed; 's3get --verify' tells whether the object is damaged")
}
