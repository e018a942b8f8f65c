//! A progress bar on standard error, for a person who watches; silence for everybody else.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::run::Speaker;

/// Shows how many bytes went by.
pub struct Meter(ProgressBar);

impl Meter {
    /// A meter that is seen only when standard error is a terminal and `-q` was not given.
    #[must_use]
    pub fn new(speaker: Speaker) -> Self {
        let target = if speaker.wants_progress() {
            ProgressDrawTarget::stderr_with_hz(5)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template(
            "{binary_bytes} in {elapsed_precise}, {binary_bytes_per_sec}",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    /// So many bytes are to come.
    pub fn expect(&self, bytes: u64) {
        self.0.set_length(bytes);
        let style = ProgressStyle::with_template(
            "{binary_bytes} of {binary_total_bytes} {wide_bar} {binary_bytes_per_sec}, {eta} left",
        );
        self.0
            .set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    }

    /// So many went by.
    pub fn add(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
