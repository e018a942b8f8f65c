//! s3prune: which dumps go.
//!
//! What is kept keeps all that it needs; the newest chain of every set that can be restored always stays;
//! what isn't a dump is touched only by its own key. Nothing is deleted without `--delete`, and a plan is
//! made, shown and refused as a whole.

mod args;
mod choice;
mod delete;
mod family;
mod graph;
pub mod keys;
#[cfg(test)]
mod model;
mod named;
mod plan;
mod policy;
mod refs;
mod repack;
mod ties;
mod uploads;

use std::collections::BTreeSet;
use std::io::{Read, Write};

use common::age;
use common::bucket::{Bucket, Upload};
use common::error::{Class, Doing, Error, Result};
use common::listing::Catalogue;
use common::names::{parse_key, tail_of};
use common::run::{Speaker, Streams, written};
use jiff::Timestamp;

pub use crate::args::Args;
use crate::args::Task;
use crate::delete::Fate;
use crate::plan::Plan;
use crate::ties::Ties;

/// Makes the plan that `args` ask for, and carries it out if they say so.
///
/// # Errors
/// If nothing is said about what to keep, what is named may not go, or the server refuses;
/// [`Class::Nothing`] if something that was named isn't there.
#[allow(clippy::needless_pass_by_value, reason = "a tool owns its arguments")]
pub fn run(args: Args, streams: &mut Streams) -> Result<()> {
    let task = args.task()?;
    let listed = match task {
        Task::Listed => read_keys(streams)?,
        _ => BTreeSet::new(),
    };
    let prices = args.price_list.read()?;
    let voice = streams.voice();
    let bucket = Bucket::open(&args.place, voice)?;
    if let Task::Repack(key) = &task {
        return repack::run(key, &args, &bucket, streams);
    }
    let now = Timestamp::now();

    let mut skipped = 0;
    let mut plan = Plan::default();
    let (narrow, wide);
    if !matches!(task, Task::Uploads) {
        narrow = bucket.catalogue(bucket.list(&prefix(&task, &args)?)?)?;
        (plan, skipped) = choose(&task, &narrow, &listed, &args, &Ties::default())?;
        // Who says --force doesn't ask who needs it.
        let asks = !args.no_refs && !args.is_forced();
        if asks && refs::are_wanted(&plan, &narrow, &bucket) {
            // What was listed before isn't all, and may no longer be true.
            let began = Timestamp::now();
            wide = bucket.catalogue(bucket.list("")?)?;
            let ties = Ties::new(refs::of_all(&wide, &bucket)?, &args.wait(), began)?;
            (plan, skipped) = choose(&task, &wide, &listed, &args, &ties)?;
        }
    }
    let stale = match &args.uploads {
        Some(age) => uploads::stale(bucket.uploads()?, args.host()?.as_deref(), age.before(now)),
        None => Vec::new(),
    };

    plan.say(voice);
    for line in plan.lines().chain(stale.iter().map(uploads::line)) {
        voice.plain(line);
    }
    if !matches!(task, Task::Uploads) {
        for line in plan.totals(&prices, now) {
            voice.plain(line);
        }
    }
    if args.uploads.is_some() {
        let bytes = common::units::total(stale.iter().filter_map(|upload| upload.bytes));
        voice.plain(format_args!(
            "{} to abort: {}",
            stale.len(),
            common::units::human(bytes)
        ));
    }
    if !args.delete {
        voice.plain("Nothing was deleted: that takes --delete");
    }

    let (fates, mut failures) = if args.delete {
        carry_out(&plan, &bucket)
    } else {
        (untried(&plan), Vec::new())
    };
    let failed_uploads = if args.delete {
        abort(&stale, &bucket, &mut failures)
    } else {
        vec![false; stale.len()]
    };
    let written = report(&args, &plan, &fates, &stale, &failed_uploads, streams);
    conclude(failures, skipped, voice)?;
    written
}

/// What the keys begin with that have to be looked at first.
fn prefix(task: &Task, args: &Args) -> Result<String> {
    Ok(match task {
        Task::Policy(_) => args
            .host()?
            .map(|host| format!("{host}:"))
            .unwrap_or_default(),
        Task::Key(key) => {
            // A dump is judged among its whole set, any other object alone.
            let name = parse_key(key).map(|(name, _)| name).or(tail_of(key));
            name.map_or_else(|| key.clone(), |name| format!("{}:", name.set()))
        }
        Task::Listed | Task::Repack(_) | Task::Uploads => String::new(),
    })
}

