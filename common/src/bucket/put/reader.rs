//! Standard input, cut into parts by a thread of its own.
//!
//! Reading blocks, so it is kept off the runtime. Buffers are used again and again: a thread that reads into
//! fresh memory pays for a page fault every 4 KiB. When all of them are taken the thread waits, and with it
//! the program before us in the pipe; that is how memory stays bounded.

use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::bucket::checksum;
use crate::bucket::ladder::Ladder;

/// A part, read in full.
pub(super) struct Part {
    pub(super) bytes: Bytes,
    pub(super) crc: u64,
    /// The stream ended with it.
    pub(super) last: bool,
}

/// Where the parts come out, in order.
pub(super) type Parts = mpsc::Receiver<io::Result<Part>>;

/// Starts reading `input` in parts of the ladder's sizes; `buffers` says how many of a size may exist.
///
/// # Errors
/// If no thread can be started.
pub(super) fn start(
    input: impl Read + Send + 'static,
    ladder: Ladder,
    buffers: impl Fn(u64) -> usize + Send + 'static,
) -> io::Result<Parts> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || {
            if let Err(error) = cut(input, ladder, buffers, &sender) {
                // Whoever stopped listening has failed for a reason of its own.
                let _ = sender.blocking_send(Err(error));
            }
        })?;
    Ok(receiver)
}

fn cut(
    mut input: impl Read,
    ladder: Ladder,
    buffers: impl Fn(u64) -> usize,
    sender: &mpsc::Sender<io::Result<Part>>,
) -> io::Result<()> {
    let pool = Arc::new(Pool::default());
    let mut number = 1;
    let take = |number| {
        let size = ladder.part(number);
        let bytes =
            usize::try_from(size).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok::<_, io::Error>(pool.take(bytes, buffers(size)))
    };
    let mut current = take(number)?;
    let mut filled = fill(&mut input, &mut current, 0)?;
    loop {
        // A part is the last one if not a single byte follows it, which only reading on can tell.
        let full = filled == current.len();
        let mut ahead = None;
        if full {
            let mut buffer = take(number + 1)?;
            let start = first_read(&mut input, &mut buffer)?;
            ahead = (start > 0).then_some((buffer, start));
        }
        let crc = checksum::crc64(&current[..filled]);
        let last = ahead.is_none();
        let loan = Loan {
            buffer: current,
            pool: Arc::clone(&pool),
        };
        let part = Part {
            bytes: Bytes::from_owner(loan).slice(..filled),
            crc,
            last,
        };
        if sender.blocking_send(Ok(part)).is_err() {
            return Ok(());
        }
        let Some((buffer, start)) = ahead else {
            return Ok(());
        };
        number += 1;
        current = buffer;
        filled = fill(&mut input, &mut current, start)?;
    }
}

fn first_read(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Reads until the buffer is full or the stream ends; returns how far it is filled.
fn fill(input: &mut impl Read, buffer: &mut [u8], mut filled: usize) -> io::Result<usize> {
    while filled < buffer.len() {
        match first_read(input, &mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Buffers that come back.
#[derive(Default)]
struct Pool {
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    free: Vec<Vec<u8>>,
    lent: usize,
}

impl Pool {
    /// A buffer of `size` bytes, as soon as fewer than `most` are lent.
    fn take(&self, size: usize, most: usize) -> Vec<u8> {
        let mut state = self
            .returned
            .wait_while(self.lock(), |state| state.lent >= most)
            .unwrap_or_else(PoisonError::into_inner);
        state.lent += 1;
        state.free.retain(|buffer| buffer.len() == size);
        let reused = state.free.pop();
        drop(state);
        reused.unwrap_or_else(|| vec![0; size])
    }

    fn give_back(&self, buffer: Vec<u8>) {
        let mut state = self.lock();
        state.lent -= 1;
        state.free.push(buffer);
        drop(state);
        self.returned.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer on loan: it goes back when the last request that sends it is done.
struct Loan {
    buffer: Vec<u8>,
    pool: Arc<Pool>,
}

impl AsRef<[u8]> for Loan {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hands out at most `step` bytes at a time.
    struct Trickle(io::Cursor<Vec<u8>>, usize);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let end = buffer.len().min(self.1);
            self.0.read(&mut buffer[..end])
        }
    }

    proptest! {
        #[test]
        fn every_byte_comes_out_once_in_parts_of_the_right_size(length in 0usize..400, size in 1u64..50, step in 1usize..60) {
            let bytes: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let input = Trickle(io::Cursor::new(bytes.clone()), step);
            let mut parts = start(input, Ladder::Fixed(size), |_| 2).unwrap();
            let mut seen = Vec::new();
            let mut ended = false;
            while let Some(part) = parts.blocking_recv() {
                let part = part.unwrap();
                prop_assert!(!ended);
                prop_assert!(part.last || part.bytes.len() as u64 == size);
                prop_assert_eq!(part.crc, checksum::crc64(&part.bytes));
                ended = part.last;
                seen.extend_from_slice(&part.bytes);
            }
            prop_assert!(ended);
            prop_assert_eq!(seen, bytes);
        }
    }
}
