//! Moving the bytes.
//!
//! From pipe to pipe they are spliced: the kernel hands pages over and nothing is copied. Everywhere else,
//! and where splicing is refused, they are read and written. Either way bytes are paid for before they
//! move; what was paid for and didn't come is used for what comes next.

use std::io::{Read, Write};
use std::os::fd::AsFd;

use common::run::written;
use common::{Doing, Result};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use rustix::pipe::{SpliceFlags, splice};

/// The most that is moved at a time: larger steps don't fit the caches, smaller ones cost more calls.
const STEP: usize = 256 << 10;

/// Moves everything from `input` to `output`, counting it in `passed`. `pay` is told how many bytes are
/// wanted, waits until some may pass, and says how many: at least one.
///
/// # Errors
/// If the streams can't be read or written; `ReaderGone` if nobody reads `output` any more.
pub fn copy(
    input: &mut (impl Read + AsFd),
    output: &mut (impl Write + AsFd),
    passed: &mut u64,
    mut pay: impl FnMut(usize) -> usize,
) -> Result<()> {
    let mut splicing = is_pipe(&*input) && is_pipe(&*output);
    let mut buffer = Vec::new();
    let mut paid = 0;
    loop {
        if paid == 0 {
            paid = pay(STEP).clamp(1, STEP);
        }
        let moved = if splicing {
            match splice(&*input, None, &*output, None, paid, SpliceFlags::MOVE) {
                Ok(moved) => moved,
                Err(Errno::INTR) => continue,
                Err(Errno::PIPE) => return written(Err(Errno::PIPE.into())),
                // Refused, for whatever reason: nothing moved. If it is a real failure, reading or
                // writing will meet it again, and know which of the two it was.
                Err(_) => {
                    splicing = false;
                    continue;
                }
            }
        } else {
            buffer.resize(STEP, 0);
            let read = input
                .read(&mut buffer[..paid])
                .doing("read standard input")?;
            written(output.write_all(&buffer[..read]))?;
            read
        };
        if moved == 0 {
            return Ok(());
        }
        *passed += moved as u64;
        paid -= moved;
    }
}

fn is_pipe(stream: impl AsFd) -> bool {
    fstat(stream).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Seek, pipe};
    use std::thread;

    use common::Class;

    use super::*;

    /// Bytes in which a lost, doubled or moved piece shows.
    fn sample(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n ^ n >> 8 ^ n >> 16) as u8).collect()
    }

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file.rewind().unwrap();
        file
    }

    /// Copies `content` through two pipes, written in pieces, paying for `most` bytes at a time.
    fn through_pipes(content: &[u8], piece: usize, most: usize) -> (Vec<u8>, u64, u64) {
        let ((mut input, mut producer), (mut consumer, mut output)) =
            (pipe().unwrap(), pipe().unwrap());
        thread::scope(|scope| {
            scope.spawn(move || {
                for piece in content.chunks(piece) {
                    producer.write_all(piece).unwrap();
                }
            });
            let copier = scope.spawn(move || {
                let (mut passed, mut paid) = (0, 0);
                copy(&mut input, &mut output, &mut passed, |want| {
                    let granted = want.min(most);
                    paid += granted as u64;
                    granted
                })
                .unwrap();
                (passed, paid)
            });
            let mut arrived = Vec::new();
            consumer.read_to_end(&mut arrived).unwrap();
            let (passed, paid) = copier.join().unwrap();
            (arrived, passed, paid)
        })
    }

    #[test]
    fn pipe_to_pipe() {
        let content = sample(3_000_001);
        for (piece, most) in [
            (65_536, STEP),
            (10_240, 1_310),
            (1, 4096),
            (4097, usize::MAX),
        ] {
            let content = &content[..if piece == 1 { 10_000 } else { content.len() }];
            let (arrived, passed, paid) = through_pipes(content, piece, most);
            assert!(arrived == content, "piece {piece}, most {most}");
            assert_eq!(passed, content.len() as u64);
            assert!(
                paid >= passed && paid - passed <= most.min(STEP) as u64,
                "{paid} for {passed}"
            );
        }
    }

    #[test]
    fn an_empty_stream_stays_empty() {
        assert!(through_pipes(&[], 1, STEP).0.is_empty());
    }

    #[test]
    fn file_to_file() {
        let content = sample(1_000_003);
        let (mut input, mut output) = (file(&content), file(&[]));
        let mut passed = 0;
        copy(&mut input, &mut output, &mut passed, |want| want.min(777)).unwrap();
        let mut arrived = Vec::new();
        output.rewind().unwrap();
        output.read_to_end(&mut arrived).unwrap();
        assert!(arrived == content);
        assert_eq!(passed, content.len() as u64);
    }

    #[test]
    fn file_to_pipe_leaves_the_position_behind_the_last_byte() {
        let content = sample(5_000);
        let (mut consumer, mut output) = pipe().unwrap();
        let mut input = file(&content);
        copy(&mut input, &mut output, &mut 0, |want| want).unwrap();
        drop(output);
        let mut arrived = Vec::new();
        consumer.read_to_end(&mut arrived).unwrap();
        assert!(arrived == content);
        assert_eq!(input.stream_position().unwrap(), 5_000);
    }

    #[test]
    fn a_reader_that_goes_away_is_told_apart() {
        for spliced in [true, false] {
            let ((mut input, mut producer), (consumer, mut output)) =
                (pipe().unwrap(), pipe().unwrap());
            drop(consumer);
            producer.write_all(b"unwanted").unwrap();
            let outcome = if spliced {
                copy(&mut input, &mut output, &mut 0, |want| want)
            } else {
                copy(&mut file(b"unwanted"), &mut output, &mut 0, |want| want)
            };
            assert_eq!(outcome.unwrap_err().class(), Class::ReaderGone);
        }
    }

    #[test]
    fn failures_name_the_side() {
        let directory = &mut File::open("/").unwrap();
        let error = copy(directory, &mut file(&[]), &mut 0, |want| want).unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not read standard input: is a directory"
        );
        let full = &mut File::options().write(true).open("/dev/full").unwrap();
        let error = copy(&mut file(b"x"), full, &mut 0, |want| want).unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not write to standard output: no space left on device"
        );
    }
}
