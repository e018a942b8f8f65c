//! Memory that several threads share: whoever needs some waits until there is enough.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// So many bytes, some of which are taken.
pub struct Room {
    all: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    taken: u64,
    closed: bool,
}

impl Room {
    /// Room for so many bytes, none of which are taken.
    #[must_use]
    pub fn of(all: u64) -> Self {
        Self {
            all: all.max(1),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Waits for so much room and takes it, or all there is; `None` once it is closed.
    pub fn take(&self, bytes: u64) -> Option<u64> {
        let bytes = bytes.clamp(1, self.all);
        let mut state = held(&self.state);
        while !state.closed && self.all - state.taken < bytes {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return None;
        }
        state.taken += bytes;
        Some(bytes)
    }

    /// All of it.
    pub fn take_all(&self) -> Option<u64> {
        self.take(self.all)
    }

    /// Gives back what was taken.
    pub fn give(&self, bytes: u64) {
        held(&self.state).taken -= bytes;
        self.changed.notify_all();
    }

    /// Nothing more is taken.
    pub fn close(&self) {
        held(&self.state).closed = true;
        self.changed.notify_all();
    }

    /// True while somebody has some of it.
    #[must_use]
    pub fn is_used(&self) -> bool {
        held(&self.state).taken > 0
    }
}

fn held(lock: &Mutex<State>) -> MutexGuard<'_, State> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_all_waits_for_the_others() {
        let room = Room::of(100);
        let (one, other) = (room.take(40).unwrap(), room.take(60).unwrap());
        assert!(room.is_used());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| room.take(1000));
            room.give(one);
            room.give(other);
            assert_eq!(waiting.join().unwrap(), Some(100));
        });
        room.give(100);
        assert!(!room.is_used());
        room.close();
        assert_eq!(room.take(1), None);
    }
}
