//! Storing a stream as one object; or as several, if it is longer than one may be.
//!
//! The object appears by one request or not at all: a PutObject when the stream fits into the first part,
//! else the completion of a multipart upload. Objects that continue it are completed before, so that it is still
//! one request that makes all of it a dump. All requests are create-only unless the user says otherwise, and
//! carry the CRC-64/NVME that was computed here, so that the server proves what it holds. Where the keys allow
//! it, the key is looked at before (some servers ignore the condition) and the object after (some servers store
//! something else). A stream that comes in pieces becomes an object for each. An upload that fails, or that a
//! signal ends, is aborted. Memory is bounded by [`Order::memory`]; what doesn't fit goes through files.

mod blocks;
mod commit;
mod copy;
mod input;
mod numbered;
mod once;
mod original;
mod pending;
mod phases;
mod reader;
mod repack;
mod rest;
mod resume;
mod scratch;
mod send;
mod several;
mod terms;
mod upload;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::Read;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use tokio::sync::{Notify, oneshot};

pub(super) use self::copy::copy_source;
pub use self::numbered::Pieces;
pub use self::once::EXISTS;
pub use self::pending::Pending;
pub use self::phases::Abandoned;
use self::reader::Part;
pub use self::repack::Repack;
pub use self::rest::{Rest, Seam};
use self::resume::Unfinished;
use self::several::Bundle;
pub use self::terms::{Approval, ChunkStream};
use super::ladder::{LARGEST, Ladder, MOST, Plan, SMALLEST, USUAL_LIMIT, fixed, plan};
use super::{Bucket, signals};
use crate::chunks::Id;
use crate::error::{Doing, Error, Result};
use crate::rate::{Pacer, Timetable};
use crate::units::human;

/// A look at the key is good for this long.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// After a signal this long is given to requests whose outcome matters.
const SETTLING: Duration = Duration::from_secs(10);

/// How many uploads are aborted at once.
const ABORTED_AT_ONCE: usize = 8;

/// What to store, where, and how.
#[derive(Clone)]
pub struct Order {
    /// Key, without the place's prefix.
    pub key: String,
    /// Replace an object of that name.
    pub overwrite: bool,
    /// Storage class, as S3 names it.
    pub class: Option<String>,
    /// Metadata of the user's.
    pub metadata: Vec<(String, String)>,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// Give the bucket's owner full control of the object, where whoever writes an object owns it.
    pub grant_owner: bool,
    /// Store a stream of no bytes.
    pub allow_empty: bool,
    /// All parts of this many bytes, instead of growing ones.
    pub part_size: Option<u64>,
    /// Bytes of one object, if not as many as is usual; a longer stream goes on in another one.
    pub max_object: Option<u64>,
    /// Parts of one object.
    pub max_parts: u32,
    /// Parts under way at once.
    pub parallel: usize,
    /// Bytes that buffers may take. Parts that don't fit go through files in `$TMPDIR` or `/var/tmp`.
    pub memory: u64,
    /// How fast to send.
    pub pacer: Arc<Pacer>,
    /// Go on with an upload that an earlier run left unfinished, and leave one that the next can go on with.
    pub resume: bool,
    /// What comes is only a new beginning, and the server copies what follows it.
    pub rest: Option<Rest>,
    /// When all this began, by our clock: seconds since 1970 (UTC).
    pub started: i64,
    /// The id of the chunk stream that comes. Whoever reads the stream sets it at its beginning, if it is one.
    pub id: Arc<OnceLock<Id>>,
    /// Where to cut, if the stream comes in pieces that become objects of their own. Whoever reads the stream tells.
    pub pieces: Pieces,
}

