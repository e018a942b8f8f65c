//! Storing a stream as one object.
//!
//! The object appears by one request or not at all: a PutObject when the stream fits into the first part,
//! else the completion of a multipart upload. Both are create-only unless the user says otherwise, and carry
//! the CRC-64/NVME that was computed here, so that the server proves what it holds. Where the keys allow it,
//! the key is looked at before (some servers ignore the condition) and the object after (some servers store
//! something else). An upload that fails, or that a signal ends, is aborted. Memory is bounded by
//! [`Order::memory`]; only a part that alone is larger goes beyond it, and that is said.

mod commit;
mod reader;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::Read;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedPart, StorageClass};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;

use self::commit::Commit;
use self::reader::Part;
use super::failure::Failure;
use super::ladder::{LARGEST, Ladder, MOST, SMALLEST};
use super::patience::{IDLE, Progress, bounded, watched};
use super::{Bucket, body, checksum, signals};
use crate::error::{Doing, Error, Result};
use crate::rate::Pacer;
use crate::units::human;

/// The name under which an object carries the token of the run that made it.
const TOKEN: &str = "s3pipes-token";

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
}

impl Bucket {
    /// Stores what `input` delivers until its end. `progress` is told how many bytes are safe so far.
    ///
    /// # Errors
    /// If the object exists already, nothing was delivered, or the server can't be brought to store it; after
    /// any error nothing is visible under the key that wasn't before, unless the message says that it is unknown.
    pub fn put(
        &self,
        input: impl Read + Send + 'static,
        order: &Order,
        progress: &dyn Fn(u64),
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
                        Err(_) => Err(signal),
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
        if first.bytes.is_empty() && !self.order.allow_empty {
            return Err(Error::permanent(
                format!("store {}", self.order.key),
                "standard input was empty",
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

    /// One request for a stream that fits into it.
    async fn store_at_once(&self, part: Part) -> Result<Stored> {
        self.stage.set(Stage::Committing);
        let size = part.bytes.len() as u64;
        let crc64nvme = checksum::encode(part.crc);
        let commit = Commit {
            run: self,
            size,
            crc64nvme: crc64nvme.clone(),
            parts: 1,
        };
        let stored = commit
            .settle(|| {
                let progress = Arc::new(Progress::new());
                let request = self
                    .bucket
                    .client
                    .put_object()
                    .bucket(&self.bucket.name)
                    .key(&self.key)
                    .content_length(i64::try_from(size).unwrap_or(i64::MAX))
                    .body(body::paced(
                        part.bytes.clone(),
                        Arc::clone(&self.order.pacer),
                        Arc::clone(&progress),
                    ))
                    .checksum_crc64_nvme(&crc64nvme)
                    .set_metadata(Some(self.metadata()))
                    .set_storage_class(self.class())
                    .set_tagging(self.tagging())
                    .set_if_none_match((!self.order.overwrite).then(|| "*".to_owned()));
                async move {
                    // Hashing what TLS already protects would cost as much as everything else together.
                    let sent = async {
                        request
                            .customize()
                            .disable_payload_signing()
                            .send()
                            .await
                            .map_err(|error| Failure::of(&error))
                    };
                    watched(&progress, IDLE, sent)
                        .await
                        .map(|answer| (answer.e_tag, answer.version_id))
                }
            })
            .await?;
        (self.progress)(size);
        Ok(stored)
    }

    /// A multipart upload for everything else.
    async fn store_in_parts(&self, first: Part, mut parts: reader::Parts) -> Result<Stored> {
        self.stage.set(Stage::Beginning);
        let id = self.begin().await?;
        *self.open.borrow_mut() = Some(id.clone());
        self.stage.set(Stage::Sending);
        self.begun.notify_one();
        let mut under_way = FuturesUnordered::new();
        let mut done: Vec<CompletedPart> = Vec::new();
        let (mut size, mut crc, mut number) = (0u64, None, 0u32);
        let mut waiting = Some(first);
        let mut reading = true;
        let mut remarked = false;
        loop {
            if let Some(part) = waiting.take() {
                number += 1;
                if number > MOST {
                    return Err(Error::permanent(
                        format!("store {}", self.order.key),
                        format!("it is longer than {MOST} parts"),
                    )
                    .hint("use a larger --part-size"));
                }
                let length = part.bytes.len() as u64;
                crc = Some(crc.map_or(part.crc, |crc| checksum::joined(crc, part.crc, length)));
                size += length;
                reading = !part.last;
                if !remarked && 2 * self.ladder.part(number + 1) > self.order.memory {
                    remarked = true;
                    self.bucket.patience.speaker.note(format_args!(
                        "parts of {} are larger than half of --memory; it is exceeded from here on",
                        human(self.ladder.part(number + 1))
                    ));
                }
                under_way.push(self.send(&id, number, part));
            }
            let room = under_way.len() < self.at_once(number + 1);
            tokio::select! {
                Some(sent) = under_way.next() => done.push(sent?),
                part = next(&mut parts), if reading && room => waiting = Some(part?),
                else => break,
            }
        }
        done.sort_by_key(CompletedPart::part_number);
        self.stage.set(Stage::Committing);
        let commit = Commit {
            run: self,
            size,
            crc64nvme: checksum::encode(crc.unwrap_or(0)),
            parts: number,
        };
        let stored = commit.complete(&id, done).await?;
        // Nothing is left to abort.
        self.open.borrow_mut().take();
        Ok(stored)
    }

    /// Parts that may be under way when the next one is `number`.
    fn at_once(&self, number: u32) -> usize {
        let size = self.ladder.part(number);
        buffers(self.order.memory, self.order.parallel, size)
            .saturating_sub(2)
            .max(1)
    }

    async fn begin(&self) -> Result<String> {
        let doing = || format!("begin the upload of {}", self.order.key);
        let answer = self
            .bucket
            .patience
            .persist("begin an upload", || {
                let request = self
                    .bucket
                    .client
                    .create_multipart_upload()
                    .bucket(&self.bucket.name)
                    .key(&self.key)
                    .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
                    .checksum_type(ChecksumType::FullObject)
                    .set_metadata(Some(self.metadata()))
                    .set_storage_class(self.class())
                    .set_tagging(self.tagging());
                bounded(IDLE, async move {
                    request.send().await.map_err(|error| Failure::of(&error))
                })
            })
            .await
            .map_err(|failure| failure.error(doing()))?;
        answer
            .upload_id
            .ok_or_else(|| Error::permanent(doing(), "the server named no upload"))
    }

    async fn send(&self, id: &str, number: u32, part: Part) -> Result<CompletedPart> {
        let crc64nvme = checksum::encode(part.crc);
        let wire_number = i32::try_from(number).unwrap_or(i32::MAX);
        let what = format!("upload part {number} of {}", self.order.key);
        let answer = self
            .bucket
            .patience
            .persist(&what, || {
                let progress = Arc::new(Progress::new());
                let request = self
                    .bucket
                    .client
                    .upload_part()
                    .bucket(&self.bucket.name)
                    .key(&self.key)
                    .upload_id(id)
                    .part_number(wire_number)
                    .content_length(i64::try_from(part.bytes.len()).unwrap_or(i64::MAX))
                    .body(body::paced(
                        part.bytes.clone(),
                        Arc::clone(&self.order.pacer),
                        Arc::clone(&progress),
                    ))
                    .checksum_crc64_nvme(&crc64nvme);
                async move {
                    let sent = async {
                        request
                            .customize()
                            .disable_payload_signing()
                            .send()
                            .await
                            .map_err(|error| Failure::of(&error))
                    };
                    watched(&progress, IDLE, sent).await
                }
            })
            .await
            .map_err(|failure| failure.error(&what))?;
        (self.progress)(part.bytes.len() as u64);
        Ok(CompletedPart::builder()
            .part_number(wire_number)
            .set_e_tag(answer.e_tag)
            .checksum_crc64_nvme(crc64nvme)
            .build())
    }

    fn class(&self) -> Option<StorageClass> {
        self.order.class.as_deref().map(StorageClass::from)
    }

    fn metadata(&self) -> HashMap<String, String> {
        let ours = [
            (TOKEN.to_owned(), self.token.clone()),
            (Ladder::METADATA.to_owned(), self.ladder.to_string()),
        ];
        self.order.metadata.iter().cloned().chain(ours).collect()
    }

    /// Tags travel as a query string.
    fn tagging(&self) -> Option<String> {
        let pairs: Vec<String> = self
            .order
            .tags
            .iter()
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("&"))
    }
}

async fn next(parts: &mut reader::Parts) -> Result<Part> {
    match parts.recv().await {
        Some(part) => part.doing("read standard input"),
        None => Err(Error::permanent(
            "read standard input",
            "its reader stopped",
        )),
    }
}

/// `text` for a query string.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte))
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
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

    #[test]
    fn tags_are_escaped() {
        assert_eq!(escaped("a b&c=é~"), "a%20b%26c%3D%C3%A9~");
    }
}
