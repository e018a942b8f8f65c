//! Standard input, cut into parts by a thread of its own.
//!
//! Reading blocks, so it is kept off the runtime. Memory is bounded: when all of it is taken the thread waits,
//! and with it the program before us in the pipe. A part that does not fit into it twice, once being filled and
//! once being sent, goes through a file. If that can't be written, the part is kept in memory all the same: a
//! stream that has run for hours must not die of a full disk.

use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use crcs::Digest;
use tokio::sync::mpsc;

use super::blocks::{BLOCK, Block, Blocks, blocks};
use super::input::Input;
use super::numbered::Pieces;
use super::scratch::{Scratch, Sheet};
use crate::bucket::checksum;
use crate::bucket::content::Content;
use crate::bucket::ladder::Plan;
use crate::run::Speaker;
use crate::units::human;

/// Written to a file at once.
const SLICE: usize = 256 << 10;

/// A part, read in full.
pub(super) struct Part {
    pub(super) content: Content,
    pub(super) crc: u64,
    /// The object is as long as it may be; what follows belongs to the next one. Never the last part.
    pub(super) full: bool,
    /// The stream ended with it.
    pub(super) last: bool,
}

/// Where the parts come out, in order.
pub(super) type Parts = mpsc::Receiver<io::Result<Part>>;

/// How to cut, and what that may take.
pub(super) struct Cut {
    pub(super) plan: Plan,
    /// Bytes that may be in memory.
    pub(super) memory: u64,
    /// Parts under way at once. One more may be waiting, and one being filled.
    pub(super) parallel: usize,
    /// Where files go.
    pub(super) scratch: PathBuf,
    /// Where objects end, if the stream itself says so.
    pub(super) pieces: Pieces,
    pub(super) speaker: Speaker,
}

/// Starts reading `input`.
///
/// # Errors
/// If no thread can be started.
pub(super) fn start(input: impl Read + Send + 'static, cut: Cut) -> io::Result<Parts> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || {
            let mut reader = Reader {
                input: Input::new(input),
                blocks: Blocks::new(usize::try_from(cut.memory).unwrap_or(usize::MAX) / BLOCK),
                parallel: cut.parallel,
                scratch: Scratch::new(cut.scratch),
                slice: Vec::new(),
                speaker: cut.speaker,
                told: Told::default(),
            };
            if let Err(error) = reader.cut(cut.plan, &cut.pieces, &sender) {
                // Whoever stopped listening has failed for a reason of its own.
                let _ = sender.blocking_send(Err(error));
            }
        })?;
    Ok(receiver)
}

struct Reader<R> {
    input: Input<R>,
    blocks: Arc<Blocks>,
    parallel: usize,
    scratch: Arc<Scratch>,
    /// What goes to a file next; empty until there is one.
    slice: Vec<u8>,
    speaker: Speaker,
    told: Told,
}

/// What is said only once.
#[derive(Default)]
struct Told {
    files: bool,
    beyond: bool,
}

impl<R: Read> Reader<R> {
    fn cut(
        &mut self,
        plan: Plan,
        pieces: &Pieces,
        sender: &mpsc::Sender<io::Result<Part>>,
    ) -> io::Result<()> {
        // Whether it comes in pieces is known when the first byte is.
        let over = self.input.is_over()?;
        if pieces.are_told() {
            return self.in_pieces(pieces, over, sender);
        }
        let (mut number, mut left) = (1, plan.limit);
        loop {
            let size = plan.ladder.part(number).min(left);
            let (content, crc) = self.part(size)?;
            left -= content.len();
            // An object of exactly the limit is always followed by another one, perhaps by an empty one.
            let full = left == 0;
            let last = content.len() < size || (!full && self.input.is_over()?);
            let part = Part {
                content,
                crc,
                full,
                last,
            };
            if sender.blocking_send(Ok(part)).is_err() || last {
                return Ok(());
            }
            (number, left) = match full {
                true => (1, plan.limit),
                false => (number + 1, left),
            };
        }
    }

    /// Each piece as one part, which is an object.
    fn in_pieces(
        &mut self,
        pieces: &Pieces,
        mut over: bool,
        sender: &mpsc::Sender<io::Result<Part>>,
    ) -> io::Result<()> {
        loop {
            // Nothing is told of only where nothing comes.
            let size = pieces.next().unwrap_or(0);
            let (content, crc) = self.part(size)?;
            over = over || content.len() < size || self.input.is_over()?;
            let part = Part {
                content,
                crc,
                full: !over,
                last: over,
            };
            if sender.blocking_send(Ok(part)).is_err() || over {
                return Ok(());
            }
        }
    }

