//! Storing a stream as one object.
//!
//! The object appears by one request or not at all: a PutObject when the stream fits into the first part,
//! else the completion of a multipart upload. Both are create-only unless the user says otherwise, and carry
//! the CRC-64/NVME that was computed here, so that the server proves what it holds. Where the keys allow it,
//! the key is looked at before (some servers ignore the condition) and the object after (some servers store
//! something else). An upload that fails, or that a signal ends, is aborted. Memory is bounded by
//! [`Order::memory`]; only where two parts alone are larger it is exceeded, and that is said.

mod commit;
mod reader;
mod send;

use std::cell::{Cell, RefCell};
use std::io::Read;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use self::reader::Part;
use super::ladder::{LARGEST, Ladder, SMALLEST};
use super::{Bucket, signals};
use crate::error::{Doing, Error, Result};
use crate::rate::Pacer;
use crate::units::human;

/// The name under which an object carries the token of the run that made it.
const TOKEN: &str = "s3pipes-token";

/// A look at the key is good for this long.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// After a signal this long is given to requests whose outcome matters.
const SETTLING: Duration = Duration::from_secs(10);

/// What to store, where, and how.
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
    /// Store a stream of no bytes.
    pub allow_empty: bool,
    /// All parts of this many bytes, instead of growing ones.
    pub part_size: Option<u64>,
    /// Parts under way at once.
    pub parallel: usize,
    /// Bytes that buffers may take.
    pub memory: u64,
    /// How fast to send.
    pub pacer: Arc<Pacer>,
}

/// What was stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Key, without the place's prefix.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// CRC-64/NVME of all of them, in base64.
    pub crc64nvme: String,
    /// The server's mark of this content; empty where it told none.
    pub etag: String,
    /// Version, in a bucket that keeps versions.
    pub version: Option<String>,
    /// Storage class.
    pub class: String,
    /// Requests that carried the bytes.
    pub parts: u32,
    /// From the first byte read to the answer.
    pub seconds: f64,
    /// What tells this run's object from anybody else's.
    pub token: String,
}

impl Order {
    /// Fails if the order can't be carried out whatever the input.
    ///
    /// # Errors
    /// If the parts have an impossible size.
    pub fn check(&self) -> Result<()> {
        self.ladder().map(|_| ())
    }

    fn ladder(&self) -> Result<Ladder> {
        match self.part_size {
            None => Ok(Ladder::default()),
            Some(size) if (SMALLEST..=LARGEST).contains(&size) => Ok(Ladder::Fixed(size)),
            Some(size) => Err(Error::usage(format!("a part can't be of {}", human(size)))
                .hint("a part is 5M to 5G")),
        }
    }
}

/// How many parts of `size` bytes may be in memory: those under way, one being filled and one waiting.
fn buffers(memory: u64, parallel: usize, size: u64) -> usize {
    let fit = usize::try_from(memory / size.max(1)).unwrap_or(usize::MAX);
    fit.clamp(2, parallel.saturating_add(2))
}

/// What a signal interrupts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Reading and sending: nothing is lost by stopping.
    Sending,
    /// An upload is being begun, whose name we need for aborting it.
    Beginning,
    /// The request is under way that makes the object visible.
    Committing,
}

/// One run: the order, and what identifies it.
struct Run<'a> {
    bucket: &'a Bucket,
    order: &'a Order,
    key: String,
    token: String,
    ladder: Ladder,
    /// The upload to abort when we fail.
    open: RefCell<Option<String>>,
    /// Told when `open` is known.
    begun: Notify,
    stage: Cell<Stage>,
    /// Told after every part.
    progress: &'a dyn Fn(u64),
    /// Asked at the end of the input.
    judge: Cell<Option<Judge>>,
}

