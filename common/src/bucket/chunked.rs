//! Chunk streams in a bucket: what their tails say, without reading the rest.
//!
//! Format: `doc/format/chunk-stream.md`. What comes from outside is checked before it is used: ids, counts, offsets
//! and sizes must fit each other and the object. An error says which object it is about.

mod emit;
#[cfg(test)]
mod emit_tests;
mod gather;
mod layout;
mod line;
mod plan;
mod repacked;
mod rope;
mod select;
#[cfg(test)]
mod shelf;
mod stored;
mod tail;
#[cfg(test)]
mod tail_tests;

use bytes::Bytes;

pub use self::emit::{Emitted, Pieces};
pub(in crate::bucket) use self::emit::{Evidence, Parcel};
pub use self::gather::{Gathered, Reading, Want};
pub(in crate::bucket) use self::repacked::Repacked;
pub use self::select::Positions;
pub use self::stored::Stored;
pub use self::tail::Tail;
use crate::chunks::{Form, HEAD, Head};

/// Whether these are the first bytes of a chunk stream in the form that is stored. Objects that other programs copied may not
/// say it in their metadata.
#[must_use]
pub fn begins_so(frames: &[Bytes]) -> bool {
    let first: Vec<u8> = frames
        .iter()
        .flat_map(|frame| frame.iter().take(HEAD))
        .take(HEAD)
        .copied()
        .collect();
    let is_stored = |head: Head| head.form == Form::New;
    Head::parse(&first).is_some_and(|head| head.is_ok_and(is_stored))
}
