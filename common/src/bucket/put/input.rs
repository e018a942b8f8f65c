//! A stream whose end can be seen before it is reached.

use std::io::{self, Read};

/// Read ahead, to see whether anything follows.
const AHEAD: usize = 64 << 10;

/// The stream.
pub(super) struct Input<R> {
    inner: R,
    /// Read and not yet handed out, from `taken` on.
    ahead: Vec<u8>,
    taken: usize,
}

impl<R: Read> Input<R> {
    /// All that `inner` delivers.
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            ahead: Vec::new(),
            taken: 0,
        }
    }

    /// Reads until the buffer is full or the stream ends; returns how far it is filled.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = (self.ahead.len() - self.taken).min(buffer.len());
        buffer[..ready].copy_from_slice(&self.ahead[self.taken..self.taken + ready]);
        self.taken += ready;
        let mut filled = ready;
        while filled < buffer.len() {
            match read(&mut self.inner, &mut buffer[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }

    /// True if nothing follows, which only reading on can tell.
    pub(super) fn is_over(&mut self) -> io::Result<bool> {
        if self.taken == self.ahead.len() {
            self.ahead.resize(AHEAD, 0);
            self.taken = 0;
            let count = read(&mut self.inner, &mut self.ahead)?;
            self.ahead.truncate(count);
        }
        Ok(self.ahead.is_empty())
    }
}

fn read(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
