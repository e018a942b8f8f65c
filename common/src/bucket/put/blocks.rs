//! Memory for parts: blocks of one size, used again and again.
//!
//! Parts grow, and buffers of their sizes would have to be freed and made anew; what the allocator then keeps
//! is nobody's to say. Blocks are made once and serve parts of any size, so what is taken from the system never
//! exceeds what may be lent. A thread that reads into fresh memory would also pay for a page fault every 4 KiB.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Bytes of a block. Small enough for a cache, and to waste little at the end of a part.
pub(super) const BLOCK: usize = 1 << 20;

/// How many blocks hold so many bytes.
pub(super) fn blocks(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(BLOCK as u64)).unwrap_or(usize::MAX)
}

/// Blocks that come back.
pub(super) struct Blocks {
    most: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    free: Vec<Vec<u8>>,
    lent: usize,
}

impl Blocks {
    /// At most so many blocks.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            state: Mutex::default(),
            returned: Condvar::new(),
        })
    }

    /// How many there may be.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// A block, as soon as fewer than `most` are lent. Only those that there may be are kept afterwards.
    pub(super) fn take(self: &Arc<Self>, most: usize) -> Block {
        let mut state = self
            .returned
            .wait_while(self.lock(), |state| state.lent >= most.max(1))
            .unwrap_or_else(PoisonError::into_inner);
        state.lent += 1;
        let reused = state.free.pop();
        drop(state);
        Block {
            bytes: reused.unwrap_or_else(|| vec![0; BLOCK]),
            home: Arc::clone(self),
        }
    }

    fn give_back(&self, block: Vec<u8>) {
        let mut state = self.lock();
        state.lent -= 1;
        if state.lent + state.free.len() < self.most {
            state.free.push(block);
        }
        drop(state);
        self.returned.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A block on loan: it goes back when the last request that sends it is done.
pub(super) struct Block {
    bytes: Vec<u8>,
    home: Arc<Blocks>,
}

impl Block {
    /// Its bytes.
    pub(super) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// The first `length` bytes, to be sent.
    pub(super) fn filled(self, length: usize) -> Bytes {
        Bytes::from_owner(self).slice(..length)
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.home.give_back(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_is_not_kept() {
        let blocks = Blocks::new(2);
        let lent: Vec<Block> = (0..3).map(|_| blocks.take(3)).collect();
        drop(lent);
        let state = blocks.lock();
        assert_eq!((state.lent, state.free.len()), (0, 2));
    }

    #[test]
    fn a_block_comes_back_with_the_last_of_its_bytes() {
        let blocks = Blocks::new(1);
        let bytes = blocks.take(1).filled(10);
        let half = bytes.slice(5..);
        drop(bytes);
        assert_eq!(blocks.lock().lent, 1);
        drop(half);
        assert_eq!(blocks.lock().lent, 0);
        assert_eq!(blocks.take(1).as_ref().len(), BLOCK);
    }
}
