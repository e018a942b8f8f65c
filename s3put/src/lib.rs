//! `s3put`: standard input becomes one object; a line of JSON on standard output says which.
//!
//! Other verbs, because they write to the bucket too: `--make-bucket` sets one up, `--acl` sets the ACL of
//! a dump, `--commit` and `--abort` end what `--prepare` began. The object appears whole or not at all, and an
//! existing one is not replaced unless told to.

mod phases;
pub mod prepared;
mod producer;
mod receipt;

use std::ffi::OsString;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::Parser;
use common::args::{Name, Voice, Where};
use common::bucket::put::{Judge, Order, Stored};
use common::bucket::{Bucket, random};
use common::names::Date;
use common::progress::Meter;
use common::rate::{Pacer, Timetable, obey_signals};
use common::run::{Spoken, Streams};
use common::units::{Size, human};
use common::upstream::{Attentive, OkStatus, Policy, Verdict, Watch};
use common::{Doing, Error, Result};

use crate::phases::Verb;
use crate::producer::Producer;

/// An ACL document is small; more than this is something else.
const ACL_MOST: u64 = 1 << 20;

/// Store standard input as one object of a bucket
#[derive(Parser, Debug)]
#[command(
    group = clap::ArgGroup::new("nameless").multiple(true),
    name = "s3put",
    version,
    term_width = 80,
    override_usage = "s3put [OPTIONS] FS LEVEL [-- COMMAND...]\n       s3put [OPTIONS] --key KEY [-- COMMAND...]\n       s3put [OPTIONS] --make-bucket\n       s3put [OPTIONS] --commit <RECEIPTS\n       s3put [OPTIONS] --abort <RECEIPTS"
)]
pub struct Args {
    #[command(flatten)]
    name: Name,
    /// Add ~ and 16 random hex digits to the date, so that nobody can guess it
    #[arg(long, conflicts_with = "key", help_heading = "Name")]
    random: bool,
    /// Replace an object of that name
    #[arg(long, help_heading = "Name")]
    overwrite: bool,

    #[command(flatten)]
    place: Where,

    /// Storage class, as S3 names it
    #[arg(long, value_name = "CLASS", help_heading = "Object")]
    storage_class: Option<String>,
    /// Use the storage class STANDARD_IA
    #[arg(short, long, conflicts_with = "storage_class", help_heading = "Object")]
    infrequent: bool,
    /// Add metadata (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = metadata, help_heading = "Object")]
    meta: Vec<(String, String)>,
    /// Add a tag (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair, help_heading = "Object")]
    tag: Vec<(String, String)>,
    /// Give the bucket's owner full control of the object
    #[arg(long, help_heading = "Object")]
    grant_owner: bool,
    /// Store an empty stream instead of refusing it
    #[arg(long, help_heading = "Object")]
    allow_empty: bool,

    /// Send at most RATE bytes a second (300k, 5M), or by a timetable
    #[arg(short = 'L', long, value_name = "RATE", help_heading = "Speed")]
    limit: Option<Timetable>,
    /// Parts of SIZE instead of growing ones (5M to 5G)
    #[arg(long, value_name = "SIZE", help_heading = "Speed")]
    part_size: Option<Size>,
    /// Go on in another object after SIZE (5M to 48.8T) [default: 5T]
    #[arg(long, value_name = "SIZE", help_heading = "Speed")]
    max_object: Option<Size>,
    /// Parts of one object, where the server takes fewer than S3
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "Speed")]
    max_parts: u32,
    /// Parts under way at once
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u8).range(1..), help_heading = "Speed")]
    parallel: u8,
    /// Memory for parts
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "256M",
        help_heading = "Speed"
    )]
    memory: Size,

    /// Go on with the upload that a broken run of the same command left
    #[arg(long, conflicts_with_all = ["make_bucket", "acl", "abort"], help_heading = "Two phases")]
    resume: bool,
    /// Send everything, but leave the last request to --commit; print what it takes
    #[arg(long, conflicts_with_all = ["make_bucket", "acl", "abort"], help_heading = "Two phases")]
    prepare: bool,
    /// Abort what was prepared; read that from standard input
    #[arg(long, group = "nameless", conflicts_with_all = ["make_bucket", "acl", "fs", "key", "command"], help_heading = "Two phases")]
    abort: bool,

    /// Say what would be done; read and write nothing
    #[arg(short = 'n', long, help_heading = "Instead of storing")]
    dry_run: bool,
    /// Create the bucket and set it up for backups
    #[arg(long, group = "nameless", conflicts_with_all = ["fs", "key", "acl"], help_heading = "Instead of storing")]
    make_bucket: bool,
    /// Read an ACL document (XML) and set it on the named dump
    #[arg(long, help_heading = "Instead of storing")]
    acl: bool,

    /// Store only what ended well: clean, not-failed (the default) or always. Without a value: commit what was
    /// prepared, and read that from standard input
    #[arg(long, value_name = "POLICY", num_args = 0..=1, hide_possible_values = true, group = "nameless", conflicts_with_all = ["make_bucket", "acl", "abort"], help_heading = "Producer")]
    commit: Option<Option<Policy>>,
    /// Call this exit status of a program before us, or of COMMAND, fine, too: N, or NAME:N (repeatable)
    #[arg(long, value_name = "STATUS", help_heading = "Producer")]
    ok_status: Vec<OkStatus>,
    /// Run this and store what it writes, if it exits with 0
    #[arg(
        last = true,
        value_name = "COMMAND",
        group = "nameless",
        conflicts_with = "make_bucket",
        help_heading = "Producer"
    )]
    command: Vec<OsString>,

    #[command(flatten)]
    voice: Voice,
}