/// The plan for what is in `catalogue`, and how many of the keys that were `listed` are skipped.
fn choose<'a>(
    task: &Task,
    catalogue: &'a Catalogue,
    listed: &BTreeSet<String>,
    args: &Args,
    ties: &Ties,
) -> Result<(Plan<'a>, usize)> {
    match task {
        Task::Policy(policy) => {
            let host = args.host()?;
            let trust = args.trust_dates;
            let plan = choice::by_policy(catalogue, host.as_deref(), policy, trust, ties);
            Ok((plan, 0))
        }
        Task::Key(key) => Ok((choice::by_key(catalogue, key, args, ties)?, 0)),
        Task::Listed => choice::by_list(catalogue, listed, args, ties),
        Task::Repack(_) | Task::Uploads => Ok((Plan::default(), 0)),
    }
}

fn read_keys(streams: &mut Streams) -> Result<BTreeSet<String>> {
    let mut input = Vec::new();
    streams
        .take_input()?
        .read_to_end(&mut input)
        .doing("read keys from standard input")?;
    keys::parse(input)
}

fn untried(plan: &Plan<'_>) -> Vec<Option<Fate>> {
    (0..plan.len()).map(|_| None).collect()
}

/// Deletes what goes; says what became of each item, and what went wrong.
fn carry_out(plan: &Plan<'_>, bucket: &Bucket) -> (Vec<Option<Fate>>, Vec<Error>) {
    let (doomed, numbers) = plan.doomed();
    let (fates, error) = delete::run(&doomed, |keys| bucket.delete(keys));
    let mut failures: Vec<Error> = error.into_iter().collect();
    let mut all = untried(plan);
    for (number, fate) in numbers.into_iter().zip(fates) {
        if let Fate::Failed(error) = &fate {
            failures.push(error.clone());
        }
        all[number] = Some(fate);
    }
    (all, failures)
}

/// Aborts uploads; says for each if that failed, and adds why.
fn abort(stale: &[Upload], bucket: &Bucket, failures: &mut Vec<Error>) -> Vec<bool> {
    let mut failed = Vec::new();
    for upload in stale {
        let error = bucket.abort(upload).err();
        failed.push(error.is_some());
        failures.extend(error);
    }
    failed
}

fn report(
    args: &Args,
    plan: &Plan<'_>,
    fates: &[Option<Fate>],
    stale: &[Upload],
    failed: &[bool],
    streams: &mut Streams,
) -> Result<()> {
    let text = if args.json {
        let mut text = plan.json(fates)?;
        for (upload, &failed) in stale.iter().zip(failed) {
            text += &uploads::json(upload, failed)?;
            text.push('\n');
        }
        text
    } else {
        plan.keys(if args.null { '\0' } else { '\n' }, fates)
    };
    written(streams.output().write_all(text.as_bytes()))
}

/// One failure ends in its own words; of several the last line says how many there were.
fn conclude(mut failures: Vec<Error>, skipped: usize, voice: Speaker) -> Result<()> {
    if failures.len() == 1 {
        return Err(failures.remove(0));
    }
    for failure in &failures {
        voice.error(failure);
    }
    if !failures.is_empty() {
        let temporary = failures
            .iter()
            .all(|failure| failure.class() == Class::Temporary);
        let class = if temporary {
            Class::Temporary
        } else {
            Class::Permanent
        };
        return Err(Error::new(
            class,
            "delete all that should go",
            format!("it failed {} times", failures.len()),
        ));
    }
    match skipped {
        0 => Ok(()),
        1 => Err(Error::nothing("1 key was skipped")),
        n => Err(Error::nothing(format!("{n} keys were skipped"))),
    }
}

#[cfg(test)]
mod tests {
    use common::listing::{Catalogue, Dump, Entry};

    /// Dumps of one byte, each with when the server took it in; an empty time is noon of the day named.
    pub(crate) fn dumps(keys: &[(&str, &str)]) -> Vec<Dump> {
        let entry = |&(key, taken): &(&str, &str)| Entry {
            key: key.to_owned(),
            size: 1,
            modified: match taken {
                "" => format!("{}T12:00:00Z", &key.split(':').nth(3).unwrap()[..10])
                    .parse()
                    .unwrap(),
                taken => taken.parse().unwrap(),
            },
            etag: String::new(),
            class: "STANDARD".to_owned(),
        };
        keys.iter().map(entry).collect::<Catalogue>().dumps
    }
}