/// Says, after the end of a stream, whether all of it came. It may block.
pub type Judge = Box<dyn FnOnce() -> Result<()> + Send>;

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
        let run = Run {
            bucket: self,
            order,
            key: self.full(&order.key),
            token: format!("{:016x}{:016x}", super::random(), super::random()),
            ladder: order.ladder()?,
            open: RefCell::new(None),
            begun: Notify::new(),
            stage: Cell::new(Stage::Sending),
            progress,
            judge: Cell::new(Some(judge)),
        };
        self.runtime.block_on(async {
            let mut work = pin!(run.store(input));
            let outcome = tokio::select! {
                biased;
                signal = signals::ended() => match run.stage.get() {
                    Stage::Sending => Err(signal),
                    // The server may be about to act on what was sent: it is better to know than to run.
                    Stage::Beginning => {
                        let begun = async { tokio::select! { _ = &mut work => {}, () = run.begun.notified() => {} } };
                        let _ = tokio::time::timeout(SETTLING, begun).await;
                        Err(signal)
                    }
                    Stage::Committing => match tokio::time::timeout(SETTLING, &mut work).await {
                        Ok(settled) => settled,
                        Err(_) => {
                            // Aborting now could undo what the server is just making visible.
                            run.open.borrow_mut().take();
                            Err(Error::temporary(format!("learn whether {} was stored", order.key), signal.cause())
                                .hint("it may be there: look before storing it again"))
                        }
                    },
                },
                stored = &mut work => stored,
            };
            let unfinished = run.open.borrow_mut().take();
            if let (Err(_), Some(id)) = (&outcome, unfinished) {
                // Whoever sent a signal waits; a lifecycle rule, or s3prune --uploads, catches what stays.
                let aborted = tokio::time::timeout(SETTLING, self.give_up(&order.key, &id)).await;
                if !matches!(aborted, Ok(Ok(()))) {
                    self.patience.speaker.warning(format_args!("the upload of {} could not be aborted; 's3ls --uploads' shows it", order.key));
                }
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
    async fn store(&self, input: impl Read + Send + 'static) -> Result<Stored> {
        let began = Instant::now();
        if !self.order.overwrite {
            commit::absent(self.bucket, &self.order.key).await?;
        }
        let (memory, parallel) = (self.order.memory, self.order.parallel);
        let mut parts = reader::start(input, self.ladder, move |size| {
            buffers(memory, parallel, size)
        })
        .doing("start a thread")?;
        let first = next(&mut parts).await?;
        if first.last {
            self.judged().await?;
            // Some servers ignore the condition. Whoever was faster meanwhile is at least seen.
            if !self.order.overwrite && began.elapsed() > LOOK_AGAIN {
                commit::absent(self.bucket, &self.order.key).await?;
            }
        }
        if first.bytes.is_empty() && !self.order.allow_empty {
            return Err(Error::permanent(
                format!("store {}", self.order.key),
                "the stream was empty",
            )
            .hint(
                "the program before us may have failed; --allow-empty stores nothing as something",
            ));
        }
        let mut stored = if first.last {
            self.store_at_once(first).await?
        } else {
            self.store_in_parts(first, parts).await?
        };
        stored.seconds = began.elapsed().as_secs_f64();
        Ok(stored)
    }

    /// Asks, on a thread that may be left behind, whether what came is all there was.
    async fn judged(&self) -> Result<()> {
        let Some(judge) = self.judge.take() else {
            return Ok(());
        };
        let doing = "learn how the stream ended";
        let (sender, verdict) = oneshot::channel();
        std::thread::Builder::new()
            .name("judge".to_owned())
            .spawn(move || sender.send(judge()))
            .doing(doing)?;
        verdict.await.unwrap_or_else(|_| {
            Err(Error::permanent(
                doing,
                "the thread that waits for it stopped",
            ))
        })
    }
}

async fn next(parts: &mut reader::Parts) -> Result<Part> {
    match parts.recv().await {
        Some(part) => part.doing("read the stream"),
        None => Err(Error::permanent("read the stream", "its reader stopped")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_keep_within_memory() {
        const MIB: u64 = 1 << 20;
        assert_eq!(buffers(256 * MIB, 4, 16 * MIB), 6);
        assert_eq!(buffers(64 * MIB, 4, 16 * MIB), 4);
        assert_eq!(buffers(64 * MIB, 4, 64 * MIB), 2);
        assert_eq!(buffers(256 * MIB, 100, 5 * MIB), 51);
    }
}