/// What was stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Key, without the place's prefix.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// CRC-64/NVME of all of them, in base64; empty where the server copied most of them and knows none.
    pub crc64nvme: String,
    /// The server's mark of this content; empty where it told none.
    pub etag: String,
    /// Version, in a bucket that keeps versions.
    pub version: Option<String>,
    /// Storage class.
    pub class: String,
    /// Requests that carried the bytes.
    pub parts: u32,
    /// When it began: seconds since 1970 (UTC); `None` where a prepared dump doesn't say it.
    pub started: Option<i64>,
    /// From the first byte read to the answer.
    pub seconds: f64,
    /// What tells this run's object from anybody else's; `None` where the upload was an earlier run's, and the
    /// object can't be looked at.
    pub token: Option<String>,
    /// Bytes that an earlier run had sent.
    pub resumed: u64,
    /// What is known of the chunk stream that was stored, if it is one.
    pub chunks: Option<ChunkStream>,
    /// The objects one by one, where they are several; the rest of the fields is about all of them together,
    /// ETag, version and class about the first.
    pub objects: Vec<Stored>,
}

impl Order {
    /// To store what comes as `key`, with nothing special about it.
    #[must_use]
    pub fn of(key: String) -> Self {
        Self {
            key,
            overwrite: false,
            class: None,
            metadata: Vec::new(),
            tags: Vec::new(),
            grant_owner: false,
            allow_empty: false,
            part_size: None,
            max_object: None,
            max_parts: MOST,
            parallel: 4,
            memory: 256 << 20,
            pacer: Arc::new(Pacer::new(Timetable::default())),
            resume: false,
            rest: None,
            started: 0,
            id: Arc::default(),
            pieces: Pieces::default(),
        }
    }

    /// Fails if the order can't be carried out whatever the input.
    ///
    /// # Errors
    /// If parts or objects have an impossible size.
    pub fn check(&self) -> Result<()> {
        self.plan().map(|_| ())
    }

    fn plan(&self) -> Result<Plan> {
        if let Some(size) = self.max_object
            && !(SMALLEST..=LARGEST * u64::from(MOST)).contains(&size)
        {
            return Err(
                Error::usage(format!("an object can't be of {}", human(size)))
                    .hint("an object is 5M to 48.8T"),
            );
        }
        match self.part_size {
            None => Ok(plan(self.max_object, self.max_parts)),
            Some(size) if (SMALLEST..=LARGEST).contains(&size) => {
                Ok(fixed(size, self.max_object, self.max_parts))
            }
            Some(size) => Err(Error::usage(format!("a part can't be of {}", human(size)))
                .hint("a part is 5M to 5G")),
        }
    }

    /// The same, cut as an earlier run began to.
    fn plan_with(&self, ladder: Ladder) -> Plan {
        let reach = ladder.reach(self.max_parts.clamp(1, MOST));
        Plan {
            ladder,
            limit: self.max_object.unwrap_or(USUAL_LIMIT).min(reach),
        }
    }
}

/// A stream whose bytes are all with the server, while nothing of it is visible yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Prepared {
    /// Key, without the place's prefix.
    pub(super) key: String,
    /// What tells this run's object from anybody else's; `None` of an upload that an earlier run began: its
    /// token can't be read before it is an object.
    pub(super) token: Option<String>,
    /// Replace an object of that name.
    pub(super) overwrite: bool,
    /// The storage class that was asked for.
    pub(super) class: Option<String>,
    /// The upload that completing makes visible.
    pub(super) upload: String,
    /// Bytes.
    pub(super) size: u64,
    /// CRC-64/NVME of all of them, unless the server copied some and knows none.
    pub(super) crc64nvme: Option<u64>,
    /// The ETag of the object that this one replaces, if it is to replace no other.
    pub(super) replaces: Option<String>,
    /// What the upload is made of, in order.
    pub(super) parts: Vec<Sent>,
    /// Bytes that an earlier run had sent.
    pub(super) resumed: u64,
}

