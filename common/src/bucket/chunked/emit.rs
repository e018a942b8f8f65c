//! Chunk streams out of a bucket: what was [gathered](super::Gathered), read and put in the order of the stream.
//!
//! Every range is tied to the content of its object that was seen first, and every chunk's header must say what is
//! expected: its number, and its size. So what comes out are the bytes of those chunks as they lie there. That they are those
//! that were stored is proven of the dump's own object, if the server holds a CRC-64/NVME of it, because all of that is
//! read; of the others a part is read, and only who has the keys can prove it (`s3seal`, `s3chunk`).
//!
//! Bytes that are under way or wait are bounded; a slow reader costs no memory.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, FuturesUnordered};
use tokio::sync::mpsc;

use super::gather::{Gathered, room};
use super::line::Line;
use super::plan::Request;
use super::rope::Rope;
use super::tail::{broken, unread};
use crate::bucket::Bucket;
use crate::bucket::checksum;
use crate::bucket::get::{Told, Wish};
use crate::chunks::{BLOCK, Form, HEAD, Head, Member, Name};
use crate::error::{Error, Result};

/// Bytes, and pieces, that are handed out at once, about.
const PARCEL: u64 = 1 << 20;
const PIECES: usize = 512;

/// Takes pieces, in order.
pub type Pieces<'a> = &'a mut (dyn FnMut(&[Bytes]) -> Result<()> + Send);

/// What came of a chunk stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Emitted {
    /// Bytes.
    pub size: u64,
    /// The dump's own object matched its checksum.
    pub proven: bool,
}

/// What a piece counts as when the dump's own object is proven.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Counts {
    /// It belongs to another object, or was counted before.
    Nothing,
    /// It is the next of the bytes of what was in the object from the beginning.
    Body,
    /// It is the next of what was brought into it.
    Brought,
    /// It is the next of the tail.
    Tail,
}

/// Pieces for the writer.
pub(in crate::bucket) struct Parcel {
    pub(in crate::bucket) pieces: Vec<Bytes>,
    counts: Vec<Counts>,
    /// What pieces count as that are stored otherwise, by their numbers.
    otherwise: Vec<(usize, Bytes)>,
    pub(super) bytes: u64,
    /// False of what is only counted.
    is_written: bool,
}

impl Parcel {
    pub(super) fn new() -> Self {
        Self {
            pieces: Vec::new(),
            counts: Vec::new(),
            otherwise: Vec::new(),
            bytes: 0,
            is_written: true,
        }
    }

    /// Pieces that count for nothing.
    pub(in crate::bucket) fn plain(pieces: Vec<Bytes>) -> Self {
        Self::of(pieces, Counts::Nothing, true)
    }

    fn of(pieces: Vec<Bytes>, counts: Counts, is_written: bool) -> Self {
        Self {
            bytes: length(&pieces),
            counts: vec![counts; pieces.len()],
            otherwise: Vec::new(),
            pieces,
            is_written,
        }
    }

    pub(super) fn push(&mut self, piece: Bytes, counts: Counts) {
        self.bytes += piece.len() as u64;
        self.pieces.push(piece);
        self.counts.push(counts);
    }

    /// A piece that is stored otherwise, and counts as that.
    pub(super) fn push_for(&mut self, piece: Bytes, counts: Counts, stored: Bytes) {
        self.otherwise.push((self.pieces.len(), stored));
        self.push(piece, counts);
    }

    fn stored(&self) -> impl Iterator<Item = (&Bytes, Counts)> {
        let mut otherwise = self.otherwise.iter().peekable();
        let pieces = self.pieces.iter().zip(&self.counts).enumerate();
        pieces.map(move |(number, (piece, counts))| {
            let stored = otherwise.next_if(|(of, _)| *of == number);
            (stored.map_or(piece, |(_, stored)| stored), *counts)
        })
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= PARCEL || self.pieces.len() >= PIECES
    }
}

