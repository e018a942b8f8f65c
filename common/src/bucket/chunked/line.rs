//! What is asked for, what came, and what goes out, in the order of the stream.
//!
//! Requests are made in the order of the plan as long as what is under way, or came and waits, fits into the window. The
//! chunks of one stretch fit into it together, so it can't happen that what is waited for isn't asked for.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::emit::{Counts, Parcel, Reader};
use super::gather::{Gathered, Renamed};
use super::layout::stored;
use super::plan::{Request, Source, Stretch, Take};
use super::rope::Rope;
use super::tail::broken;
use crate::chunks::{BLOCK, Member, Name, Place};
use crate::error::Result;

/// Stretches that are under way at once.
const STRETCHES: usize = 4;

pub(super) struct Line<'a> {
    gathered: &'a Gathered,
    stretches: VecDeque<Running>,
    /// The number of the first of them.
    first: u64,
    /// Bytes that were asked for and aren't used up.
    held: u64,
    /// The most that may be.
    window: u64,
    ready: VecDeque<Parcel>,
    ready_bytes: u64,
    /// The most that may be, about.
    enough: u64,
    current: Parcel,
    kept: HashMap<Place, Bytes>,
    /// The first chunk of the dump's own that didn't come yet.
    own: u64,
    /// The same, of those that were brought into it.
    brought: u64,
}

/// A stretch under way.
struct Running {
    stretch: Stretch,
    /// Requests that were made.
    asked: usize,
    came: Vec<Option<Rope>>,
    /// Chunks that went out.
    taken: usize,
    /// Of the next one: bytes that went out, the request that it goes on in, and what is to be kept of it.
    done: u64,
    at: usize,
    copy: Vec<Bytes>,
    counts: Counts,
}

impl<'a> Line<'a> {
    /// With `room` for everything.
    pub(super) fn new(gathered: &'a Gathered, room: u64) -> Self {
        Self {
            gathered,
            stretches: VecDeque::new(),
            first: 0,
            held: 0,
            window: room * 3 / 4,
            ready: VecDeque::new(),
            ready_bytes: 0,
            enough: room / 8,
            current: Parcel::new(),
            kept: HashMap::new(),
            own: 0,
            brought: match &gathered.renamed {
                Some(Renamed::Back(brought)) => brought.here.first().map_or(0, |here| here.at),
                _ => 0,
            },
        }
    }

    /// True where the next stretch may be added.
    pub(super) fn wants_more(&self) -> bool {
        let is_asked = |last: &Running| last.asked == last.stretch.order.len();
        self.stretches.len() < STRETCHES && self.stretches.back().is_none_or(is_asked)
    }

    pub(super) fn add(&mut self, stretch: Stretch) {
        self.stretches.push_back(Running {
            came: stretch.requests.iter().map(|_| None).collect(),
            stretch,
            asked: 0,
            taken: 0,
            done: 0,
            at: 0,
            copy: Vec::new(),
            counts: Counts::Nothing,
        });
    }

    /// The next request, if there is one, and room for it: its stretch, its number there, and itself.
    pub(super) fn ask(&mut self) -> Option<(u64, usize, Request)> {
        let number = self.first + (self.stretches.len() as u64).checked_sub(1)?;
        let last = self.stretches.back_mut()?;
        let index = *last.stretch.order.get(last.asked)?;
        let request = &last.stretch.requests[index];
        let length = request.to - request.from;
        if self.held > 0 && self.held + length > self.window {
            return None;
        }
        self.held += length;
        last.asked += 1;
        Some((number, index, request.clone()))
    }

