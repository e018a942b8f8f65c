//! Standard input that keeps an eye on who writes it.
//!
//! Before the first byte there is nothing to do but look: shells' copies become programs, and programs appear. Once
//! it has come, everybody is looked for once more; from then on known programs are looked at now and then, at
//! intervals that double, so that a day of reading costs no more than a minute of it.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::Watch;
use super::process::timespec;
use crate::run::Speaker;

/// The first interval between two looks, and the longest.
const SOON: Duration = Duration::from_millis(1);
const SELDOM: Duration = Duration::from_secs(60);

/// A reader over a pipe, and the watch over those who write it.
pub struct Attentive<R> {
    inner: R,
    watch: Arc<Mutex<Watch>>,
    speaker: Speaker,
    begun: bool,
    interval: Duration,
    last: Instant,
}

impl<R: Read + AsFd> Attentive<R> {
    /// Reads from `inner`, and keeps `watch` informed.
    pub fn new(inner: R, watch: Arc<Mutex<Watch>>, speaker: Speaker) -> Self {
        Self {
            inner,
            watch,
            speaker,
            begun: false,
            interval: SOON,
            last: Instant::now(),
        }
    }

    /// Waits for the first byte, or the end.
    fn begin(&mut self) {
        while !self.arrived() {
            self.glance();
        }
        let mut watch = held(&self.watch);
        watch.look();
        let names = watch.names();
        drop(watch);
        self.speaker.detail(format_args!(
            "watching {}",
            if names.is_empty() {
                "nobody".to_owned()
            } else {
                names.join(", ")
            }
        ));
        self.begun = true;
    }

    /// True if there is something to read, or nothing will come. Waits for one interval.
    fn arrived(&self) -> bool {
        let mut one = [PollFd::new(&self.inner, PollFlags::IN)];
        // Interrupted: one look more. Anything else the next read will tell.
        match poll(&mut one, Some(&timespec(self.interval))) {
            Ok(number) => number > 0,
            Err(error) => error != rustix::io::Errno::INTR,
        }
    }

    fn glance(&mut self) {
        held(&self.watch).glance();
        self.interval = (self.interval * 2).min(SELDOM);
        self.last = Instant::now();
    }
}

impl<R: Read + AsFd> Read for Attentive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.begun {
            self.begin();
        }
        let read = self.inner.read(buffer)?;
        // At the end many are still there who will be gone in a moment.
        if read == 0 || self.last.elapsed() >= self.interval {
            self.glance();
        }
        Ok(read)
    }
}

/// The watch, whoever else had it.
fn held(watch: &Mutex<Watch>) -> MutexGuard<'_, Watch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}
