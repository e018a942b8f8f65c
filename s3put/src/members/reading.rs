//! The archive on its way in: small members are handed on, large ones are sent from here.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use common::bucket::put::{Approval, Judge};
use common::members::{Unfit, fields, key};
use common::tar::read::{Entry, Reader};
use common::tar::{Kind, Member};
use common::{Doing, Error, Result};

use super::sending::{Job, refused, unfit};
use super::{Event, OVERHEAD, Outcome, Work};
use crate::producer::held;

type Archive = Reader<Ending<Box<dyn Read + Send>>>;

/// Reads the archive to its end, and tells how that went.
pub(super) fn read(
    work: &Work,
    input: Box<dyn Read + Send>,
    ended: &Arc<AtomicBool>,
    jobs: &Sender<Job>,
    tell: &Sender<Event>,
) {
    let input = Ending {
        input,
        ended: Arc::clone(ended),
    };
    let reading = Reading {
        work,
        archive: Arc::new(Mutex::new(Reader::new(input))),
        jobs,
        tell,
    };
    let mut count = 0;
    let outcome = reading.all(&mut count);
    // Nobody listens any more once the run has ended.
    let _ = tell.send(Event::End(count, outcome));
}

/// An input that says when it has ended.
struct Ending<R> {
    input: R,
    ended: Arc<AtomicBool>,
}

impl<R: Read> Read for Ending<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            self.ended.store(true, Ordering::Relaxed);
        }
        Ok(count)
    }
}

struct Reading<'a> {
    work: &'a Work,
    archive: Arc<Mutex<Archive>>,
    jobs: &'a Sender<Job>,
    tell: &'a Sender<Event>,
}

