//! Two phases: `--prepare` sends a dump and prints what the last request takes, `--commit` sends that request,
//! `--abort` gives the dump up.
//!
//! Each of them can be run again. A prepared dump that nobody can name is of no use, so without a reader of its
//! receipt there is none; a stored one is, so its receipt may get lost.

use std::io::Read;

use common::bucket::Bucket;
use common::bucket::put::{Abandoned, Pending};
use common::run::Streams;
use common::units::human;
use common::upstream::Verdict;
use common::{Doing, Error, Result};

use crate::prepared::{self, Receipt};
use crate::{Args, receipt};

/// Bytes of receipts: twenty of the longest, and a hundred thousand of the usual ones.
const MOST: u64 = 64 << 20;

/// What ends a prepared dump.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verb {
    Commit,
    Abort,
}

/// Hands a prepared dump over to whoever reads standard output.
pub(crate) fn to_standard_output(
    bucket: &Bucket,
    streams: &Streams,
    verdict: impl Fn() -> Option<Verdict> + Send + 'static,
) -> impl FnOnce(&Pending) -> Result<()> + Send + 'static {
    let (place, mut output) = (bucket.place().clone(), streams.another_output());
    move |pending: &Pending| {
        let verdict = verdict();
        let upstream = verdict.as_ref().map(receipt::Upstream::of);
        let line = prepared::line(pending, &place, upstream);
        output.line(line).map_err(|error| {
            let doing = format!("hand over the receipt of {}", pending.key());
            Error::permanent(doing, error.cause()).hint("nothing is prepared")
        })
    }
}

impl Verb {
    /// Reads receipts from standard input and does to all of them what the verb says.
    pub(crate) fn run(self, mut args: Args, streams: &mut Streams) -> Result<()> {
        let receipts = read(streams)?;
        let Some(first) = receipts.first() else {
            return Err(Error::nothing(match self {
                Self::Commit => "there is nothing to commit: no receipt was read",
                Self::Abort => "there is nothing to abort: no receipt was read",
            }));
        };
        args.place.otherwise = Some(first.place.to_string());
        let bucket = Bucket::open(&args.place, streams.voice())?;
        if *bucket.place() != first.place {
            return Err(Error::usage(format!(
                "the receipts are about {}, and the bucket is {}",
                first.place,
                bucket.place()
            )));
        }
        match self {
            Self::Commit => commit(&args, &bucket, receipts, streams),
            Self::Abort => abort(&args, &bucket, &receipts, streams),
        }
    }
}

fn read(streams: &mut Streams) -> Result<Vec<Receipt>> {
    let doing = "read receipts from standard input";
    let input = streams.take_input()?;
    if input.is_terminal() {
        return Err(Error::usage("standard input is a terminal")
            .hint("--commit and --abort read what --prepare printed: s3put --commit <receipt"));
    }
    let mut text = Vec::new();
    input.take(MOST + 1).read_to_end(&mut text).doing(doing)?;
    if text.len() as u64 > MOST {
        return Err(Error::permanent(
            doing,
            format!("there are more than {}", human(MOST)),
        ));
    }
    prepared::parse(&text)
}

fn commit(
    args: &Args,
    bucket: &Bucket,
    receipts: Vec<Receipt>,
    streams: &mut Streams,
) -> Result<()> {
    let voice = streams.voice();
    let (mut dumps, mut upstreams) = (Vec::new(), Vec::new());
    for receipt in receipts {
        match receipt.pending {
            Some((pending, upstream)) => {
                dumps.push(pending);
                upstreams.push(upstream);
            }
            None => voice.note(format_args!(
                "{} is committed already: its receipt says so",
                receipt.key
            )),
        }
    }
    if args.dry_run {
        for (dump, done) in dumps.iter().zip(bucket.committed(&dumps)?) {
            let (key, place) = (dump.key(), bucket.place());
            if done {
                voice.note(format_args!("{key} is committed already"));
            } else {
                let size = human(dump.size());
                voice.note(format_args!("would commit {key}, {size}, in {place}"));
            }
        }
        return Ok(());
    }
    let mut done = 0;
    let outcome = bucket.commit(&dumps, |dump, stored| {
        let upstream = upstreams.get(done);
        done += 1;
        voice.detail(format_args!("committed {}", dump.key()));
        match streams
            .output()
            .line(receipt::line(stored, bucket.place(), upstream))
        {
            // It is stored whether anybody reads the receipt or not.
            Err(error) if error.is_silent() => Ok(()),
            Err(error) => Err(error.hint(format!("{} is stored all the same", dump.key()))),
            Ok(()) => Ok(()),
        }
    });
    if outcome.is_err() && dumps.len() > 1 {
        let left: Vec<&str> = dumps[done..].iter().map(Pending::key).collect();
        voice.warning(format_args!(
            "{done} of {} are committed; not committed: {}",
            dumps.len(),
            left.join(", ")
        ));
    }
    outcome
}

/// Aborts what can be aborted, whatever else fails.
fn abort(args: &Args, bucket: &Bucket, receipts: &[Receipt], streams: &mut Streams) -> Result<()> {
    let voice = streams.voice();
    let (mut committed, mut unseen) = (Vec::new(), Vec::new());
    let mut failed: Option<Error> = None;
    for receipt in receipts {
        let key = &receipt.key;
        let Some((pending, _)) = &receipt.pending else {
            committed.push(key.as_str());
            continue;
        };
        if args.dry_run {
            voice.note(format_args!(
                "would abort the upload of {key} in {}",
                bucket.place()
            ));
            continue;
        }
        match bucket.abandon(pending) {
            Ok(Abandoned::Now) => voice.detail(format_args!("aborted the upload of {key}")),
            Ok(Abandoned::Before) => {
                voice.note(format_args!("the upload of {key} is gone already"));
            }
            Ok(Abandoned::Committed) => committed.push(key),
            Ok(Abandoned::Unseen) => unseen.push(key.as_str()),
            Err(error) => {
                if let Some(earlier) = failed.replace(error) {
                    voice.error(&earlier);
                }
            }
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let mut doubts = Vec::new();
    if !committed.is_empty() {
        doubts.push(format!(
            "committed already, and left alone: {}",
            committed.join(", ")
        ));
    }
    if !unseen.is_empty() {
        doubts.push(format!(
            "the upload of {} is gone: aborted before, or committed; this key can't look",
            unseen.join(", ")
        ));
    }
    if doubts.is_empty() {
        return Ok(());
    }
    Err(Error::nothing(doubts.join("; ")))
}
