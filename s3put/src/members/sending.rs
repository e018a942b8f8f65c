//! Small members on their way: several threads, a member each.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use common::bucket::md5;
use common::bucket::put::{EXISTS, Order};
use common::bucket::single::Single;
use common::members::{
    Fields, MOST_MORE, Unfit, fields, is_field, more_of, more_suffix, parcel, plain_name, unpacked,
};
use common::names::MAX_KEY;
use common::tar::{Kind, Member};
use common::{Doing, Error, Result};

use super::{Event, Outcome, Work};
use crate::producer::held;

/// What a program may make of a small member besides what it makes of any.
const GROWTH: u64 = 64 << 20;
/// What the metadata of a stored object says of its bytes.
const OF_CONTENT: [&str; 4] = ["size", "md5", "encrypted", "sparse"];

/// A small member, or one whose metadata alone is wanted.
pub(super) struct Job {
    pub(super) number: u64,
    pub(super) key: String,
    pub(super) member: Box<Member>,
    pub(super) bytes: Vec<u8>,
    /// Room that it takes.
    pub(super) taken: u64,
}

/// Starts so many threads; jobs go to them through what comes back.
pub(super) fn start(work: &Arc<Work>, threads: usize, tell: &Sender<Event>) -> Result<Sender<Job>> {
    let (jobs, waiting) = channel();
    let waiting = Arc::new(Mutex::new(waiting));
    for _ in 0..threads.max(1) {
        let (work, waiting, tell) = (Arc::clone(work), Arc::clone(&waiting), tell.clone());
        std::thread::Builder::new()
            .name("sender".to_owned())
            .spawn(move || send_all(&work, &waiting, &tell))
            .doing("start a thread")?;
    }
    Ok(jobs)
}

fn send_all(work: &Work, waiting: &Mutex<Receiver<Job>>, tell: &Sender<Event>) {
    loop {
        let job = held(waiting).recv();
        let Ok(job) = job else { return };
        let (number, taken, key) = (job.number, job.taken, job.key.clone());
        if !work.stop.load(Ordering::Relaxed) {
            let outcome = match work.restate {
                Some(most) => work.restate(job, most),
                None => work.send(job),
            };
            // Nobody listens any more once the run has ended.
            let _ = tell.send(Event::Done(number, outcome));
        }
        held(&work.under_way).remove(&key);
        work.busy.fetch_sub(1, Ordering::Relaxed);
        work.room.give(taken);
    }
}

/// An error of storing `key`: of this member alone, or of more.
pub(super) fn refused(error: Error) -> Outcome {
    if error.cause() == EXISTS {
        Outcome::Skipped(Error::new(error.class(), stripped(&error), EXISTS))
    } else {
        Outcome::Failed(error)
    }
}

/// What was being done.
fn stripped(error: &Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("could not ").unwrap_or(&text);
    let end = text.len().saturating_sub(error.cause().len() + 2);
    text.get(..end).unwrap_or(text).to_owned()
}

/// A member that can't be stored, because of what it is.
pub(super) fn unfit(key: &str, why: impl std::fmt::Display) -> Outcome {
    Outcome::Skipped(Error::permanent(format!("store {key}"), why))
}

impl Work {
    /// True of a key that is not too long, with what the place puts in front of it.
    pub(super) fn takes(&self, key: &str) -> bool {
        self.bucket.place().prefix().len() + key.len() <= MAX_KEY
    }

    fn send(&self, job: Job) -> Outcome {
        let Job {
            key,
            member,
            mut bytes,
            ..
        } = job;
        let is_file = member.kind == Kind::File;
        let is_plain = is_file && member.segments.is_none();
        let md5 = is_plain.then(|| md5(&bytes));
        let through = self.through.as_ref().filter(|_| is_file);
        let doing = format!("store {key}");
        if let Some(through) = through {
            let most = bytes.len() as u64 * 2 + GROWTH;
            match through.all(&key, &doing, &bytes, most) {
                Ok(came) => bytes = came,
                Err(error) => return Outcome::Spoilt(error),
            }
        }
        let fields = match fields(&member, through.is_some(), md5.as_deref()) {
            Ok(fields) => fields,
            Err(why) => return unfit(&key, why),
        };
        let order = match self.order(&key, &fields) {
            Ok(order) => order,
            Err(outcome) => return outcome,
        };
        match self.bucket.put_at_once(bytes, &order) {
            Ok(stored) => Outcome::Stored(Box::new(stored), fields),
            Err(error) => refused(error),
        }
    }

