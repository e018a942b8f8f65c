//! What a chunk stream asks of its commit: that what it refers to is there, and stays; and a tail, where it will be cold.
//!
//! Whoever cut it took for granted that some objects are in this place, and that nobody removes them before a certain
//! moment. So the place must be this one, the moment must not have passed, and the objects must be there and be those
//! that were meant, as far as the keys in use may look: a key that only writes takes it on trust, as the grace allows.
//! In the same way it doesn't take the place of another chunk stream, which others may refer to.
//!
//! A dump that can't be read at once has a copy of its end that can. It is there before the dump is: without it nobody
//! would know what the dump needs.

use std::cell::{Cell, RefCell};
use std::io::Read;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::{Order, Pieces, Prepared, Run, commit};
use crate::bucket::Bucket;
use crate::bucket::continued::{CHUNKS, says};
use crate::bucket::failure::Kind;
use crate::chunks::grace::may_commit;
use crate::chunks::{Bond, Id, Object};
use crate::error::{Error, Result};
use crate::listing::is_cold;
use crate::names;

/// How many objects are looked at at once.
const AT_ONCE: usize = 8;
/// What to do about a stream that can't be committed.
const FULL: &str = "'s3chunk --full' makes a dump that refers to no other";

/// What is known of a chunk stream at its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChunkStream {
    /// Its id.
    pub id: Id,
    /// Chunks of the whole stream, those that come again each time.
    pub total: u64,
    /// Chunks that are new in it.
    pub new: u64,
    /// The other objects, if it refers to any.
    pub bond: Option<Bond>,
}

/// What is known of a stream that may be committed.
#[derive(Default)]
pub struct Approval {
    /// What it is, if it is a chunk stream.
    pub chunks: Option<ChunkStream>,
    /// The copy of its end that is to be stored, too.
    pub tail: Option<Box<dyn Read + Send>>,
}

impl Approval {
    pub(super) fn bond(&self) -> Option<&Bond> {
        self.chunks.as_ref().and_then(|chunks| chunks.bond.as_ref())
    }

    pub(super) fn until(&self) -> Option<i64> {
        self.chunks.as_ref().and_then(ChunkStream::until)
    }

    /// True if nothing is asked of the commit.
    pub(super) fn is_free(&self) -> bool {
        self.tail.is_none() && self.until().is_none()
    }
}

impl ChunkStream {
    /// How many other objects it refers to.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.bond.as_ref().map_or(0, |bond| bond.objects.len())
    }

    /// The moment after which it must not be committed.
    pub(super) fn until(&self) -> Option<i64> {
        self.bond.as_ref().map(|bond| bond.until)
    }
}

/// Seconds since 1970 (UTC), by our clock. S3 refuses requests of a host whose clock is wrong.
pub(super) fn now() -> i64 {
    Timestamp::now().as_second()
}

/// True after this moment.
pub(super) fn has_passed(until: i64) -> bool {
    !may_commit(now(), until)
}

/// It was to be committed until then.
pub(super) fn late(key: &str, until: i64) -> Error {
    let moment = Timestamp::from_second(until).unwrap_or(Timestamp::MAX);
    Error::permanent(
        format!("store {key}"),
        format!("the dumps that it refers to may go after {moment}, which has passed"),
    )
    .hint(FULL)
}

impl Run<'_> {
    /// Fails if the beginning of the stream says that it can't be stored where it is to go, as far as we may look.
    pub(super) async fn check_place(&self) -> Result<()> {
        let (bucket, order, id) = (self.bucket, self.order, self.order.id.get());
        if order.overwrite {
            return commit::dispensable(bucket, &order.key, id).await;
        }
        match id {
            Some(_) if order.class.as_deref().is_some_and(is_cold) => {
                commit::absent(bucket, &names::tail(&order.key)).await
            }
            _ => Ok(()),
        }
    }

    /// Brings the tail to the server, if there is to be one, as an upload that only needs to be completed.
    pub(super) async fn send_tail(&self) -> Result<Option<Prepared>> {
        let Some(tail) = self.approval.borrow_mut().tail.take() else {
            return Ok(None);
        };
        let order = Order {
            key: names::literal(&names::tail(&self.order.key))?,
            class: None,
            part_size: None,
            max_object: None,
            resume: false,
            pieces: Pieces::default(),
            ..self.order.clone()
        };
        let run = Run {
            bucket: self.bucket,
            order: &order,
            token: self.token.clone(),
            plan: order.plan()?,
            standing: self.standing,
            progress: &|_| {},
            judge: Cell::new(None),
            unfinished: RefCell::default(),
            approval: RefCell::default(),
            started: self.started.clone(),
        };
        let (first, parts) = Box::pin(run.opened(tail)).await?;
        let mut sent = Box::pin(run.send_all(first, parts)).await?;
        Ok(sent.pop())
    }
}

impl Bucket {
    /// Fails if the stream that is to be `key` must not be committed here and now.
    pub(super) async fn check_bond(&self, key: &str, bond: &Bond) -> Result<()> {
        let refused = |why: String| Error::permanent(format!("store {key}"), why);
        let here = self.place.to_string();
        if bond.place != here {
            return Err(refused(format!(
                "it refers to dumps in {}, and this is {here}",
                bond.place
            ))
            .hint("the known file belongs to the other place: have one for each, or use 's3chunk --full'"));
        }
        if has_passed(bond.until) {
            return Err(late(key, bond.until));
        }
        stream::iter(&bond.objects)
            .map(|object| self.check_object(key, object))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn check_object(&self, key: &str, object: &Object) -> Result<()> {
        let refused = |why: String| Error::permanent(format!("store {key}"), why).hint(FULL);
        let speaker = self.patience.speaker;
        let other = &object.key;
        let head = match self.head(other).await {
            Ok(head) => head,
            Err(failure) if failure.kind == Kind::Missing => {
                return Err(refused(format!("it refers to {other}, which is gone")));
            }
            Err(failure) if failure.kind == Kind::Denied => {
                speaker.detail(format_args!(
                    "it refers to {other}; the keys in use may not look whether that is there"
                ));
                return Ok(());
            }
            Err(failure) => return Err(failure.error(format!("look at {other}"))),
        };
        match says(&head, CHUNKS) {
            Some(id) if id == object.id.to_string() => Ok(()),
            Some(_) => Err(refused(format!(
                "it refers to {other}, and what is there now is another dump"
            ))),
            None => {
                speaker.note(format_args!(
                    "it refers to {other}, which doesn't say what it holds; taken to be what is meant"
                ));
                Ok(())
            }
        }
    }
}
