//! A stream in pieces: each becomes an object of its own, `KEY:0`, `KEY:1`, and so on.
//!
//! Each piece is one part of an upload of its own, and no upload is completed before all of the stream came and was
//! judged. Then those after the first one are completed, side by side, and the first one last: without it the others
//! are no whole dump for anybody. If that fails between, what is visible is removed again, where the keys in use may.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::{self, FuturesUnordered};

use super::commit::{self, Commit};
use super::reader::{self, Part};
use super::several::together;
use super::upload::{About, begin, send_part};
use super::{Prepared, Run, SETTLING, Stage, Standing, Stored, next};
use crate::bucket::ladder::{Cuts, LARGEST, Ladder};
use crate::bucket::numbered::{PIECE, PIECES, key};
use crate::bucket::{Bucket, continued};
use crate::error::{Class, Error, Result};

/// How many uploads are completed at once.
const AT_ONCE: usize = 8;

/// Where a stream that comes in pieces is cut. Whoever reads the stream tells, and whoever stores it asks. Handles are
/// cheap.
#[derive(Clone, Debug, Default)]
pub struct Pieces(Arc<Mutex<Option<VecDeque<u64>>>>);

impl Pieces {
    /// The most bytes that a piece may have: it is one part.
    pub const LARGEST: u64 = LARGEST;

    /// The stream comes in pieces.
    pub fn come(&self) {
        self.sizes().get_or_insert_default();
    }

    /// A piece of so many bytes comes next. Told before the first of them.
    pub fn begins(&self, size: u64) {
        self.sizes().get_or_insert_default().push_back(size);
    }

    /// True if the stream comes in pieces.
    pub(super) fn are_told(&self) -> bool {
        self.sizes().is_some()
    }

    /// The size of the next piece; `None` if no more is told of.
    pub(super) fn next(&self) -> Option<u64> {
        self.sizes().as_mut().and_then(VecDeque::pop_front)
    }