impl Reading<'_> {
    fn all(&self, count: &mut u64) -> Result<()> {
        loop {
            let entry = held(&self.archive).next_entry()?;
            let Some(entry) = entry else { return Ok(()) };
            if self.work.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let number = *count;
            if let Some(outcome) = self.one(number, entry)? {
                let _ = self.tell.send(Event::Done(number, outcome));
            }
            *count += 1;
        }
    }

    /// Stores a member; nothing comes back where somebody else tells what becomes of it.
    fn one(&self, number: u64, entry: Entry) -> Result<Option<Outcome>> {
        let work = self.work;
        let member = match entry {
            Entry::Strange(path, why) => {
                return Ok(Some(unfit(&String::from_utf8_lossy(&path), why)));
            }
            Entry::Member(member) => member,
        };
        let key = match key(&work.prefix, &member.path, member.kind) {
            Ok(key) if work.takes(&key) => key,
            Ok(key) => return Ok(Some(unfit(&key, Unfit::LongKey))),
            Err(why) => return Ok(Some(unfit(&String::from_utf8_lossy(&member.path), why))),
        };
        let size = member.stored().unwrap_or(u64::MAX);
        let sends = work.restate.is_none();
        if sends && size > work.small {
            let Some(all) = work.room.take_all() else {
                return Ok(None);
            };
            let outcome = self.large(&key, &member, size);
            work.room.give(all);
            return outcome.map(Some);
        }
        // Another version of the same member: the later one is to win.
        if !held(&work.under_way).insert(key.clone()) {
            let Some(all) = work.room.take_all() else {
                return Ok(None);
            };
            work.room.give(all);
            held(&work.under_way).insert(key.clone());
        }
        let size = if sends { size } else { 0 };
        // What passes through a program is there twice.
        let copies = if work.through.is_some() { 2 } else { 1 };
        let needed = size.saturating_mul(copies) + OVERHEAD + member.weight();
        let Some(taken) = work.room.take(needed) else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        if sends && let Err(error) = held(&self.archive).read_to_end(&mut bytes) {
            work.room.give(taken);
            return Err(error).doing("read the archive");
        }
        let job = Job {
            number,
            key,
            member,
            bytes,
            taken,
        };
        work.busy.fetch_add(1, Ordering::Relaxed);
        if self.jobs.send(job).is_err() {
            work.busy.fetch_sub(1, Ordering::Relaxed);
            work.room.give(taken);
        }
        Ok(None)
    }

    /// Sends a large member in parts.
    ///
    /// # Errors
    /// If the archive can't be read.
    fn large(&self, key: &str, member: &Member, size: u64) -> Result<Outcome> {
        let work = self.work;
        let is_file = member.kind == Kind::File;
        let through = work.through.as_ref().filter(|_| is_file);
        let fields = match fields(member, through.is_some(), None) {
            Ok(fields) => fields,
            Err(why) => return Ok(unfit(key, why)),
        };
        // Before anything is sent.
        if !work.order.overwrite && work.bucket.is_there(key)? == Some(true) {
            return Ok(unfit(key, common::bucket::put::EXISTS));
        }
        let order = match work.order(key, &fields) {
            Ok(order) => order,
            Err(outcome) => return Ok(outcome),
        };
        let content = Content {
            archive: Arc::clone(&self.archive),
            closed: Arc::new(AtomicBool::new(false)),
            broken: Arc::default(),
            left: size,
        };
        let (closed, broken) = (Arc::clone(&content.closed), Arc::clone(&content.broken));
        let fault = Arc::new(AtomicBool::new(false));
        let busy = Busy::of(work);
        let put = match through {
            None => {
                let judge: Judge = Box::new(|| Ok(Approval::default()));
                work.bucket.put(content, &order, &|_| (), judge)
            }
            Some(through) => {
                let doing = format!("store {key}");
                let mut running = match through.start(key, &doing) {
                    Ok(running) => running,
                    Err(error) => return Ok(Outcome::Spoilt(error)),
                };
                let (input, output) = (running.input.take(), running.output.take());
                let fed = feed(content, input)?;
                let (failed, doing) = (Arc::clone(&fault), doing.clone());
                let judge: Judge = Box::new(move || {
                    let fed = fed.join().unwrap_or_else(|_| {
                        Err(Error::permanent(
                            &*doing,
                            "the thread that feeds it stopped",
                        ))
                    });
                    fed?;
                    running
                        .finish()
                        .inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
                    Ok(Approval::default())
                });
                match output {
                    Some(output) => work.bucket.put(output, &order, &|_| (), judge),
                    None => return Ok(unfit(key, "the command has no output")),
                }
            }
        };
        drop(busy);
        // Who reads behind our back after a failure would take what belongs to the next member.
        let guard = held(&self.archive);
        closed.store(true, Ordering::Relaxed);
        drop(guard);
        match put {
            Ok(stored) => Ok(Outcome::Stored(Box::new(stored), fields)),
            Err(_) if let Some(why) = held(&broken).take() => {
                Err(Error::permanent("read the archive", why))
            }
            Err(error) if fault.load(Ordering::Relaxed) => Ok(Outcome::Spoilt(error)),
            Err(error) => Ok(refused(error)),
        }
    }
}

/// A member is being stored, until this goes.
struct Busy<'a>(&'a Work);

impl<'a> Busy<'a> {
    fn of(work: &'a Work) -> Self {
        work.busy.fetch_add(1, Ordering::Relaxed);
        Self(work)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Writes the content to a program, until that doesn't want more.
fn feed(
    mut content: Content,
    input: Option<impl Write + Send + 'static>,
) -> Result<std::thread::JoinHandle<Result<()>>> {
    std::thread::Builder::new()
        .name("feeder".to_owned())
        .spawn(move || {
            let Some(mut input) = input else {
                return Ok(());
            };
            let mut buffer = vec![0; 256 << 10];
            loop {
                let count = content.read(&mut buffer).doing("read the archive")?;
                // Why it can't be written to, the exit status says.
                if count == 0 || input.write_all(&buffer[..count]).is_err() {
                    return Ok(());
                }
            }
        })
        .doing("start a thread")
}

/// The bytes of the member that the archive is at.
struct Content {
    archive: Arc<Mutex<Archive>>,
    /// They are not wanted any more.
    closed: Arc<AtomicBool>,
    /// Why there are no more.
    broken: Arc<Mutex<Option<String>>>,
    left: u64,
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut archive = held(&self.archive);
        if self.closed.load(Ordering::Relaxed) || self.left == 0 {
            return Ok(0);
        }
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        match archive.read(&mut buffer[..most]) {
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) => {
                held(&self.broken)
                    .get_or_insert_with(|| "it breaks off inside a member".to_owned());
                Err(error)
            }
        }
    }
}