/// A part that the server has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Sent {
    /// Counted from 1.
    pub(super) number: u32,
    /// Bytes.
    pub(super) size: u64,
    /// The server's mark of it, as it was told.
    pub(super) etag: Option<String>,
    /// CRC-64/NVME of its bytes, unless the server copied them and doesn't tell.
    pub(super) crc64nvme: Option<u64>,
    /// An earlier run had sent it.
    pub(super) resumed: bool,
}

/// What a signal interrupts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Reading and sending: nothing is lost by stopping.
    Sending,
    /// An upload is being begun, whose name we need for aborting it.
    Beginning,
    /// Requests are under way that make visible what is no dump yet.
    Completing,
    /// The request is under way that makes the object visible.
    Committing,
}

/// Where a run stands, for whoever has to end it.
struct Standing {
    stage: Cell<Stage>,
    /// What the request under way is about.
    key: RefCell<String>,
    /// What is open is left to the next run instead of being aborted.
    keeps: Cell<bool>,
    /// Uploads to abort when we fail: key and id.
    open: RefCell<Vec<(String, String)>>,
    /// No further request is to be begun.
    stops: Cell<bool>,
    /// What is visible, and no dump without something else.
    astray: RefCell<Vec<Stored>>,
    /// Told when an upload was begun.
    begun: Notify,
}

impl Standing {
    fn of(key: &str) -> Self {
        Self {
            stage: Cell::new(Stage::Sending),
            key: RefCell::new(key.to_owned()),
            keeps: Cell::new(false),
            open: RefCell::default(),
            stops: Cell::new(false),
            astray: RefCell::default(),
            begun: Notify::new(),
        }
    }

    /// The request comes that makes `key` visible.
    fn commits(&self, key: &str) {
        self.key.replace(key.to_owned());
        self.stage.set(Stage::Committing);
    }

    /// From here on it is `id` that a failure leaves behind.
    fn opened(&self, key: &str, id: &str) {
        self.open.borrow_mut().push((key.to_owned(), id.to_owned()));
        self.stage.set(Stage::Sending);
        self.begun.notify_one();
    }

    /// There is nothing to abort any more.
    fn closed(&self, id: &str) {
        self.open.borrow_mut().retain(|(_, open)| open != id);
    }
}

/// What tells an object from anybody else's.
fn token() -> String {
    format!("{:016x}{:016x}", super::random(), super::random())
}

/// One run: the order, and what identifies it.
struct Run<'a> {
    bucket: &'a Bucket,
    order: &'a Order,
    token: String,
    plan: Plan,
    standing: &'a Standing,
    /// Told after every part.
    progress: &'a dyn Fn(u64),
    /// Asked at the end of the input.
    judge: Cell<Option<Judge>>,
    /// An upload of an earlier run to go on with.
    unfinished: RefCell<Option<Unfinished>>,
    /// What the judge knew of the stream.
    approval: RefCell<Approval>,
    /// The earliest that the clock said until the server had answered once.
    started: Cell<i64>,
}

/// Says, after the end of a stream, whether all of it came, and what more is known of it. It may block.
pub type Judge = Box<dyn FnOnce() -> Result<Approval> + Send>;

impl Bucket {
    /// Stores what `input` delivers until its end, if `judge` then says that this was all of it. `progress` is
    /// told how many bytes are safe so far.
    ///
    /// # Errors
    /// If the object exists already, nothing was delivered, or the server can't be brought to store it; after
    /// any error nothing is visible under the key that wasn't before, unless the message says that it is unknown.
    pub fn put(
        &self,
        input: impl Read + Send + 'static,
        order: &Order,
        progress: &dyn Fn(u64),
        judge: Judge,
    ) -> Result<Stored> {
        let standing = Standing::of(&order.key);
        let run = self.run(order, &standing, progress, judge)?;
        // Boxed: all that a run does is too much for the stack of a thread that isn't the first.
        self.unless_ended(&standing, Box::pin(run.store(input)))
    }