    /// Up to `size` bytes: fewer only at the end of the stream.
    fn part(&mut self, size: u64) -> io::Result<(Content, u64)> {
        let needed = blocks(size);
        if needed.saturating_mul(2) <= self.blocks.most() {
            let most = needed.saturating_mul(self.parallel.saturating_add(2));
            return self.in_memory(size, most.min(self.blocks.most()));
        }
        match self.scratch.take() {
            Ok(sheet) => {
                self.tell_of_files(size);
                self.in_file(size, sheet)
            }
            Err(error) => {
                self.tell_beyond(size, &error);
                self.in_memory(size, 2 * needed)
            }
        }
    }

    /// A part in blocks, of which at most `most` are in use.
    fn in_memory(&mut self, size: u64, most: usize) -> io::Result<(Content, u64)> {
        let mut draft = Draft::new();
        self.fill(size, &mut draft, most)?;
        Ok(draft.done())
    }

    /// Adds to `draft` what is missing to `size`.
    fn fill(&mut self, size: u64, draft: &mut Draft, most: usize) -> io::Result<()> {
        while draft.length < size {
            let mut block = self.blocks.take(most);
            let wanted = small(size - draft.length).min(BLOCK);
            let filled = self.input.fill(&mut block.space()[..wanted])?;
            draft.add(block, filled);
            if filled < wanted {
                break;
            }
        }
        Ok(())
    }

    fn in_file(&mut self, size: u64, sheet: Sheet) -> io::Result<(Content, u64)> {
        self.slice.resize(SLICE, 0);
        let mut crc = checksum::digest();
        let mut length = 0;
        while length < size {
            let wanted = small(size - length).min(SLICE);
            let filled = self.input.fill(&mut self.slice[..wanted])?;
            if let Err(error) = sheet.as_ref().write_all_at(&self.slice[..filled], length) {
                self.tell_beyond(size, &error);
                return self.out_of_file(size, sheet, length, filled);
            }
            crc.update(&self.slice[..filled]);
            length += filled as u64;
            if filled < wanted {
                break;
            }
        }
        Ok((Content::File(Arc::new(sheet), length), crc.finalize()))
    }

    /// Goes on in memory with a part of which a file holds `written` bytes, and our slice the next `filled`.
    fn out_of_file(
        &mut self,
        size: u64,
        sheet: Sheet,
        written: u64,
        filled: usize,
    ) -> io::Result<(Content, u64)> {
        let mut draft = Draft::new();
        // The slice may begin and end within blocks of its own.
        let most = 2 * blocks(size) + 2;
        while draft.length < written {
            let mut block = self.blocks.take(most);
            let wanted = small(written - draft.length).min(BLOCK);
            sheet
                .as_ref()
                .read_exact_at(&mut block.space()[..wanted], draft.length)?;
            draft.add(block, wanted);
        }
        sheet.spoil();
        let mut block = self.blocks.take(most);
        block.space()[..filled].copy_from_slice(&self.slice[..filled]);
        draft.add(block, filled);
        self.fill(size, &mut draft, most)?;
        Ok(draft.done())
    }

    fn tell_of_files(&mut self, size: u64) {
        if !std::mem::replace(&mut self.told.files, true) {
            self.speaker.note(format_args!(
                "two parts of {} are more than --memory; from here on parts go through unnamed files in {}, which take {} there, and more as parts grow",
                human(size),
                self.scratch.place().display(),
                human(2 * size),
            ));
        }
    }

    fn tell_beyond(&mut self, size: u64, error: &io::Error) {
        if !std::mem::replace(&mut self.told.beyond, true) {
            self.speaker.warning(format_args!(
                "could not write a part of {} to a file in {}: {}; it is kept in memory, beyond --memory",
                human(size),
                self.scratch.place().display(),
                crate::error::plain(error),
            ));
        }
    }
}

/// A part in memory, as far as it has come.
struct Draft {
    pieces: Vec<bytes::Bytes>,
    crc: Digest,
    length: u64,
}

impl Draft {
    fn new() -> Self {
        Self {
            pieces: Vec::new(),
            crc: checksum::digest(),
            length: 0,
        }
    }

    fn add(&mut self, mut block: Block, filled: usize) {
        if filled > 0 {
            self.crc.update(&block.space()[..filled]);
            self.length += filled as u64;
            self.pieces.push(block.filled(filled));
        }
    }

    fn done(self) -> (Content, u64) {
        (Content::Memory(self.pieces.into()), self.crc.finalize())
    }
}

