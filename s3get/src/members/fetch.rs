//! Small objects, fetched ahead by several threads, and handed out in order.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::bucket::md5;
use common::bucket::single::{Object, Single};
use common::members::{Fields, MOST_MORE, Stored, Unfit, more_of, more_suffix, stored, unpacked};
use common::tar::{Kind, Member};
use common::{Class, Doing, Error, Result};

use super::Work;
use super::wanted::{Item, Role};

/// What an object costs besides its bytes.
const OVERHEAD: u64 = 64 << 10;

/// What became of an object.
pub(super) enum Fetched {
    /// All of it: its bytes are those of the member.
    Small {
        member: Box<Member>,
        bytes: Vec<u8>,
        /// They were compared with something.
        proven: bool,
    },
    /// It is written as it comes.
    Large,
    /// It is no member, or can't be had: the others can.
    LeftOut(Error),
    /// The command failed, or something else came out of it than went in once.
    Spoilt(Error),
    /// It is a part of something else.
    Nothing,
    /// It can't be read.
    Failed(Error),
}

struct Job {
    number: usize,
    key: String,
    /// Its bytes are not needed.
    is_link: bool,
    taken: u64,
    tell: Sender<(usize, u64, Fetched)>,
}

/// The threads.
pub(super) struct Fetching {
    work: Arc<Work>,
    jobs: Sender<Job>,
}

impl Fetching {
    /// Starts so many of them.
    ///
    /// # Errors
    /// If that can't be.
    pub(super) fn start(work: &Arc<Work>, threads: usize) -> Result<Self> {
        let (jobs, waiting) = channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads.max(1) {
            let (work, waiting) = (Arc::clone(work), Arc::clone(&waiting));
            std::thread::Builder::new()
                .name("fetcher".to_owned())
                .spawn(move || fetch_all(&work, &waiting))
                .doing("start a thread")?;
        }
        Ok(Self {
            work: Arc::clone(work),
            jobs,
        })
    }

    /// Fetches the objects of `items`, and hands them to `take` in their order.
    ///
    /// # Errors
    /// Those of `take`.
    pub(super) fn each(
        &self,
        items: &[Item],
        mut take: impl FnMut(&Item, Fetched) -> Result<()>,
    ) -> Result<()> {
        let (tell, told) = channel();
        std::thread::scope(|scope| {
            let asking = scope.spawn(move || self.ask(items, &tell));
            let outcome = hand_out(&self.work, items, &told, &mut take);
            if outcome.is_err() {
                self.work.room.close();
            }
            // It ends when everything was asked for, or nothing is wanted any more.
            drop(asking.join());
            outcome
        })
    }

    fn ask(&self, items: &[Item], tell: &Sender<(usize, u64, Fetched)>) {
        for (number, item) in items.iter().enumerate() {
            let is_link = matches!(item.role, Role::Link(_));
            let is_large = item.size.is_some_and(|size| size > self.work.small);
            if is_large && !is_link {
                // Nobody listens any more once the run has ended.
                let _ = tell.send((number, 0, Fetched::Large));
                continue;
            }
            let size = item.size.unwrap_or(self.work.small).min(self.work.small);
            let copies = if self.work.through.is_some() { 2 } else { 1 };
            let Some(taken) = self.work.room.take(size * copies + OVERHEAD) else {
                return;
            };
            let job = Job {
                number,
                key: item.from.clone(),
                is_link,
                taken,
                tell: tell.clone(),
            };
            if self.jobs.send(job).is_err() {
                return;
            }
        }
    }
}

fn hand_out(
    work: &Work,
    items: &[Item],
    told: &Receiver<(usize, u64, Fetched)>,
    take: &mut impl FnMut(&Item, Fetched) -> Result<()>,
) -> Result<()> {
    let mut early = BTreeMap::new();
    for (number, item) in items.iter().enumerate() {
        let (taken, fetched) = loop {
            if let Some(ready) = early.remove(&number) {
                break ready;
            }
            let Ok((which, taken, fetched)) = told.recv() else {
                return Err(Error::permanent(
                    "read the members",
                    "the threads that read them stopped",
                ));
            };
            early.insert(which, (taken, fetched));
        };
        let outcome = take(item, fetched);
        if taken > 0 {
            work.room.give(taken);
        }
        outcome?;
    }
    Ok(())
}

