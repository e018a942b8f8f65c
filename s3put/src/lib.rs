//! `s3put`: standard input becomes one object; a line of JSON on standard output says which.
//!
//! Other verbs, because they write to the bucket too: `--make-bucket` sets one up, `--acl` sets the ACL of
//! a dump, `--commit` and `--abort` end what `--prepare` began. The object appears whole or not at all, and an
//! existing one is not replaced unless told to.

mod args;
pub mod chunks;
pub mod expect;
mod guard;
mod members;
mod phases;
pub mod prepared;
mod producer;
mod receipt;
mod seam;
mod source;

use std::io::Read;
use std::sync::Arc;
use std::time::SystemTime;

use common::bucket::Bucket;
use common::names::Date;
use common::rate::{Pacer, obey_signals};
use common::run::Streams;
use common::units::human;
use common::upstream::Watch;
use common::{Doing, Error, Result};

pub use crate::args::Args;

/// An ACL document is small; more than this is something else.
const ACL_MOST: u64 = 1 << 20;

/// Runs the tool.
///
/// # Errors
/// See EXIT STATUS in s3put(1).
#[allow(clippy::needless_pass_by_value, reason = "a tool owns its arguments")]
pub fn run(mut args: Args, streams: &mut Streams) -> Result<()> {
    if let Some(verb) = args.verb()? {
        return verb.run(args, streams);
    }
    args.take_name()?;
    // First of all: who ends before anybody looks is never seen.
    let watch = args.watch(streams)?;
    let bucket = Bucket::open(&args.place, streams.voice())?;
    if args.make_bucket {
        return make(&args, &bucket, streams);
    }
    if args.acl {
        return set_acl(&args, &bucket, streams);
    }
    if let Some(prefix) = args.members.clone() {
        return members::run(&args, &prefix, bucket, watch, streams);
    }
    store(&args, &bucket, args.key()?, watch, streams)
}

fn store(
    args: &Args,
    bucket: &Bucket,
    key: String,
    watch: Option<Watch>,
    streams: &mut Streams,
) -> Result<()> {
    let voice = streams.voice();
    let started = now();
    let pacer = Arc::new(Pacer::new(args.limit.clone().unwrap_or_default()));
    let order = args.order(key, started, Arc::clone(&pacer))?;
    order.check()?;
    args.check_metadata()?;
    if args.dry_run {
        bucket.check_present()?;
        if !args.overwrite {
            bucket.check_absent(&order.key)?;
        }
        let mut what = match args.command.first() {
            None => "standard input".to_owned(),
            Some(program) => format!("what {} writes", program.to_string_lossy()),
        };
        if let Some(rest) = &order.rest {
            bucket.check_rest(rest, order.max_parts)?;
            what = format!("{what} and the rest of {}", rest.of);
        }
        voice.note(format_args!(
            "would {} {what} as {} in {}",
            if args.prepare { "prepare" } else { "store" },
            order.key,
            bucket.place()
        ));
        return Ok(());
    }
    let obedience = obey_signals(&pacer, voice)?;
    let done = source::deliver(args, bucket, &order, watch, streams)?;
    drop(obedience);
    let Some((stored, verdict)) = done else {
        return Ok(());
    };
    if let Some(verdict) = &verdict {
        voice.detail(format_args!("upstream: {}", verdict.in_words()));
    }
    voice.detail(format_args!(
        "stored {} as {}",
        human(stored.size),
        stored.key
    ));
    if stored.resumed > 0 {
        voice.note(format_args!(
            "{} were stored by an earlier run and not sent again",
            human(stored.resumed)
        ));
    }
    let upstream = verdict.as_ref().map(receipt::Upstream::of);
    match streams
        .output()
        .line(receipt::line(&stored, bucket.place(), upstream))
    {
        // The dump is safe whether anybody reads the receipt or not.
        Err(error) if error.is_silent() => Ok(()),
        Err(error) => Err(error.hint(format!("{} is stored all the same", stored.key))),
        Ok(()) => Ok(()),
    }
}

/// Seconds since 1970 (UTC).
fn now() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn make(args: &Args, bucket: &Bucket, streams: &Streams) -> Result<()> {
    let voice = streams.voice();
    if args.dry_run {
        voice.note(format_args!(
            "would create {} and set it up",
            bucket.place()
        ));
        return Ok(());
    }
    for step in bucket.make()? {
        match step.left {
            None => voice.note(format_args!("{}: done", step.what)),
            Some(why) => voice.note(format_args!("{}: left alone: {why}", step.what)),
        }
    }
    Ok(())
}

fn set_acl(args: &Args, bucket: &Bucket, streams: &mut Streams) -> Result<()> {
    let keys = match &args.name.key {
        Some(key) => vec![common::names::literal(key)?],
        None => {
            let name = args.name.dump(Date::today())?;
            if args.name.date.is_some() {
                bucket.dump(&name)?
            } else {
                bucket.newest_dump(&name)?
            }
        }
    };
    let keys = bucket.with_continuations(keys)?;
    if args.dry_run {
        streams.voice().note(format_args!(
            "would set the ACL of {} in {}",
            keys.join(", "),
            bucket.place()
        ));
        return Ok(());
    }
    let mut document = Vec::new();
    streams
        .take_input()?
        .take(ACL_MOST + 1)
        .read_to_end(&mut document)
        .doing("read the ACL document from standard input")?;
    if document.is_empty() || document.len() as u64 > ACL_MOST {
        return Err(Error::permanent(
            "read the ACL document from standard input",
            "there is none, or it is too long",
        ));
    }
    keys.iter()
        .try_for_each(|key| bucket.set_acl(key, &document))
}