fn length(pieces: &[Bytes]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

impl Bucket {
    /// Reads what was gathered and hands it to `sink`; `progress` is told of the total, and then of what went out.
    ///
    /// # Errors
    /// If something can't be read, changed meanwhile, is not what it should be, or did not match its checksum; some
    /// bytes may have been handed out by then.
    pub fn emit(
        &self,
        gathered: &Gathered,
        wish: &Wish,
        gap: u64,
        sink: Pieces<'_>,
        progress: &(dyn Fn(Told) + Sync),
    ) -> Result<Emitted> {
        let (sender, receiver) = mpsc::channel(1);
        progress(Told::Total(gathered.size()));
        std::thread::scope(|scope| {
            let proof = gathered.proof();
            let writer = scope.spawn(move || write(receiver, proof, sink, progress));
            let emission = Emission {
                bucket: self,
                gathered,
                wish,
                out: sender,
                witness: None,
            };
            let read = self.runtime.block_on(emission.run(gap));
            let written = writer
                .join()
                .unwrap_or_else(|_| Err(Error::permanent("write the bytes", "the writer stopped")));
            // When the writer stops, reading ends too; the writer's reason is the one to tell.
            let (size, proof) = written?;
            read?;
            Ok(Emitted {
                size,
                proven: proof.map_or(Ok(false), |proof| proof.verdict(gathered))?,
            })
        })
    }
}

impl Bucket {
    /// The chunks of what was gathered, alone, when `witness` has found what was read right; it ends early if nobody takes
    /// them any more.
    pub(in crate::bucket) async fn chunks<'a>(
        &'a self,
        gathered: &'a Gathered,
        wish: &'a Wish,
        gap: u64,
        out: mpsc::Sender<Parcel>,
        witness: &'a Witness<'a>,
    ) -> Result<()> {
        let emission = Emission {
            bucket: self,
            gathered,
            wish,
            out,
            witness: Some(witness),
        };
        emission.chunks(gap).await.map(drop)
    }
}

/// One such reading.
struct Emission<'a> {
    bucket: &'a Bucket,
    gathered: &'a Gathered,
    wish: &'a Wish,
    out: mpsc::Sender<Parcel>,
    witness: Option<&'a Witness<'a>>,
}

/// Bytes that were read of an object.
pub(in crate::bucket) struct Evidence {
    pub(in crate::bucket) key: String,
    pub(in crate::bucket) etag: Option<String>,
    pub(in crate::bucket) from: u64,
    pub(in crate::bucket) to: u64,
    pub(in crate::bucket) frames: Vec<Bytes>,
}

/// Says whether they are what the object holds.
pub(in crate::bucket) type Witness<'a> = dyn Fn(Evidence) -> LocalBoxFuture<'a, Result<()>> + 'a;

/// Whether anybody still takes what is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reader {
    Listens,
    Gone,
}

impl Emission<'_> {
    async fn run(self, gap: u64) -> Result<()> {
        let head = Head {
            id: self.gathered.ending.end.id,
            form: self.gathered.want.form(),
        };
        let zeros = Bytes::from_static(&[0; 2 * BLOCK]);
        let head = Parcel::of(
            vec![Bytes::copy_from_slice(&head.encode())],
            Counts::Nothing,
            true,
        );
        let beginning = match self.gathered.crc {
            Some(_) => self.beginning().await?,
            None => Vec::new(),
        };
        if self.send(head).await == Reader::Listens
            && self.send(Parcel::of(beginning, Counts::Body, false)).await == Reader::Listens
            && self.tail().await? == Reader::Listens
            && self.chunks(gap).await? == Reader::Listens
        {
            self.send(Parcel::of(vec![zeros], Counts::Nothing, true))
                .await;
        }
        Ok(())
    }

    /// The head of the dump, as it is stored.
    async fn beginning(&self) -> Result<Vec<Bytes>> {
        let (ending, pacer) = (&self.gathered.ending, &self.wish.pacer);
        let stored = &ending.stored;
        let read = self.bucket.bytes(pacer, stored, 0, HEAD as u64).await;
        let frames = read.map_err(|failure| unread(stored.key(), &failure))?;
        let head = Head {
            id: ending.end.id,
            form: Form::New,
        };
        if frames.concat() == head.encode() {
            Ok(frames)
        } else {
            Err(broken(stored.key(), "it begins otherwise than it ends"))
        }
    }

    async fn send(&self, parcel: Parcel) -> Reader {
        match self.out.send(parcel).await {
            Ok(()) => Reader::Listens,
            Err(_) => Reader::Gone,
        }
    }

    /// What is written of the tail, and what is read of it besides for the proof.
    async fn tail(&self) -> Result<Reader> {
        let (ending, pacer) = (&self.gathered.ending, &self.wish.pacer);
        let (begin, end) = self.gathered.written_tail();
        let mut ranges = stream::iter(self.gathered.tail_ranges(self.wish.range_size))
            .map(|(from, to)| async move {
                Ok::<_, Error>((from, ending.read(self.bucket, pacer, from, to).await?))
            })
            .buffered(self.wish.parallel.max(1));
        while let Some(range) = ranges.next().await {
            let (from, frames) = range?;
            let rope = Rope::new(from, frames);
            if from == begin {
                let wanted = (Name::Index, ending.end.index.size);
                let is_index = |member: Member| (member.name, member.size) == wanted;
                if !rope.member(from).is_some_and(is_index) {
                    return Err(broken(
                        self.gathered.key(),
                        "there is no index where its end says",
                    ));
                }
            }
            let (middle, last) = (end.clamp(from, rope.end), rope.end);
            for (from, to, is_written) in [(from, middle, true), (middle, last, false)] {
                let parcel = Parcel::of(rope.slice(from, to), Counts::Tail, is_written);
                if self.send(parcel).await == Reader::Gone {
                    return Ok(Reader::Gone);
                }
            }
        }
        Ok(Reader::Listens)
    }

    /// The chunks, in the order of the stream.
    async fn chunks(&self, gap: u64) -> Result<Reader> {
        let mut plan = self.gathered.plan(self.wish, gap);
        let mut line = Line::new(self.gathered, room(self.wish));
        let mut under_way = FuturesUnordered::new();
        loop {
            line.advance()?;
            if under_way.len() < self.wish.parallel.max(1) {
                if let Some((stretch, index, request)) = line.ask() {
                    under_way.push(async move { (stretch, index, self.request(&request).await) });
                    continue;
                }
                if line.wants_more()
                    && let Some(stretch) = plan.next()
                {
                    line.add(stretch);
                    continue;
                }
            }
            // What is under way goes on while the writer is busy; otherwise a slow reader would look like a dead server.
            tokio::select! {
                Some((stretch, index, frames)) = under_way.next() => line.take(stretch, index, frames?),
                permit = self.out.reserve(), if line.is_ready() => match (permit, line.pop()) {
                    (Ok(permit), Some(parcel)) => permit.send(parcel),
                    _ => return Ok(Reader::Gone),
                },
                else => return line.end(),
            }
        }
    }

    async fn request(&self, request: &Request) -> Result<Vec<Bytes>> {
        let stored = &self.gathered.sources[request.object as usize];
        let mut all = Vec::new();
        for (pin, from, to) in stored.ranges(request.from, request.to) {
            let read = self.bucket.pinned(&self.wish.pacer, pin, from, to).await;
            let frames = read.map_err(|failure| unread(stored.key(), &failure))?;
            if let Some(witness) = self.witness {
                let evidence = Evidence {
                    key: pin.key.to_owned(),
                    etag: pin.etag.map(str::to_owned),
                    from,
                    to,
                    frames: frames.clone(),
                };
                witness(evidence).await?;
            }
            all.extend(frames);
        }
        Ok(all)
    }
}