    fn sizes(&self) -> std::sync::MutexGuard<'_, Option<VecDeque<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run<'_> {
    /// Brings a stream in pieces to the server, each as an upload, and asks whether all of it came. The uploads stay
    /// open; they come in the order of the bytes, and are never none.
    pub(super) async fn send_numbered(
        &self,
        first: Part,
        mut parts: reader::Parts,
    ) -> Result<Vec<Prepared>> {
        let turn = tokio::sync::Mutex::new(());
        let mut under_way = FuturesUnordered::new();
        let mut prepared = Vec::new();
        let (mut count, mut reading) = (0, true);
        let mut waiting = Some(first);
        let all = async {
            loop {
                if let Some(part) = waiting.take() {
                    reading = !part.last;
                    under_way.push(self.send_piece(count, part, &turn));
                    count += 1;
                }
                let room = under_way.len() < self.order.parallel.max(1);
                tokio::select! {
                    Some(sent) = under_way.next() => prepared.push(sent?),
                    part = next(&mut parts), if reading && room => waiting = Some(part?),
                    else => break Ok(()),
                }
            }
        };
        if let Err(error) = all.await {
            self.standing.stops.set(true);
            // Whoever has the turn is beginning an upload, and nobody could abort it without its name.
            let rest = async { while under_way.next().await.is_some() {} };
            let begun = async {
                tokio::select! { () = rest => {}, _ = turn.lock() => {} }
            };
            let _ = tokio::time::timeout(SETTLING, begun).await;
            return Err(error);
        }
        self.judged_at_end().await?;
        prepared.sort_by_key(|(number, _)| *number);
        Ok(prepared.into_iter().map(|(_, piece)| piece).collect())
    }

    async fn send_piece(
        &self,
        number: u32,
        part: Part,
        turn: &tokio::sync::Mutex<()>,
    ) -> Result<(u32, Prepared)> {
        let (size, crc) = (part.content.len(), part.crc);
        let key = key(&self.order.key, number);
        commit::absent_else(self.bucket, &key, commit::ANOTHER).await?;
        let about = About {
            metadata: self.piece_metadata(number, &part),
            class: self.class(),
            tagging: self.tagging(),
            like: None,
        };
        let upload = {
            // One after the other: a signal waits for the name of the one that is being begun.
            let _turn = turn.lock().await;
            if self.standing.stops.get() {
                return Err(stopped());
            }
            self.standing.stage.set(Stage::Beginning);
            let upload = begin(self, &key, about).await?;
            self.standing.opened(&key, &upload);
            upload
        };
        let sent = send_part(self, &key, &upload, 1, part).await?;
        let piece = Prepared {
            key,
            token: Some(self.token.clone()),
            overwrite: false,
            class: self.order.class.clone(),
            upload,
            size,
            crc64nvme: Some(crc),
            replaces: None,
            parts: vec![sent],
            resumed: 0,
        };
        Ok((number, piece))
    }

    fn piece_metadata(&self, number: u32, part: &Part) -> HashMap<String, String> {
        let cuts = Cuts::from(Ladder::Fixed(part.content.len().max(1)));
        let ours = [
            (continued::TOKEN, self.token.clone()),
            (Cuts::METADATA, cuts.to_string()),
            (PIECE, number.to_string()),
        ];
        let count = (u64::from(number) + 1).to_string();
        let last = part.last.then_some((PIECES, count));
        let ours = ours.into_iter().chain(last);
        let ours = ours.map(|(name, value)| (name.to_owned(), value));
        self.order.metadata.iter().cloned().chain(ours).collect()
    }

    /// Makes the pieces visible, the first one last.
    pub(super) async fn complete_numbered(&self, prepared: &[Prepared]) -> Result<Stored> {
        let (bucket, standing, dump) = (self.bucket, self.standing, &self.order.key);
        let [first, rest @ ..] = prepared else {
            return Err(Error::permanent("store the stream", "nothing was prepared"));
        };
        let complete = async |one: &Prepared| {
            let commit = Commit {
                piece: true,
                ..Commit::of(bucket, one)
            };
            let stored = commit.complete(one).await?;
            standing.closed(&one.upload);
            Ok::<_, Error>(stored)
        };
        // Until the first one comes all can be undone, but nothing is left while it is under way.
        standing.stage.set(Stage::Completing);
        let rest: Vec<Result<Stored>> = stream::iter(rest)
            .map(async |one| {
                if standing.stops.get() {
                    return Err(stopped());
                }
                let done = complete(one).await;
                match &done {
                    Ok(stored) => standing.astray.borrow_mut().push(stored.clone()),
                    Err(_) => standing.stops.set(true),
                }
                done
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        if standing.stops.get() {
            let whys = rest.into_iter().filter_map(Result::err);
            // Those that were not begun say nothing.
            return Err(whys
                .max_by_key(|why| *why != stopped())
                .unwrap_or_else(stopped));
        }
        let rest = rest.into_iter().collect::<Result<Vec<Stored>>>()?;
        let astray = standing.astray.take();
        standing.commits(&first.key);
        match complete(first).await {
            Ok(stored) => {
                let objects = [stored].into_iter().chain(rest).collect();
                Ok(Stored {
                    key: dump.clone(),
                    ..together(prepared, objects)?
                })
            }
            // It isn't there, so the others are no dump.
            Err(error) if error.class() == Class::Permanent => {
                standing.astray.replace(astray);
                Err(error)
            }
            Err(error) if astray.is_empty() => Err(error),
            Err(error) => {
                let left = format!(
                    "the pieces after {} are there, and no dump without it",
                    first.key
                );
                let advice = error.advice().map(|advice| format!("{advice}; {left}"));
                Err(error.hint(advice.unwrap_or(left)))
            }
        }
    }
}

/// Something else is the reason.
fn stopped() -> Error {
    Error::permanent("store the pieces", "one of them could not be stored")
}

impl Bucket {
    /// Removes the pieces of a dump that didn't come about, if the keys in use may.
    pub(super) async fn take_back_astray(&self, standing: &Standing) {
        let astray = standing.astray.take();
        let left: Vec<(String, String)> = stream::iter(&astray)
            .map(async |stored| {
                let removed = self.removed(stored).await;
                removed
                    .err()
                    .map(|why| (stored.key.clone(), why.text().to_owned()))
            })
            .buffered(AT_ONCE)
            .filter_map(async |left| left)
            .collect()
            .await;
        if let [(key, why), others @ ..] = left.as_slice() {
            let others = match others.len() {
                0 => "is left behind, and no dump: it".to_owned(),
                1 => "and another piece are left behind, and no dump: they".to_owned(),
                count => format!("and {count} other pieces are left behind, and no dump: they"),
            };
            self.patience
                .speaker
                .warning(format_args!("{key} {others} could not be deleted: {why}"));
        }
    }
}