    /// What a request brought.
    pub(super) fn take(&mut self, stretch: u64, index: usize, frames: Vec<Bytes>) {
        let running = usize::try_from(stretch - self.first)
            .ok()
            .and_then(|at| self.stretches.get_mut(at));
        if let Some(running) = running {
            let from = running.stretch.requests[index].from;
            running.came[index] = Some(Rope::new(from, frames));
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty() || self.current.bytes > 0
    }

    /// What is next to be written.
    pub(super) fn pop(&mut self) -> Option<Parcel> {
        let next = match self.ready.pop_front() {
            Some(parcel) => parcel,
            None => std::mem::replace(&mut self.current, Parcel::new()),
        };
        self.ready_bytes -= next.bytes;
        Some(next)
    }

    /// When nothing is under way and nothing ready.
    ///
    /// # Errors
    /// If something should be.
    pub(super) fn end(&self) -> Result<Reader> {
        if self.stretches.is_empty() {
            Ok(Reader::Listens)
        } else {
            Err(broken(
                self.gathered.key(),
                "what came of it does not add up",
            ))
        }
    }

    /// Puts what came in order, as far as it goes and as there is need for it.
    ///
    /// # Errors
    /// If something else came.
    pub(super) fn advance(&mut self) -> Result<()> {
        while self.ready_bytes < self.enough.max(1) {
            let Some(running) = self.stretches.front_mut() else {
                break;
            };
            let Some(take) = running.stretch.takes.get(running.taken) else {
                for place in &running.stretch.forget {
                    self.kept.remove(place);
                }
                self.stretches.pop_front();
                self.first += 1;
                continue;
            };
            let take = take.clone();
            let Source::Read(request, from) = take.from else {
                running.taken += 1;
                let kept = self.kept.get(&take.place).cloned();
                self.put(kept.unwrap_or_default(), Counts::Nothing);
                continue;
            };
            if running.done == 0 {
                running.at = request;
            }
            if running.came[running.at].is_none() {
                break;
            }
            self.go_on(&take, from)?;
        }
        Ok(())
    }

    /// Takes of the chunk whose turn it is what its next request brought.
    fn go_on(&mut self, take: &Take, from: u64) -> Result<()> {
        let Some(running) = self.stretches.front_mut() else {
            return Ok(());
        };
        let Some(rope) = running.came[running.at].take() else {
            return Ok(());
        };
        let end = from + stored(take.size);
        let mut at = from + running.done;
        let mut pieces = Vec::new();
        let mut stored_header = None;
        if running.done == 0 {
            let (stored, written) = self.gathered.expect(&rope, take, from)?;
            running.counts = Counts::Nothing;
            if written != stored {
                pieces.push(Bytes::copy_from_slice(&written.header()));
                stored_header = Some(Bytes::copy_from_slice(&stored.header()));
                at += BLOCK as u64;
            }
            let is_renamed = written != stored;
            let next = match is_renamed {
                true => &mut self.brought,
                false => &mut self.own,
            };
            if take.place.object == 0 && take.place.number == *next {
                *next += 1;
                running.counts = match is_renamed {
                    true => Counts::Brought,
                    false => Counts::Body,
                };
            }
        }
        let to = end.min(rope.end);
        rope.each(at, to, |piece| pieces.push(piece));
        if take.keep {
            running.copy.extend(pieces.iter().cloned());
        }
        let request = &mut running.stretch.requests[running.at];
        request.uses -= 1;
        if request.uses > 0 {
            running.came[running.at] = Some(rope);
        } else {
            self.held -= request.to - request.from;
        }
        let counts = running.counts;
        if to < end {
            running.done = to - from;
            running.at += 1;
        } else {
            running.taken += 1;
            running.done = 0;
            if take.keep {
                let copy = std::mem::take(&mut running.copy).concat();
                self.kept.insert(take.place, copy.into());
            }
        }
        for piece in pieces {
            self.ready_bytes += piece.len() as u64;
            match stored_header.take() {
                Some(stored) => self.current.push_for(piece, counts, stored),
                None => self.current.push(piece, counts),
            }
            self.hand_on();
        }
        Ok(())
    }

    fn put(&mut self, piece: Bytes, counts: Counts) {
        self.ready_bytes += piece.len() as u64;
        self.current.push(piece, counts);
        self.hand_on();
    }

    fn hand_on(&mut self) {
        if self.current.is_full() {
            self.ready
                .push_back(std::mem::replace(&mut self.current, Parcel::new()));
        }
    }
}

impl Gathered {
    /// What the header of a chunk says, and what it is to say when it is written, if what came begins with the one that is
    /// expected.
    fn expect(&self, rope: &Rope, take: &Take, from: u64) -> Result<(Member, Member)> {
        let number = take.place.number;
        let name = Name::Chunk { object: 0, number };
        let renamed = self.renamed.as_ref();
        let written = renamed.and_then(|renamed| renamed.name(take.place));
        let Place { object, number } = written.unwrap_or(take.place);
        match rope.member(from) {
            Some(member) if member.name == name && member.size == take.size => {
                let name = Name::Chunk { object, number };
                Ok((member, Member { name, ..member }))
            }
            _ => Err(broken(
                self.sources[take.place.object as usize].key(),
                &format!("{name} is not where its toc says"),
            )),
        }
    }
}
