//! `--members`: each member of a tar archive becomes an object of its own.
//!
//! One thread reads the archive, several send small members, and here receipts are written in the order of the archive. A
//! large member is sent by the thread that reads, in parts, while nothing else is under way: so memory stays bounded.
//! What can't be stored because of what it is doesn't hold up the others; anything else ends the run. Members are
//! committed one by one, so what the end of the programs before us decides is the exit status alone.

mod reading;
mod sending;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use common::bucket::Bucket;
use common::bucket::put::{Order, Stored};
use common::bucket::restate::MOST_AT_ONCE;
use common::members::{Fields, is_field};
use common::progress::Meter;
use common::rate::{Pacer, obey_signals};
use common::room::Room;
use common::run::Streams;
use common::through::Through;
use common::upstream::Watch;
use common::{Doing, Error, Result};

use crate::source::{Opened, open};
use crate::{Args, now, receipt};

/// Members under way at once.
const PARALLEL: u8 = 16;
/// A member up to this size is sent by one request, if memory allows it.
const SMALL: u64 = 16 << 20;
/// What a small member costs besides its bytes.
const OVERHEAD: u64 = 64 << 10;

/// What all threads share.
struct Work {
    bucket: Bucket,
    /// What members are below, without a slash at its end.
    prefix: String,
    /// How to store each of them; key and metadata are added.
    order: Order,
    through: Option<Through>,
    /// Objects that are larger are copied in parts; `None` where bytes are sent.
    restate: Option<u64>,
    /// The largest member that one request carries.
    small: u64,
    room: Room,
    /// Keys of the small members under way.
    under_way: Mutex<HashSet<String>>,
    /// Nothing new is to be begun.
    stop: AtomicBool,
    /// Members that are being stored.
    busy: AtomicUsize,
}

/// What became of a member.
enum Outcome {
    Stored(Box<Stored>, Fields),
    /// It can't be stored, because of what it is.
    Skipped(Error),
    /// It didn't pass through the user's command.
    Spoilt(Error),
    /// Something that would befall others, too.
    Failed(Error),
}

/// What the threads tell.
enum Event {
    /// Of the member of this number.
    Done(u64, Outcome),
    /// There are so many; and why there are no more, if that is not the archive's end.
    End(u64, Result<()>),
    Signal(Error),
}

/// Stores the members of what comes below `prefix`.
///
/// # Errors
/// If one can't be stored, or the archive is not whole.
pub(crate) fn run(
    args: &Args,
    prefix: &str,
    bucket: Bucket,
    watch: Option<Watch>,
    streams: &mut Streams,
) -> Result<()> {
    let prefix = common::members::prefix(prefix)?.to_owned();
    args.check_metadata()?;
    if let Some((name, _)) = args.meta.iter().find(|(name, _)| is_field(name)) {
        return Err(Error::usage(format!(
            "--meta {name} is what members say of themselves"
        )));
    }
    let pacer = Arc::new(Pacer::new(args.limit.clone().unwrap_or_default()));
    let mut order = args.order(prefix.clone(), now(), Arc::clone(&pacer))?;
    order.check()?;
    order.allow_empty = true;
    if args.dry_run {
        bucket.check_present()?;
        streams.voice().note(format_args!(
            "would {} the members of the archive below {prefix}/ in {}",
            if args.metadata_only {
                "change the metadata of"
            } else {
                "store"
            },
            bucket.place()
        ));
        return Ok(());
    }
    let part_size = order.part_size;
    let work = Arc::new(Work {
        through: args.through.as_deref().map(Through::new),
        restate: args
            .metadata_only
            .then(|| part_size.unwrap_or(MOST_AT_ONCE)),
        small: SMALL.min(order.memory / 4).min(part_size.unwrap_or(SMALL)),
        room: Room::of(order.memory),
        under_way: Mutex::default(),
        stop: AtomicBool::new(false),
        busy: AtomicUsize::new(0),
        bucket,
        prefix,
        order,
    });
    let _obedience = obey_signals(&pacer, streams.voice())?;
    let Opened {
        input,
        programs,
        producer,
    } = open(args, watch, streams)?;
    let (tell, told) = channel();
    let parallel = usize::from(args.parallel.unwrap_or(PARALLEL));
    let mut outlook = Outlook::new(&work, streams);
    let started = start(&work, input, parallel, tell);
    let delivered = started.and_then(|was_read| {
        outlook.follow(&told)?;
        Ok(was_read)
    });
    let ended = delivered.and_then(|was_read| outlook.judge(args, programs, &was_read));
    match (ended, producer) {
        (Err(error), Some(producer)) => {
            producer.give_up();
            Err(error)
        }
        (ended, _) => ended,
    }
}

/// Starts all threads; what comes back is true once the input has been read to its end.
fn start(
    work: &Arc<Work>,
    input: Box<dyn std::io::Read + Send>,
    parallel: usize,
    tell: Sender<Event>,
) -> Result<Arc<AtomicBool>> {
    let was_read = Arc::new(AtomicBool::new(false));
    let signal = tell.clone();
    work.bucket
        .on_signal(move |error| drop(signal.send(Event::Signal(error))))?;
    let jobs = sending::start(work, parallel, &tell)?;
    let (work, ended) = (Arc::clone(work), Arc::clone(&was_read));
    std::thread::Builder::new()
        .name("archive".to_owned())
        .spawn(move || reading::read(&work, input, &ended, &jobs, &tell))
        .doing("start a thread")?;
    Ok(was_read)
}