    /// A run that is ready to begin.
    fn run<'a>(
        &'a self,
        order: &'a Order,
        standing: &'a Standing,
        progress: &'a dyn Fn(u64),
        judge: Judge,
    ) -> Result<Run<'a>> {
        let plan = order.plan()?;
        let unfinished = if order.resume {
            self.unless_ended(standing, resume::find(self, order, standing))?
        } else {
            None
        };
        Ok(Run {
            bucket: self,
            order,
            token: token(),
            plan: match &unfinished {
                Some(found) => order.plan_with(found.ladder),
                None => plan,
            },
            standing,
            progress,
            judge: Cell::new(Some(judge)),
            unfinished: RefCell::new(unfinished),
            approval: RefCell::default(),
            started: Cell::new(order.started),
        })
    }

    /// Does `work`, unless a signal ends it; what it leaves open when it fails is aborted.
    fn unless_ended<T>(
        &self,
        standing: &Standing,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.runtime.block_on(async {
            let mut work = pin!(work);
            let outcome = tokio::select! {
                biased;
                signal = signals::ended() => match standing.stage.get() {
                    Stage::Sending => Err(signal),
                    // The server may be about to act on what was sent: it is better to know than to run.
                    Stage::Beginning => {
                        standing.stops.set(true);
                        let begun = async { tokio::select! { _ = &mut work => {}, () = standing.begun.notified() => {} } };
                        let _ = tokio::time::timeout(SETTLING, begun).await;
                        Err(signal)
                    }
                    Stage::Completing => {
                        standing.stops.set(true);
                        let settled = tokio::time::timeout(SETTLING, &mut work).await;
                        settled.unwrap_or(Err(signal.clone())).map_err(|_| signal)
                    }
                    Stage::Committing => match tokio::time::timeout(SETTLING, &mut work).await {
                        Ok(settled) => settled,
                        Err(_) => {
                            // Aborting now could undo what the server is just making visible.
                            standing.open.borrow_mut().clear();
                            let key = standing.key.borrow();
                            Err(Error::temporary(format!("learn whether {key} was stored"), signal.cause())
                                .hint("it may be there: look before storing it again"))
                        }
                    },
                },
                done = &mut work => done,
            };
            if outcome.is_err() {
                self.take_back_astray(standing).await;
                let open = stream::iter(standing.open.take());
                open.for_each_concurrent(ABORTED_AT_ONCE, async |(key, id)| {
                    if standing.keeps.get() {
                        self.patience.speaker.note(resume::left(&key));
                        return;
                    }
                    // Whoever sent a signal waits; a lifecycle rule, or s3prune --uploads, catches what stays.
                    let aborted = tokio::time::timeout(SETTLING, self.give_up(&key, &id)).await;
                    if !matches!(aborted, Ok(Ok(()))) {
                        self.patience.speaker.warning(format_args!("the upload of {key} could not be aborted; 's3ls --uploads' shows it"));
                    }
                })
                .await;
            }
            outcome
        })
    }

    /// Fails if an object of that name exists, as far as the keys allow to look.
    ///
    /// # Errors
    /// If it exists, or the server can't be asked.
    pub fn check_absent(&self, key: &str) -> Result<()> {
        self.runtime.block_on(commit::absent(self, key))
    }
}

