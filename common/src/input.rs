//! A stream whose first bytes were looked at.

use std::io::{self, Read};

use crate::error::{Doing, Result};

/// Reads once; none at the end.
///
/// # Errors
/// If the stream can't be read.
pub fn some(input: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome.doing("read standard input"),
        }
    }
}

/// Reads until the buffer is full or the stream at its end.
///
/// # Errors
/// If the stream can't be read.
pub fn full(input: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        // Larger reads are slower from a pipe: whoever writes sleeps until all of one is done.
        let end = buffer.len().min(length + (128 << 10));
        match some(input, &mut buffer[length..end])? {
            0 => break,
            count => length += count,
        }
    }
    Ok(length)
}

/// Bytes that were read ahead, then the rest.
pub struct Peeked<R> {
    ahead: Vec<u8>,
    taken: usize,
    rest: R,
}

impl<R: Read> Peeked<R> {
    /// Nothing is read yet.
    pub fn new(rest: R) -> Self {
        Self {
            ahead: Vec::new(),
            taken: 0,
            rest,
        }
    }

    /// The next `count` bytes, or all that are left if there are fewer. They will be read again.
    ///
    /// # Errors
    /// If the stream can't be read.
    pub fn peek(&mut self, count: usize) -> Result<&[u8]> {
        while self.ahead.len() - self.taken < count && self.look_further()? {}
        Ok(self.seen())
    }

    /// What was read ahead and not taken.
    pub fn seen(&self) -> &[u8] {
        &self.ahead[self.taken..]
    }

    /// Reads more ahead; false at the end.
    ///
    /// # Errors
    /// If the stream can't be read.
    pub fn look_further(&mut self) -> Result<bool> {
        let length = self.ahead.len();
        self.ahead.resize(length + (4 << 10), 0);
        let count = some(&mut self.rest, &mut self.ahead[length..]);
        self.ahead.truncate(length + *count.as_ref().unwrap_or(&0));
        Ok(count? > 0)
    }

    /// Leaves out bytes that were seen.
    pub fn skip(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.ahead.len());
    }
}

impl<R: Read> Read for Peeked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.ahead.len() {
            self.ahead = Vec::new();
            self.taken = 0;
            return self.rest.read(buffer);
        }
        let count = self.seen().len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.seen()[..count]);
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_read_again() {
        let mut stream = Peeked::new(&b"0123456789"[..]);
        assert_eq!(stream.peek(4).unwrap()[..4], *b"0123");
        stream.skip(2);
        assert_eq!(stream.peek(100).unwrap(), b"23456789");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "23456789");
        assert!(stream.peek(1).unwrap().is_empty());
    }
}