impl Spoken for Args {
    fn voice(&self) -> Voice {
        self.voice
    }
}

fn pair(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is not NAME=VALUE".to_owned()),
    }
}

/// Metadata travels in headers: what they can't carry would be refused by the server, or worse, changed.
fn metadata(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = pair(text)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.chars().all(fits) {
        return Err("a name is made of letters, digits, '-', '_' and '.'".to_owned());
    }
    if name.to_ascii_lowercase().starts_with("s3pipes-") {
        return Err("names that begin with s3pipes- are taken".to_owned());
    }
    if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) || value.trim() != value {
        return Err("a value is printable ASCII without blanks at its ends".to_owned());
    }
    Ok((name.to_ascii_lowercase(), value))
}

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
    store(&args, &bucket, args.key()?, watch, streams)
}

impl Args {
    /// The verb that ends what was prepared, if that is asked for.
    fn verb(&self) -> Result<Option<Verb>> {
        if self.abort {
            return Ok(Some(Verb::Abort));
        }
        if !matches!(self.commit, Some(None)) {
            return Ok(None);
        }
        let named = self.name.fs.is_some() || self.name.key.is_some() || !self.command.is_empty();
        if named {
            return Err(
                Error::usage("--commit without a policy takes no name: it reads receipts")
                    .hint("a policy is clean, not-failed or always"),
            );
        }
        if self.prepare || self.resume {
            return Err(Error::usage(
                "--commit without a policy ends what was prepared: it goes with neither --prepare nor --resume",
            ));
        }
        Ok(Some(Verb::Commit))
    }

    /// `--` also ends the options, as everywhere: `s3put -- -odd-name 0`. Then the first two words after it are
    /// the name.
    fn take_name(&mut self) -> Result<()> {
        if !self.make_bucket && self.name.fs.is_none() && self.name.key.is_none() {
            let (Some(fs), Some(level)) = (self.command.first(), self.command.get(1)) else {
                return Err(Error::usage("no dump is named").hint("give FS and LEVEL, or -k KEY"));
            };
            let fs = fs
                .to_str()
                .ok_or_else(|| Error::usage("the file system is not valid UTF-8"))?;
            let number = level.to_str().and_then(|level| level.parse().ok());
            let number = number.ok_or_else(|| {
                Error::usage(format!("'{}' is not a level", level.to_string_lossy()))
                    .hint("a level is a whole number; 0 is a full dump")
            })?;
            (self.name.fs, self.name.level) = (Some(fs.to_owned()), Some(number));
            self.command.drain(..2);
            if self.command.first().is_some_and(|word| word == "--") {
                self.command.remove(0);
            }
        }
        if self.acl && !self.command.is_empty() {
            return Err(Error::usage("--acl runs no command"));
        }
        Ok(())
    }

    /// Begins to watch who writes to standard input, if it is to be stored and is a pipe.
    fn watch(&self, streams: &Streams) -> Result<Option<Watch>> {
        let stores = !(self.make_bucket || self.acl || self.dry_run);
        match streams.input() {
            Some(input) if stores && self.command.is_empty() => {
                Watch::start(input).doing("look at standard input")
            }
            _ => Ok(None),
        }
    }

    /// What has to be known of the producers for the commit.
    fn policy(&self) -> Policy {
        self.commit.flatten().unwrap_or_default()
    }

    fn key(&self) -> Result<String> {
        if let Some(key) = &self.name.key {
            return common::names::literal(key);
        }
        let mut name = self.name.dump(Date::today())?;
        if self.random {
            name.date = name.date.with_token(random());
        }
        common::names::literal(&name.to_string())
    }