    /// How to store a member with these fields; what doesn't fit in its metadata is stored when this returns.
    pub(super) fn order(&self, key: &str, fields: &Fields) -> Result<Order, Outcome> {
        let metadata = self.metadata(key, fields, &self.order.metadata)?;
        let others = self.order.metadata.iter().cloned();
        Ok(Order {
            key: key.to_owned(),
            metadata: others.chain(metadata).collect(),
            ..self.order.clone()
        })
    }

    /// What goes with the object itself of `fields`.
    fn metadata(
        &self,
        key: &str,
        fields: &Fields,
        others: &[(String, String)],
    ) -> Result<Vec<(String, String)>, Outcome> {
        let parcel = parcel(fields.clone(), others).map_err(|why| unfit(key, why))?;
        let Some((suffix, bytes)) = parcel.more else {
            return Ok(parcel.metadata);
        };
        let order = Order {
            key: format!("{key}{suffix}"),
            metadata: Vec::new(),
            ..self.order.clone()
        };
        if !self.takes(&order.key) {
            return Err(unfit(key, Unfit::LongKey));
        }
        match self.bucket.put_at_once(bytes, &order) {
            Ok(_) => {}
            // Its name says what is in it.
            Err(error) if error.cause() == EXISTS => {}
            Err(error) => return Err(Outcome::Failed(error)),
        }
        Ok(parcel.metadata)
    }

    /// Gives a stored member other metadata.
    fn restate(&self, job: Job, most: u64) -> Outcome {
        let Job { key, member, .. } = job;
        let told = std::cell::RefCell::new((None, None));
        let change = |_, old: &Fields| {
            let (outcome, fields) = match self.changed(&key, &member, old) {
                Ok((metadata, fields)) => (Ok(metadata), Some(fields)),
                Err(outcome) => (Err(outcome), None),
            };
            let (metadata, refused) = match outcome {
                Ok(metadata) => (Ok(metadata), None),
                Err(outcome) => (
                    Err(Error::permanent("change it", "it is refused")),
                    Some(outcome),
                ),
            };
            told.replace((fields, refused));
            metadata
        };
        let order = Order {
            key: key.clone(),
            metadata: Vec::new(),
            ..self.order.clone()
        };
        let restated = self.bucket.restate(&order, most, &change);
        match (restated, told.into_inner()) {
            (_, (_, Some(refused))) => refused,
            (Ok(Some(stored)), (fields, _)) => {
                Outcome::Stored(Box::new(stored), fields.unwrap_or_default())
            }
            (Ok(None), _) => Outcome::Skipped(Error::permanent(
                format!("change the metadata of {key}"),
                format!("it is not in {}", self.bucket.place()),
            )),
            (Err(error), _) => Outcome::Failed(error),
        }
    }

    /// All metadata of the object once it is `member`'s, and the member's fields among it.
    fn changed(
        &self,
        key: &str,
        member: &Member,
        old: &Fields,
    ) -> Result<(Vec<(String, String)>, Fields), Outcome> {
        let refuse = |why: String| {
            Outcome::Skipped(Error::permanent(
                format!("change the metadata of {key}"),
                why,
            ))
        };
        let mut known = Fields::new();
        let mut others = Vec::new();
        for (name, value) in old {
            if is_field(name) {
                known.insert(plain_name(name), value.clone());
            } else {
                others.push((name.clone(), value.clone()));
            }
        }
        if let Some(digits) = more_of(old) {
            let second = format!("{key}{}", more_suffix(digits));
            match self
                .bucket
                .get_at_once(&second, MOST_MORE, &self.order.pacer)
            {
                Ok(Single::Whole(object)) => {
                    let more =
                        unpacked(digits, &object.bytes).map_err(|why| refuse(why.to_string()))?;
                    known.extend(more);
                }
                Ok(_) => return Err(refuse(format!("{second} is missing"))),
                Err(error) => return Err(Outcome::Failed(error)),
            }
        }
        if !known.contains_key("filetype") {
            return Err(refuse(Unfit::Foreign("filetype").to_string()));
        }
        let mut fields = fields(member, false, None).map_err(|why| refuse(why.to_string()))?;
        if member.size > 0 && known.get("size") != fields.get("size") {
            return Err(refuse("its content has changed".to_owned()));
        }
        let of_file = member.kind == Kind::File;
        for name in OF_CONTENT.into_iter().chain(of_file.then_some("filetype")) {
            match known.remove(name) {
                Some(value) => drop(fields.insert(name.to_owned(), value)),
                None => drop(fields.remove(name)),
            }
        }
        // What is ours of every object counts among what members may not use.
        let counted: Vec<(String, String)> = others
            .iter()
            .filter(|(name, _)| !name.starts_with("s3pipes-"))
            .cloned()
            .collect();
        let metadata = self.metadata(key, &fields, &counted)?;
        Ok((others.into_iter().chain(metadata).collect(), fields))
    }
}