impl Run<'_> {
    /// From the stream to the visible object.
    async fn store(&self, input: impl Read + Send + 'static) -> Result<Stored> {
        let began = Instant::now();
        if let Some(rest) = &self.order.rest {
            let prepared = self.send_beginning(input, rest).await?;
            let bundle = Bundle::of(&prepared);
            let stored = self.bucket.complete(bundle, self.standing, false).await?;
            return Ok(self.told(stored, began));
        }
        let (first, parts) = self.opened(input).await?;
        if self.order.pieces.are_told() {
            let prepared = self.send_numbered(first, parts).await?;
            return Ok(self.told(self.complete_numbered(&prepared).await?, began));
        }
        self.check_place().await?;
        // A single request is signed before its bytes are sent, however long that takes: what must be in time, or
        // has a tail, is completed by a short one.
        let at_once =
            first.last && self.unfinished.borrow().is_none() && self.approval.borrow().is_free();
        let stored = if at_once {
            // Some servers ignore the condition. Whoever was faster meanwhile is at least seen.
            if !self.order.overwrite && began.elapsed() > LOOK_AGAIN {
                commit::absent(self.bucket, &self.order.key).await?;
            }
            self.store_at_once(first, false).await?
        } else {
            let prepared = self.send_all(first, parts).await?;
            let tail = self.send_tail().await?;
            let bundle = Bundle {
                objects: &prepared,
                tail: tail.as_ref(),
                until: self.approval.borrow().until(),
                id: self.order.id.get(),
            };
            self.bucket.complete(bundle, self.standing, false).await?
        };
        Ok(self.told(stored, began))
    }

    /// What was stored, with what only the run knows of it.
    fn told(&self, stored: Stored, began: Instant) -> Stored {
        Stored {
            started: Some(self.started.get()),
            seconds: began.elapsed().as_secs_f64(),
            chunks: self.approval.take().chunks,
            ..stored
        }
    }

    /// A server has accepted what we signed, so our clock is right now, whatever it was before.
    fn answered(&self) {
        self.started.set(self.started.get().min(terms::now()));
    }

    /// Begins to read. A stream that is one part has been judged when this returns.
    async fn opened(&self, input: impl Read + Send + 'static) -> Result<(Part, reader::Parts)> {
        if !self.order.overwrite {
            commit::absent(self.bucket, &self.order.key).await?;
        }
        let speaker = self.bucket.patience.speaker;
        if self.plan.limit < self.order.max_object.unwrap_or(USUAL_LIMIT) {
            speaker.detail(format_args!(
                "an object holds at most {}; a longer stream goes on in another one",
                human(self.plan.limit)
            ));
        }
        let cut = reader::Cut {
            plan: self.plan,
            memory: self.order.memory,
            parallel: self.order.parallel,
            scratch: crate::scratch::place(),
            pieces: self.order.pieces.clone(),
            speaker,
        };
        let mut parts = reader::start(input, cut).doing("start a thread")?;
        let first = next(&mut parts).await?;
        if first.last {
            self.judged(&first).await?;
        }
        Ok((first, parts))
    }

    /// Asks of a stream that is one part whether it was all there was.
    async fn judged(&self, only: &Part) -> Result<()> {
        self.judged_at_end().await?;
        if only.content.len() == 0 && !self.order.allow_empty {
            return Err(Error::permanent(
                format!("store {}", self.order.key),
                "the stream was empty",
            )
            .hint(
                "the program before us may have failed; --allow-empty stores nothing as something",
            ));
        }
        Ok(())
    }

    /// Asks whether what came is all there was, and whether what it refers to is there; once.
    async fn judged_at_end(&self) -> Result<()> {
        let Some(judge) = self.judge.take() else {
            return Ok(());
        };
        let approval = aside("judge", "learn how the stream ended", judge).await?;
        if let Some(bond) = approval.bond() {
            self.bucket.check_bond(&self.order.key, bond).await?;
        }
        self.approval.replace(approval);
        Ok(())
    }
}

/// Does what may block on a thread that may be left behind.
async fn aside<T: Send + 'static>(
    name: &str,
    doing: &str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, outcome) = oneshot::channel();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || sender.send(work()))
        .doing(doing)?;
    outcome.await.unwrap_or_else(|_| {
        Err(Error::permanent(
            doing,
            "the thread that waits for it stopped",
        ))
    })
}

async fn next(parts: &mut reader::Parts) -> Result<Part> {
    match parts.recv().await {
        Some(part) => part.doing("read the stream"),
        None => Err(Error::permanent("read the stream", "its reader stopped")),
    }
}