    fn order(&self, key: String, pacer: Arc<Pacer>) -> Order {
        let infrequent = self.infrequent.then(|| "STANDARD_IA".to_owned());
        Order {
            key,
            overwrite: self.overwrite,
            class: self.storage_class.clone().or(infrequent),
            metadata: self.meta.clone(),
            tags: self.tag.clone(),
            grant_owner: self.grant_owner,
            allow_empty: self.allow_empty,
            part_size: self.part_size.map(|size| size.0),
            max_object: self.max_object.map(|size| size.0),
            max_parts: self.max_parts,
            parallel: usize::from(self.parallel),
            memory: self.memory.0,
            pacer,
            resume: self.resume,
        }
    }
}

fn store(
    args: &Args,
    bucket: &Bucket,
    key: String,
    watch: Option<Watch>,
    streams: &mut Streams,
) -> Result<()> {
    let voice = streams.voice();
    let policy = args.policy();
    let pacer = Arc::new(Pacer::new(args.limit.clone().unwrap_or_default()));
    let order = args.order(key, Arc::clone(&pacer));
    order.check()?;
    let mut names: Vec<&String> = args.meta.iter().map(|(name, _)| name).collect();
    names.sort();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::usage(format!("--meta {} is given twice", twice[0])));
    }
    if args.dry_run {
        bucket.check_present()?;
        if !args.overwrite {
            bucket.check_absent(&order.key)?;
        }
        voice.note(format_args!(
            "would {} standard input as {} in {}",
            if args.prepare { "prepare" } else { "store" },
            order.key,
            bucket.place()
        ));
        return Ok(());
    }
    let obedience = obey_signals(&pacer, voice)?;
    let done = if args.command.is_empty() {
        pour(args, bucket, &order, policy, watch, streams)?
    } else {
        produce(args, bucket, &order, policy, streams)?
    };
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

/// Stores standard input, if `policy` allows what is found out about those who wrote it.
fn pour(
    args: &Args,
    bucket: &Bucket,
    order: &Order,
    policy: Policy,
    watch: Option<Watch>,
    streams: &mut Streams,
) -> Result<Done> {
    let input = streams.take_input()?;
    if input.is_terminal() {
        return Err(Error::usage("standard input is a terminal")
            .hint("s3put stores what a pipe brings: tar c /home | s3put home 0"));
    }
    let Some(watch) = watch else {
        let judge = Box::new(|| Ok(()));
        return deliver(args, bucket, order, streams, input, judge, Known::default());
    };
    let watch = Arc::new(Mutex::new(watch));
    let input = Attentive::new(input, Arc::clone(&watch), streams.voice());
    let verdict = Known::default();
    let (known, fine, key) = (verdict.clone(), args.ok_status.clone(), order.key.clone());
    let judge = move || {
        let verdict = held(&watch).verdict(&fine);
        known.learn(&verdict).permits(policy, &key)
    };
    deliver(
        args,
        bucket,
        order,
        streams,
        input,
        Box::new(judge),
        verdict,
    )
}

/// Runs the command and stores what it writes, if `policy` allows how it ended.
fn produce(
    args: &Args,
    bucket: &Bucket,
    order: &Order,
    policy: Policy,
    streams: &mut Streams,
) -> Result<Done> {
    let (output, producer) = Producer::start(&args.command)?;
    let verdict = Known::default();
    let (known, fine, key) = (verdict.clone(), args.ok_status.clone(), order.key.clone());
    let asked = producer.clone();
    let judge = move || {
        let verdict = asked.verdict(&fine)?;
        known.learn(&verdict).permits(policy, &key)
    };
    let done = deliver(
        args,
        bucket,
        order,
        streams,
        output,
        Box::new(judge),
        verdict,
    );
    if done.is_err() {
        producer.give_up();
    }
    done
}

/// What was stored, and what is known of those who wrote it; nothing if it was prepared, and handed over.
type Done = Option<(Stored, Option<Verdict>)>;

/// Stores or prepares `input`. `verdict` is known once `judge` has spoken.
fn deliver(
    args: &Args,
    bucket: &Bucket,
    order: &Order,
    streams: &mut Streams,
    input: impl Read + Send + 'static,
    judge: Judge,
    verdict: Known,
) -> Result<Done> {
    let meter = Meter::new(streams.voice());
    let progress = |bytes| meter.add(bytes);
    if args.prepare {
        let hand_over = phases::to_standard_output(bucket, streams, move || verdict.take());
        bucket.prepare(input, order, &progress, judge, hand_over)?;
        return Ok(None);
    }
    let stored = bucket.put(input, order, &progress, judge)?;
    Ok(Some((stored, verdict.take())))
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

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
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
