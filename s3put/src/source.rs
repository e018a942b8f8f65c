//! From where the stream comes, who wrote it, and whether it may become a dump.
//!
//! Three speak at the end of the stream, before the commit: the programs that wrote it, by how they ended; the
//! stream, by what `--expect` and its like find in it; and the policy of `--commit`, which weighs both. Where the
//! programs could not be seen, a stream that ends as a whole file of its format must speaks for them.

use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};

use common::bucket::Bucket;
use common::bucket::put::{Judge, Order, Stored};
use common::progress::Meter;
use common::run::Streams;
use common::upstream::{Attentive, Kind, Policy, Verdict, Watch};
use common::{Doing, Error, Result};
use rustix::fs::FileType;

use crate::expect::Proof;
use crate::guard::Guard;
use crate::producer::{Producer, held};
use crate::{Args, phases};

/// What was stored, and what is known of those who wrote it; nothing if it was prepared, and handed over.
pub(crate) type Done = Option<(Stored, Option<Verdict>)>;

/// Stores or prepares what standard input or the command brings.
///
/// # Errors
/// If it may not become a dump, or can't be stored.
pub(crate) fn deliver(
    args: &Args,
    bucket: &Bucket,
    order: &Order,
    watch: Option<Watch>,
    streams: &mut Streams,
) -> Result<Done> {
    let source = Source {
        bucket,
        order,
        guard: args.guard(bucket, &order.key, streams.voice())?,
        policy: args.policy(),
        prepare: args.prepare,
    };
    if args.command.is_empty() {
        source.pour(args, watch, streams)
    } else {
        source.produce(args, streams)
    }
}

struct Source<'a> {
    bucket: &'a Bucket,
    order: &'a Order,
    guard: Guard,
    policy: Policy,
    prepare: bool,
}

impl Source<'_> {
    /// Standard input, and those who wrote it, if it is a pipe.
    fn pour(&self, args: &Args, watch: Option<Watch>, streams: &mut Streams) -> Result<Done> {
        let input = streams.take_input()?;
        if input.is_terminal() {
            return Err(Error::usage("standard input is a terminal")
                .hint("s3put stores what a pipe brings: tar c /home | s3put home 0"));
        }
        let Some(watch) = watch else {
            if is_socket(&input) {
                let (judge, verdict) = self.judge(|| {
                    Ok(Verdict::unseen(
                        "standard input is a socket, and nobody behind it can be seen",
                    ))
                });
                return self.store(self.guard.watch(input), judge, verdict, streams);
            }
            // Before a file or a device there are no programs.
            let guard = self.guard.clone();
            let judge = Box::new(move || guard.judge().map(|_| ()));
            return self.store(self.guard.watch(input), judge, Known::default(), streams);
        };
        let watch = Arc::new(Mutex::new(watch));
        let input = Attentive::new(input, Arc::clone(&watch), streams.voice());
        let fine = args.ok_status.clone();
        let (judge, verdict) = self.judge(move || Ok(held(&watch).verdict(&fine)));
        self.store(self.guard.watch(input), judge, verdict, streams)
    }

    /// What the command writes. How it ended is always known; what it started is watched, as before a pipe.
    fn produce(&self, args: &Args, streams: &mut Streams) -> Result<Done> {
        let (output, producer) = Producer::start(&args.command)?;
        // It is a pipe of our own making, so there is something to watch.
        let watch = Watch::start(&output)
            .and_then(|watch| watch.ok_or_else(|| ErrorKind::InvalidInput.into()))
            .doing("look at what the command writes")?;
        let watch = Arc::new(Mutex::new(watch));
        let output = Attentive::new(output, Arc::clone(&watch), streams.voice());
        let (asked, fine) = (producer.clone(), args.ok_status.clone());
        let (judge, verdict) = self.judge(move || {
            let verdict = asked.verdict(&fine)?;
            if !verdict.is_plain_success() {
                return Ok(verdict);
            }
            // A shell that ran a pipeline knows only of its last program.
            let seen = held(&watch).verdict(&fine);
            Ok(if seen.kind == Kind::Failed {
                seen
            } else {
                verdict
            })
        });
        let done = self.store(self.guard.watch(output), judge, verdict, streams);
        if done.is_err() {
            producer.give_up();
        }
        done
    }

    /// Weighs what `programs` and the stream say, and where what the programs say can be read afterwards.
    fn judge(&self, programs: impl FnOnce() -> Result<Verdict> + Send + 'static) -> (Judge, Known) {
        let verdict = Known::default();
        let (known, guard) = (verdict.clone(), self.guard.clone());
        let (policy, key) = (self.policy, self.order.key.clone());
        let judge = move || {
            // Programs whose output is not read to its end don't end, or not well.
            guard.stopped()?;
            let verdict = programs()?;
            if verdict.kind == Kind::Failed {
                known.learn(&verdict).permits(policy, &key)?;
            }
            let verdict = match guard.judge()? {
                Some(Proof::Whole) => verdict.borne_out(),
                _ => verdict,
            };
            known.learn(&verdict).permits(policy, &key)
        };
        (Box::new(judge), verdict)
    }

    fn store(
        &self,
        input: impl Read + Send + 'static,
        judge: Judge,
        verdict: Known,
        streams: &mut Streams,
    ) -> Result<Done> {
        let meter = Meter::new(streams.voice());
        let progress = |bytes| meter.add(bytes);
        if self.prepare {
            let hand_over =
                phases::to_standard_output(self.bucket, streams, move || verdict.take());
            self.bucket
                .prepare(input, self.order, &progress, judge, hand_over)?;
            return Ok(None);
        }
        let stored = self.bucket.put(input, self.order, &progress, judge)?;
        Ok(Some((stored, verdict.take())))
    }
}

fn is_socket(input: &impl AsFd) -> bool {
    rustix::fs::fstat(input)
        .is_ok_and(|about| FileType::from_raw_mode(about.st_mode) == FileType::Socket)
}

/// The verdict, on its way from the thread that judges to the receipt.
#[derive(Clone, Default)]
struct Known(Arc<Mutex<Option<Verdict>>>);

impl Known {
    fn learn<'a>(&self, verdict: &'a Verdict) -> &'a Verdict {
        *held(&self.0) = Some(verdict.clone());
        verdict
    }

    fn take(&self) -> Option<Verdict> {
        held(&self.0).take()
    }
}
