//! Chunk streams in a bucket: what their tails say, without reading the rest.
//!
//! Format: `doc/format/chunk-stream.md`. What comes from outside is checked before it is used: ids, counts, offsets
//! and sizes must fit each other and the object. An error says which object it is about.

#[cfg(test)]
mod shelf;
mod stored;
mod tail;
#[cfg(test)]
mod tail_tests;

pub use self::stored::Stored;
pub use self::tail::Tail;
