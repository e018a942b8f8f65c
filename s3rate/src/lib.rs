//! The filter `s3rate`: standard input to standard output, unchanged, at a rate.
//!
//! It promises the same bytes, a smooth flow at the rate asked for, and hardly any work of its own: from
//! pipe to pipe the bytes are moved without being read. It reaches no network and no async runtime.

mod copy;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use common::args::Voice;
use common::rate::{Pacer, Timetable, obey_signals};
use common::run::{Spoken, Streams};
use common::units::{Size, human};
use common::{Error, Result};

/// Pass standard input to standard output at a limited rate
#[derive(Clone, Debug, Parser)]
#[command(name = "s3rate", version)]
pub struct Args {
    /// Bytes per second, or a timetable: 'Mon-Fri 08:00-18:00 300k, 5M'
    #[arg(value_name = "RATE")]
    pub rate: Option<Timetable>,
    /// Let up to SIZE bytes pass at once after a pause
    #[arg(long, value_name = "SIZE")]
    pub burst: Option<Size>,
    /// Say at the end how much was passed, and how fast
    #[arg(long)]
    pub stats: bool,
    /// How much to say.
    #[command(flatten)]
    pub voice: Voice,
}

impl Spoken for Args {
    fn voice(&self) -> Voice {
        self.voice
    }
}

/// Copies standard input to standard output as fast as the rate, and the signals, allow.
///
/// # Errors
/// If a stream can't be read or written, or the burst is nothing.
pub fn run(args: Args, streams: &mut Streams) -> Result<()> {
    let voice = streams.voice();
    let timetable = args.rate.unwrap_or_default();
    voice.detail(format!("the rate is {timetable}"));
    let mut pacer = Pacer::new(timetable);
    match args.burst {
        Some(Size(0)) => return Err(Error::usage("a burst has at least one byte")),
        Some(Size(bytes)) => pacer = pacer.with_burst(bytes),
        None => {}
    }
    let pacer = Arc::new(pacer);
    let _obedience = obey_signals(&pacer, voice)?;
    let mut input = streams.take_input()?;
    let started = Instant::now();
    let mut passed = 0;
    let outcome = copy::copy(&mut input, streams.output(), &mut passed, |want| {
        pacer.wait(want)
    });
    if args.stats {
        voice.note(summary(passed, started.elapsed()));
    }
    outcome
}

/// `1048576 bytes in 10.000 s, 102.4k/s`.
fn summary(bytes: u64, time: Duration) -> String {
    let mean = u128::from(bytes) * 1_000_000_000 / time.as_nanos().max(1);
    let mean = human(u64::try_from(mean).unwrap_or(u64::MAX));
    format!("{bytes} bytes in {:.3} s, {mean}/s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_rate_or_a_timetable() {
        for text in ["300k", "off", "Mon-Fri 08:00-18:00 300k, 5M"] {
            let args = Args::try_parse_from(["s3rate", text]).unwrap();
            assert_eq!(args.rate, Some(text.parse().unwrap()));
        }
        assert_eq!(Args::try_parse_from(["s3rate"]).unwrap().rate, None);
    }

    #[test]
    fn a_wrong_rate_is_explained() {
        let error = Args::try_parse_from(["s3rate", "fast"])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("'fast' is not a rate: give bytes per second"),
            "{error}"
        );
    }

    #[test]
    fn the_summary_divides_once() {
        assert_eq!(
            summary(1 << 20, Duration::from_secs(10)),
            "1048576 bytes in 10.000 s, 102.4k/s"
        );
        assert_eq!(summary(0, Duration::ZERO), "0 bytes in 0.000 s, 0/s");
    }
}
