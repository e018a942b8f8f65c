//! Plain pieces of a fixed size, numbered from 1 on: no index, no hashes. `s3put` stores each as an object of its own.

use common::Result;
use common::chunks::{Cut, Form, Head, Id, Name, Writer};
use common::run::Streams;

use crate::blocks::pieces;
use crate::cut::emit;
use crate::key::Key;
use crate::output::writing;

/// Cuts standard input into pieces of `size` bytes.
///
/// # Errors
/// If a stream fails.
pub fn numbered(size: u64, streams: &mut Streams) -> Result<()> {
    let input = streams.take_input()?;
    writing(streams, |out| {
        let head = Head {
            id: Id::random(),
            form: Form::Pieces,
        };
        let mut writer = Writer::new(out, &head)?;
        // Nothing is hidden in cuts that are everywhere the same, so any key will do.
        let mut pieces = pieces(input, Key::random(), Cut::Fixed(size), false)?;
        let mut number = 0;
        while let Some(batch) = pieces.next()? {
            for piece in batch {
                number += 1;
                emit(&mut writer, Name::Piece(number), &piece)?;
            }
        }
        writer.finish().map(drop)
    })
}