fn small(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::args::Voice;
    use crate::bucket::ladder::Ladder;
    use crate::run::Streams;

    /// Hands out at most `step` bytes at a time.
    struct Trickle(io::Cursor<Vec<u8>>, usize);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let end = buffer.len().min(self.1);
            self.0.read(&mut buffer[..end])
        }
    }

    /// As much memory as this many parts of a block each need.
    fn cut(plan: Plan, parts: usize, scratch: PathBuf) -> Cut {
        Cut {
            plan,
            memory: (parts * BLOCK) as u64,
            parallel: 4,
            scratch,
            pieces: Pieces::default(),
            speaker: quiet(),
        }
    }

    fn quiet() -> Speaker {
        let voice = Voice {
            quiet: true,
            verbose: false,
        };
        Streams::standard("test", voice).voice()
    }

    fn bytes_of(content: &Content) -> Vec<u8> {
        let mut reading = content.read();
        let mut bytes = Vec::new();
        while reading.left() > 0 {
            let count = reading.next(7);
            bytes.extend_from_slice(&reading.take(count).unwrap());
        }
        bytes
    }

    /// What comes out: the bytes, each part's length, and which parts are the last of their objects.
    fn parts_of(bytes: &[u8], step: usize, cut: Cut) -> (Vec<u8>, Vec<u64>, Vec<usize>) {
        let input = Trickle(io::Cursor::new(bytes.to_vec()), step);
        let mut parts = start(input, cut).unwrap();
        let (mut seen, mut sizes, mut full, mut ended) =
            (Vec::new(), Vec::new(), Vec::new(), false);
        while let Some(part) = parts.blocking_recv() {
            let part = part.unwrap();
            assert!(!ended);
            let bytes = bytes_of(&part.content);
            assert_eq!(part.crc, checksum::crc64(&bytes));
            if part.full {
                full.push(sizes.len());
            }
            ended = part.last;
            sizes.push(bytes.len() as u64);
            seen.extend_from_slice(&bytes);
        }
        assert!(ended);
        (seen, sizes, full)
    }

    proptest! {
        #[test]
        fn every_byte_comes_out_once_in_parts_and_objects_of_the_right_size(
            length in 0usize..400,
            size in 1u64..50,
            parts in 1u64..20,
            step in 1usize..60,
            memory in 0usize..4,
        ) {
            let bytes: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let limit = size * parts - size / 2;
            let plan = Plan { ladder: Ladder::Fixed(size), limit };
            let folder = tempfile::tempdir().unwrap();
            let (seen, sizes, full) = parts_of(&bytes, step, cut(plan, memory, folder.path().to_owned()));
            prop_assert_eq!(seen, bytes);
            // All objects but the last one are exactly of the limit; the last one is shorter.
            let ends: Vec<u64> = full.iter().map(|index| sizes[..=*index].iter().sum()).collect();
            prop_assert!(ends.iter().zip(1..).all(|(end, number)| *end == number * limit));
            prop_assert_eq!(ends.len() as u64, length as u64 / limit);
            prop_assert!(full.last().is_none_or(|index| index + 1 < sizes.len()));
            // And within an object all parts but the last one are of the right size.
            let short: Vec<usize> = (0..sizes.len()).filter(|index| sizes[*index] != size).collect();
            prop_assert!(short.iter().all(|index| full.contains(index) || index + 1 == sizes.len()));
        }
    }

    #[test]
    fn without_a_place_for_files_parts_stay_in_memory() {
        let bytes: Vec<u8> = (0..100).collect();
        let plan = Plan {
            ladder: Ladder::Fixed(30),
            limit: 80,
        };
        let nowhere = cut(plan, 1, "/no/such/place".into());
        let (seen, sizes, full) = parts_of(&bytes, 100, nowhere);
        assert_eq!((seen, full), (bytes, vec![2]));
        assert_eq!(sizes, [30, 30, 20, 20]);
    }

    /// What the file took and what it didn't come together again in memory.
    #[test]
    fn a_full_disk_costs_memory_and_not_the_stream() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(folder.path().to_owned());
        let mut reader = Reader {
            input: Input::new(io::Cursor::new(vec![7; 3 * BLOCK])),
            blocks: Blocks::new(1),
            parallel: 4,
            scratch,
            slice: Vec::new(),
            speaker: quiet(),
            told: Told::default(),
        };
        // So far the file took everything; the next slice it doesn't.
        let sheet = reader.scratch.take().unwrap();
        let before = vec![9; BLOCK + 10];
        sheet.as_ref().write_all_at(&before, 0).unwrap();
        reader.slice = vec![8; SLICE];
        let size = 3 * BLOCK as u64;
        let (content, crc) = reader
            .out_of_file(size, sheet, before.len() as u64, 100)
            .unwrap();
        let rest = vec![7; 3 * BLOCK - before.len() - 100];
        let expected = [before, vec![8; 100], rest].concat();
        assert!(bytes_of(&content) == expected);
        assert_eq!(crc, checksum::crc64(&expected));
    }
}
