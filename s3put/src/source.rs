//! From where the stream comes, who wrote it, and whether it may become a dump.
//!
//! Three speak at the end of the stream, before the commit: the programs that wrote it, by how they ended; the
//! stream, by what `--expect` and its like find in it, and as a chunk stream, if it is one; and the policy of
//! `--commit`, which weighs all that. Where the programs could not be seen, a stream that ends as a whole file of its
//! format must speaks for them. A chunk stream doesn't: `s3chunk` ends it properly whoever died before it.

use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};

use common::bucket::Bucket;
use common::bucket::put::{Approval, Judge, Order, Stored};
use common::progress::Meter;
use common::run::Streams;
use common::upstream::{Attentive, Kind, Policy, Verdict, Watch};
use common::{Doing, Error, Result};
use rustix::fs::FileType;

use crate::chunks::Chunks;
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
        chunks: args.chunks(order),
        policy: args.policy(),
        prepare: args.prepare,
    };
    let Opened {
        input,
        programs,
        producer,
    } = open(args, watch, streams)?;
    let (judge, verdict) = match programs {
        Some(programs) => source.judge(programs),
        None => {
            let inspection = source.inspection();
            let judge = move || inspection.finish().map(|(approval, _)| approval);
            (Box::new(judge) as Judge, Known::default())
        }
    };
    let done = source.store(input, judge, verdict, streams);
    if let (Err(_), Some(producer)) = (&done, producer) {
        producer.give_up();
    }
    done
}

/// Says, after the end of the stream, how those who wrote it ended. It waits for them.
pub(crate) type Programs = Box<dyn FnOnce() -> Result<Verdict> + Send>;

/// The stream, and who wrote it.
pub(crate) struct Opened {
    pub(crate) input: Box<dyn Read + Send>,
    /// None before a file or a device.
    pub(crate) programs: Option<Programs>,
    /// The command, if we run one.
    pub(crate) producer: Option<Producer>,
}

/// Opens standard input, or runs the command.
///
/// # Errors
/// If a terminal would have to be read, or the command can't be run.
pub(crate) fn open(args: &Args, watch: Option<Watch>, streams: &mut Streams) -> Result<Opened> {
    if !args.command.is_empty() {
        return produced(args, streams);
    }
    let input = streams.take_input()?;
    if input.is_terminal() {
        return Err(Error::usage("standard input is a terminal")
            .hint("s3put stores what a pipe brings: tar c /home | s3put home 0"));
    }
    let Some(watch) = watch else {
        let programs = is_socket(&input).then(|| {
            let why = "standard input is a socket, and nobody behind it can be seen";
            Box::new(|| Ok(Verdict::unseen(why))) as Programs
        });
        return Ok(Opened {
            input: Box::new(input),
            programs,
            producer: None,
        });
    };
    let watch = Arc::new(Mutex::new(watch));
    let input = Attentive::new(input, Arc::clone(&watch), streams.voice());
    let fine = args.ok_status.clone();
    Ok(Opened {
        input: Box::new(input),
        programs: Some(Box::new(move || Ok(held(&watch).verdict(&fine)))),
        producer: None,
    })
}

/// What the command writes. How it ended is always known; what it started is watched, as before a pipe.
fn produced(args: &Args, streams: &Streams) -> Result<Opened> {
    let (output, producer) = Producer::start(&args.command)?;
    // It is a pipe of our own making, so there is something to watch.
    let watch = Watch::start(&output)
        .and_then(|watch| watch.ok_or_else(|| ErrorKind::InvalidInput.into()))
        .doing("look at what the command writes")?;
    let watch = Arc::new(Mutex::new(watch));
    let output = Attentive::new(output, Arc::clone(&watch), streams.voice());
    let (asked, fine) = (producer.clone(), args.ok_status.clone());
    let programs = move || {
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
    };
    Ok(Opened {
        input: Box::new(output),
        programs: Some(Box::new(programs)),
        producer: Some(producer),
    })
}

struct Source<'a> {
    bucket: &'a Bucket,
    order: &'a Order,
    guard: Guard,
    chunks: Chunks,
    policy: Policy,
    prepare: bool,
}

impl Source<'_> {
    /// Weighs what `programs` and the stream say, and where what the programs say can be read afterwards.
    fn judge(&self, programs: impl FnOnce() -> Result<Verdict> + Send + 'static) -> (Judge, Known) {
        let verdict = Known::default();
        let (known, inspection) = (verdict.clone(), self.inspection());
        let (policy, key) = (self.policy, self.order.key.clone());
        let judge = move || {
            // Programs whose output is not read to its end don't end, or not well.
            inspection.stopped()?;
            let verdict = programs()?;
            if verdict.kind == Kind::Failed {
                known.learn(&verdict).permits(policy, &key)?;
            }
            let (approval, proof) = inspection.finish()?;
            let verdict = match proof {
                Some(Proof::Whole) if approval.chunks.is_none() => verdict.borne_out(),
                _ => verdict,
            };
            known.learn(&verdict).permits(policy, &key)?;
            Ok(approval)
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
        let input = self.guard.watch(self.chunks.completed(input));
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

    fn inspection(&self) -> Inspection {
        Inspection {
            key: self.order.key.clone(),
            chunks: self.chunks.clone(),
            guard: self.guard.clone(),
        }
    }
}

/// What the stream says of itself.
struct Inspection {
    key: String,
    chunks: Chunks,
    guard: Guard,
}

impl Inspection {
    /// Fails if the stream was ended by us.
    fn stopped(&self) -> Result<()> {
        self.chunks.stopped(&self.key)?;
        self.guard.stopped()
    }

    /// After its end: what it is, and what is proven, unless it may not become a dump.
    fn finish(&self) -> Result<(Approval, Option<Proof>)> {
        self.guard.stopped()?;
        let approval = self.chunks.whole(&self.key)?;
        Ok((approval, self.guard.judge()?))
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