fn fetch_all(work: &Work, waiting: &Mutex<Receiver<Job>>) {
    loop {
        let job = held(waiting).recv();
        let Ok(job) = job else { return };
        let fetched = work.fetch(&job.key, job.is_link);
        let _ = job.tell.send((job.number, job.taken, fetched));
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What can't be restored because of what it is.
pub(super) fn left_out(key: &str, why: impl std::fmt::Display) -> Fetched {
    Fetched::LeftOut(Error::permanent(format!("restore {key}"), why))
}

impl Work {
    /// An object; of a link only what it is.
    fn fetch(&self, key: &str, is_link: bool) -> Fetched {
        let most = if is_link { 0 } else { self.small };
        let object = match self.bucket.get_at_once(key, most, &self.pacer) {
            Ok(Single::Whole(object)) => object,
            Ok(Single::Large | Single::Frozen) if is_link => {
                match self.bucket.look_at(&[key.to_owned()]) {
                    Ok(looked) => Object {
                        metadata: looked.metadata(),
                        bytes: Vec::new(),
                        proven: true,
                    },
                    Err(error) => return Fetched::Failed(error),
                }
            }
            Ok(Single::Large) => return Fetched::Large,
            Ok(Single::Continues) => return Fetched::Nothing,
            Ok(Single::Missing) => {
                return left_out(key, format!("it is not in {}", self.bucket.place()));
            }
            Ok(Single::Frozen) => return left_out(key, "it is in an archive class"),
            Err(error) => return Fetched::Failed(error),
        };
        let stored = match self.member(key, object.metadata) {
            Ok(stored) => stored,
            Err(fetched) => return fetched,
        };
        if is_link || stored.member.kind != Kind::File {
            return Fetched::Small {
                member: Box::new(stored.member),
                bytes: Vec::new(),
                proven: true,
            };
        }
        let mut bytes = object.bytes;
        if stored.encrypted {
            let Some(through) = &self.through else {
                return left_out(key, SEALED);
            };
            let size = stored.member.stored().unwrap_or_default();
            match through.all(key, &format!("restore {key}"), &bytes, size) {
                Ok(came) => bytes = came,
                Err(error) => return Fetched::Spoilt(error),
            }
        }
        match compared(key, &stored, bytes.len() as u64, || md5(&bytes)) {
            Ok(same) => Fetched::Small {
                member: Box::new(stored.member),
                bytes,
                proven: same || object.proven,
            },
            Err(error) if stored.encrypted => Fetched::Spoilt(error),
            Err(error) => Fetched::Failed(error),
        }
    }

    /// What the metadata of an object tells, with what didn't fit there.
    pub(super) fn member(&self, key: &str, mut metadata: Fields) -> Result<Stored, Fetched> {
        if let Some(digits) = more_of(&metadata).map(str::to_owned) {
            let second = format!("{key}{}", more_suffix(&digits));
            match self.bucket.get_at_once(&second, MOST_MORE, &self.pacer) {
                Ok(Single::Whole(object)) => match unpacked(&digits, &object.bytes) {
                    Ok(more) => metadata.extend(more),
                    Err(why) => return Err(left_out(key, why)),
                },
                Ok(_) => {
                    return Err(left_out(
                        key,
                        format!("the rest of its metadata is missing: {second}"),
                    ));
                }
                Err(error) => return Err(Fetched::Failed(error)),
            }
        }
        stored(&metadata).map_err(|why| match why {
            // Somebody else's object has none of them.
            Unfit::Foreign(_) => left_out(key, why),
            _ => left_out(key, why),
        })
    }
}

/// Why an encrypted member is left out.
pub(super) const SEALED: &str = "it went through a program: --through brings it back";

/// Compares what came with what is known of it; true if that has an MD5 sum.
///
/// # Errors
/// If it is something else.
pub(super) fn compared(
    key: &str,
    stored: &Stored,
    size: u64,
    md5: impl FnOnce() -> String,
) -> Result<bool> {
    let differs = |what| {
        Err(Error::new(
            Class::Permanent,
            format!("restore {key}"),
            format!("{what} of what came is not that of the file"),
        ))
    };
    if stored.member.stored() != Some(size) {
        return differs("the size");
    }
    match &stored.md5 {
        Some(sum) if stored.member.segments.is_none() => {
            if md5() == *sum {
                Ok(true)
            } else {
                differs("the MD5 sum")
            }
        }
        _ => Ok(false),
    }
}