/// The checksum of the dump's own object, put together from what comes in another order.
struct Proof {
    body: Sum,
    brought: Sum,
    tail: Sum,
}

/// What a part of it comes to.
struct Sum {
    crc: crcs::Digest,
    length: u64,
}

impl Sum {
    fn new() -> Self {
        Self {
            crc: checksum::digest(),
            length: 0,
        }
    }

    fn add(&mut self, piece: &[u8]) {
        self.crc.update(piece);
        self.length += piece.len() as u64;
    }
}

impl Proof {
    fn add(&mut self, piece: &[u8], counts: Counts) {
        match counts {
            Counts::Nothing => {}
            Counts::Body => self.body.add(piece),
            Counts::Brought => self.brought.add(piece),
            Counts::Tail => self.tail.add(piece),
        }
    }

    /// Whether the object is proven.
    ///
    /// # Errors
    /// If it is damaged.
    fn verdict(self, gathered: &Gathered) -> Result<bool> {
        let sums = [self.body, self.brought, self.tail];
        let length = sums.iter().map(|sum| sum.length).sum::<u64>();
        if length != gathered.ending.stored.size() {
            // Its chunks don't come in the order in which they lie, or not all.
            return Ok(false);
        }
        let sums = sums.map(|sum| (Some(sum.crc.finalize()), sum.length));
        if gathered.crc == checksum::of_all(sums) {
            Ok(true)
        } else {
            Err(broken(gathered.key(), "it does not match its checksum")
                .hint("don't use what came out"))
        }
    }
}

impl Gathered {
    /// What proves the dump's own object, if anything can.
    fn proof(&self) -> Option<Proof> {
        self.crc.map(|_| Proof {
            body: Sum::new(),
            brought: Sum::new(),
            tail: Sum::new(),
        })
    }
}

/// Writes what arrives, and computes its checksum; returns the number of bytes.
fn write(
    mut parcels: mpsc::Receiver<Parcel>,
    mut proof: Option<Proof>,
    sink: Pieces<'_>,
    progress: &(dyn Fn(Told) + Sync),
) -> Result<(u64, Option<Proof>)> {
    let mut size = 0;
    while let Some(parcel) = parcels.blocking_recv() {
        if let Some(proof) = &mut proof {
            for (piece, counts) in parcel.stored() {
                proof.add(piece, counts);
            }
        }
        if parcel.is_written {
            sink(&parcel.pieces)?;
            size += parcel.bytes;
            progress(Told::Out(parcel.bytes));
        }
    }
    Ok((size, proof))
}
