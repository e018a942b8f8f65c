//! Form `part`: some chunks of a stream, of which some members are wanted.

use std::io::{Read, Write};

use common::Result;
use common::chunks::{BLOCK, Form, Reader};
use common::flow::stage;
use common::pool::{Pool, Shelf};
use common::run::written;

use super::{Tail, check, ended, refuse, same, take};
use crate::blocks::on_the_way;
use crate::key::Key;
use crate::selection::Selection;

/// Writes the members that are selected, and the end of an archive, to `out`. The stream holds exactly the chunks that
/// they are in.
///
/// # Errors
/// If it doesn't, or a chunk is not what the tail says, or a stream fails.
pub fn part<R: Read + Send + 'static>(
    mut reader: Reader<R>,
    tail: Tail,
    selection: Selection,
    out: &mut impl Write,
) -> Result<()> {
    let head = reader.head();
    if head.form != Form::Part {
        return Err(
            refuse("it does not hold some chunks of a stream, but all of it")
                .hint("without --tail it is joined"),
        );
    }
    same(head.id, tail.index.id, "id is that")?;
    let Selection { ranges, chunks } = selection;
    let begins: Vec<u64> = chunks.iter().map(|(_, begin)| *begin).collect();
    let pool = Pool::new()?;
    let longest = tail.index.chunks.iter().map(|entry| entry.length).max();
    let ahead = on_the_way(longest.unwrap_or(0).into(), &pool);
    let key = Key(tail.index.key);
    let mut checked = stage(ahead, move |sent| {
        let shelf = Shelf::default();
        for (position, _) in chunks {
            let entry = &tail.index.chunks[position];
            let chunk = take(&mut reader, entry, &shelf)?;
            check(sent, &pool, key, chunk, entry)?;
        }
        ended(&mut reader)
    })?;
    let mut ranges = ranges.into_iter().peekable();
    let mut begins = begins.into_iter();
    while let (Some(chunk), Some(begin)) = (checked.next()?, begins.next()) {
        let end = begin + chunk.len() as u64;
        while let Some(range) = ranges.peek()
            && range.start < end
        {
            let at = |offset: u64| usize::try_from(offset.clamp(begin, end) - begin).unwrap_or(0);
            written(out.write_all(&chunk[at(range.start)..at(range.end)]))?;
            if range.end > end {
                break;
            }
            ranges.next();
        }
    }
    written(out.write_all(&[0; 2 * BLOCK]))
}