/// What is known of the run so far.
struct Outlook<'a> {
    work: &'a Arc<Work>,
    streams: &'a mut Streams,
    meter: Meter,
    /// Members whose turn it isn't yet.
    waiting: BTreeMap<u64, Outcome>,
    /// The number of the next one.
    next: u64,
    /// How many there are, once the archive was read.
    all: Option<u64>,
    /// Why not all of the archive was read.
    broken: Option<Error>,
    stored: u64,
    skipped: u64,
    spoilt: u64,
    /// The first failure that ends the run.
    failed: Option<Error>,
    /// Nobody reads receipts.
    unheard: bool,
}

impl<'a> Outlook<'a> {
    fn new(work: &'a Arc<Work>, streams: &'a mut Streams) -> Self {
        Self {
            work,
            meter: Meter::new(streams.voice()),
            streams,
            waiting: BTreeMap::new(),
            next: 0,
            all: None,
            broken: None,
            stored: 0,
            skipped: 0,
            spoilt: 0,
            failed: None,
            unheard: false,
        }
    }

    /// Writes receipts until all is done.
    ///
    /// # Errors
    /// If something happened that ends the run; what was under way has ended then.
    fn follow(&mut self, told: &Receiver<Event>) -> Result<()> {
        while self.all.is_none_or(|all| self.next < all) {
            let Ok(event) = told.recv() else { break };
            match event {
                Event::Done(number, outcome) => {
                    self.waiting.insert(number, outcome);
                    self.write()?;
                }
                Event::End(all, outcome) => {
                    self.all = Some(all);
                    self.broken = outcome.err();
                }
                Event::Signal(error) => self.fail(error),
            }
            if let Some(error) = self.failed.take() {
                self.let_end(told);
                return Err(self.told(error));
            }
        }
        Ok(())
    }

    fn fail(&mut self, error: Error) {
        self.work.stop.store(true, Ordering::Relaxed);
        self.work.room.close();
        self.failed.get_or_insert(error);
    }

    /// Receipts of those whose turn it is.
    fn write(&mut self) -> Result<()> {
        while let Some(outcome) = self.waiting.remove(&self.next) {
            self.next += 1;
            match outcome {
                Outcome::Stored(stored, fields) => self.receipt(&stored, &fields)?,
                Outcome::Skipped(error) => {
                    self.streams.voice().warning(&error);
                    self.skipped += 1;
                }
                Outcome::Spoilt(error) => {
                    self.streams.voice().error(&error);
                    self.spoilt += 1;
                }
                Outcome::Failed(error) => self.fail(error),
            }
        }
        Ok(())
    }

    fn receipt(&mut self, stored: &Stored, fields: &Fields) -> Result<()> {
        self.stored += 1;
        self.meter.add(stored.size);
        if self.unheard {
            return Ok(());
        }
        let line = receipt::of_member(stored, self.work.bucket.place(), fields);
        match self.streams.output().line(line) {
            // What is stored is safe whether anybody reads the receipt or not.
            Err(error) if error.is_silent() => self.unheard = true,
            Err(error) => {
                self.fail(error.hint(format!("{} is stored all the same", stored.key)));
            }
            Ok(()) => {}
        }
        Ok(())
    }

    /// Waits for what is under way, and writes receipts of what was stored.
    fn let_end(&mut self, told: &Receiver<Event>) {
        // Whoever waits for the input is not waited for.
        while self.work.busy.load(Ordering::Relaxed) > 0 {
            match told.recv_timeout(std::time::Duration::from_millis(100)) {
                Ok(Event::Done(number, outcome)) => drop(self.waiting.insert(number, outcome)),
                Ok(_) | Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        while let Ok(event) = told.try_recv() {
            if let Event::Done(number, outcome) = event {
                self.waiting.insert(number, outcome);
            }
        }
        for (_, outcome) in std::mem::take(&mut self.waiting) {
            if let Outcome::Stored(stored, fields) = outcome {
                // Why it ends is known already.
                let _ = self.receipt(&stored, &fields);
            }
        }
    }

    /// The error, with what became of the other members.
    fn told(&self, error: Error) -> Error {
        match error.advice() {
            None if self.stored > 0 => error.hint(self.others()),
            _ => error,
        }
    }

    fn others(&self) -> String {
        format!(
            "stored all the same: {}; the same command goes on with the others",
            members(self.stored)
        )
    }

    /// After all members: whether that was all there was.
    fn judge(
        &mut self,
        args: &Args,
        programs: Option<crate::source::Programs>,
        was_read: &AtomicBool,
    ) -> Result<()> {
        // Programs whose output is not read to its end don't end, or not well.
        if let Some(programs) = programs.filter(|_| was_read.load(Ordering::Relaxed)) {
            let verdict = programs()?;
            let whole = self.broken.is_none();
            let verdict = if whole { verdict.borne_out() } else { verdict };
            self.streams
                .voice()
                .detail(format_args!("upstream: {}", verdict.in_words()));
            verdict
                .permits(args.policy(), "all of the archive")
                .map_err(|error| match self.stored {
                    0 => Error::new(error.class(), "store the archive", error.cause()),
                    _ => error.hint(self.others()),
                })?;
        }
        if let Some(error) = self.broken.take() {
            return Err(self.told(error));
        }
        if self.spoilt > 0 {
            return Err(Error::permanent(
                "store all members",
                format!("{} did not pass through the command", members(self.spoilt)),
            ));
        }
        if self.skipped > 0 {
            let what = members(self.skipped);
            return Err(Error::nothing(format!(
                "{what} not stored; the warnings say why"
            )));
        }
        if self.stored == 0 && !args.allow_empty {
            return Err(Error::permanent("store the archive", "nothing is in it")
                .hint("the program before us may have failed; --allow-empty takes it as it is"));
        }
        Ok(())
    }
}

fn members(count: u64) -> String {
    format!("{count} member{}", if count == 1 { "" } else { "s" })
}
