//! From what comes to parts of one size, which are sent.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::{MEMORY, PARALLEL};
use crate::bucket::checksum;
use crate::bucket::chunked::Parcel;
use crate::bucket::content::Content;
use crate::bucket::put::reader::Part;
use crate::bucket::put::upload::send_part;
use crate::bucket::put::{Run, Sent};
use crate::error::Result;

impl Run<'_> {
    /// Sends what comes, in parts of this size; the first of them follows `before` others.
    pub(super) async fn send_filled(
        &self,
        key: &str,
        id: &str,
        size: u64,
        before: usize,
        mut from: mpsc::Receiver<Parcel>,
    ) -> Result<Vec<Sent>> {
        let parallel = usize::try_from(MEMORY / size)
            .unwrap_or(1)
            .clamp(1, PARALLEL);
        let mut number = u32::try_from(before).unwrap_or(u32::MAX);
        let mut filling = Filling::default();
        let mut under_way = FuturesUnordered::new();
        let (mut sent, mut over) = (Vec::new(), false);
        loop {
            if under_way.len() < parallel
                && let Some(part) = filling.part(size, over)
            {
                number += 1;
                under_way.push(send_part(self, key, id, number, part));
                continue;
            }
            let has_room = filling.length < size;
            tokio::select! {
                Some(part) = under_way.next() => sent.push(part?),
                parcel = from.recv(), if !over && has_room => match parcel {
                    Some(parcel) => filling.take(parcel.pieces),
                    None => over = true,
                },
                else => break,
            }
        }
        sent.sort_by_key(|part: &Sent| part.number);
        Ok(sent)
    }
}

/// Bytes of all of them.
pub(super) fn length(pieces: &[Bytes]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

/// Pieces that become a part.
#[derive(Default)]
struct Filling {
    pieces: Vec<Bytes>,
    length: u64,
}

impl Filling {
    fn take(&mut self, pieces: Vec<Bytes>) {
        self.length += length(&pieces);
        self.pieces.extend(pieces);
    }

    /// The next part, if there is enough for one; what is there, if it is `over` and there is something.
    fn part(&mut self, size: u64, over: bool) -> Option<Part> {
        if self.length < size && !(over && self.length > 0) {
            return None;
        }
        let mut left = size.min(self.length);
        self.length -= left;
        let (mut pieces, mut digest) = (Vec::new(), checksum::digest());
        let mut rest = std::mem::take(&mut self.pieces).into_iter();
        while left > 0
            && let Some(mut piece) = rest.next()
        {
            let taken = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
            let first = piece.split_to(taken);
            if !piece.is_empty() {
                self.pieces.push(piece);
            }
            if first.is_empty() {
                continue;
            }
            digest.update(&first);
            left -= first.len() as u64;
            pieces.push(first);
        }
        self.pieces.extend(rest);
        Some(Part {
            content: Content::Memory(Arc::from(pieces)),
            crc: digest.finalize(),
            full: false,
            last: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_filled() {
        let mut filling = Filling::default();
        assert!(filling.part(4, true).is_none());
        filling.take(
            ["ab", "", "cdefghi", "j"]
                .map(|text| Bytes::from_static(text.as_bytes()))
                .into(),
        );
        let mut parts = Vec::new();
        while let Some(part) = filling.part(4, true) {
            let mut reading = part.content.read();
            let mut bytes = Vec::new();
            while reading.left() > 0 {
                bytes.extend_from_slice(&reading.take(99).unwrap());
            }
            assert_eq!(part.crc, checksum::crc64(&bytes));
            parts.push(String::from_utf8(bytes).unwrap());
            assert_eq!(filling.length, length(&filling.pieces));
        }
        assert_eq!(parts, ["abcd", "efgh", "ij"]);
        filling.take(vec![Bytes::from_static(b"abc")]);
        assert!(filling.part(4, false).is_none());
    }
}
