//! `--members`: objects become the members of a tar archive again.
//!
//! Several threads fetch small objects ahead, in bounded memory; they are proven before they are written. Large ones are
//! written as they come, in their turn; one that breaks off or is damaged ends the archive without its end. What
//! can't be restored because of what it is doesn't hold up the others. Of the names of one file the first has the content.

mod content;
mod fetch;
mod wanted;

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;

use common::bucket::Bucket;
use common::progress::Meter;
use common::rate::{Pacer, obey_signals};
use common::room::Room;
use common::run::{Output, Streams, written};
use common::tar::write::{END, filling, headers};
use common::tar::{Kind, Member};
use common::through::Through;
use common::{Error, Result};

use self::fetch::{Fetched, Fetching};
use self::wanted::{Item, Role};
use crate::Args;

/// What all threads share.
struct Work {
    bucket: Bucket,
    through: Option<Through>,
    pacer: Arc<Pacer>,
    /// The largest object that is fetched at once.
    small: u64,
    room: Room,
}

/// Writes the members below `prefix`.
///
/// # Errors
/// If one can't be read, or is left out.
pub(crate) fn run(args: &Args, prefix: &str, bucket: Bucket, streams: &mut Streams) -> Result<()> {
    let prefix = common::members::prefix(prefix)?;
    let pacer = Arc::new(Pacer::new(args.limit.clone().unwrap_or_default()));
    let _obedience = obey_signals(&pacer, streams.voice())?;
    let small = args.part_size.0.max(1 << 16).min(args.memory.0 / 4);
    let work = Arc::new(Work {
        through: args.through.as_deref().map(Through::new),
        pacer,
        small,
        // The other half is for a large one.
        room: Room::of(args.memory.0 / 2),
        bucket,
    });
    let mut chosen = wanted::chosen(args, prefix, &work.bucket, streams)?;
    let meter = Meter::new(streams.voice());
    let fetching = Fetching::start(&work, usize::from(args.parallel))?;
    let outdated = wanted::outdated(&mut chosen, &fetching)?;
    for error in &outdated {
        streams.voice().warning(error);
    }
    let items = wanted::items(&work, prefix, &chosen, &fetching)?;
    let mut writing = Writing {
        args,
        work: &work,
        streams,
        meter,
        left_out: outdated.len() as u64,
        spoilt: 0,
        unproven: 0,
        lost: HashSet::new(),
    };
    fetching.each(&items, |item, fetched| writing.one(item, fetched))?;
    writing.end()
}

/// The archive on its way out.
struct Writing<'a> {
    args: &'a Args,
    work: &'a Work,
    streams: &'a mut Streams,
    meter: Meter,
    left_out: u64,
    /// Didn't pass through the command, or came out wrong.
    spoilt: u64,
    unproven: u64,
    /// Paths of files whose content was to come under them, and didn't.
    lost: HashSet<Vec<u8>>,
}

/// Where the archive goes, if anywhere.
struct Sink<'a>(Option<&'a mut Output>);

impl Sink<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.0 {
            Some(output) => written(output.write_all(bytes)),
            None => Ok(()),
        }
    }
}

impl Writing<'_> {
    fn one(&mut self, item: &Item, fetched: Fetched) -> Result<()> {
        match fetched {
            Fetched::Small {
                member,
                bytes,
                proven,
            } => {
                if member.kind == Kind::HardLink && matches!(item.role, Role::Itself) {
                    let why = "the file that it is a name of is not there";
                    return self.one(item, fetch::left_out(&item.from, why));
                }
                if let Role::Link(first) = &item.role
                    && self.lost.contains(first)
                {
                    let why = "the name that was to have its content is left out";
                    return self.one(item, fetch::left_out(&item.from, why));
                }
                self.unproven += u64::from(!proven);
                self.write(&named(*member, item), &bytes)
            }
            Fetched::Large => self.large(item),
            Fetched::LeftOut(error) => {
                self.streams.voice().warning(&error);
                self.left_out += 1;
                self.lose(item);
                Ok(())
            }
            Fetched::Spoilt(error) => {
                self.streams.voice().error(&error);
                self.spoilt += 1;
                self.lose(item);
                Ok(())
            }
            Fetched::Nothing => Ok(()),
            Fetched::Failed(error) => Err(error),
        }
    }

    /// What else is to be a link to it can't be one.
    fn lose(&mut self, item: &Item) {
        if let Role::Stands(path) = &item.role {
            self.lost.insert(path.clone());
        }
    }

    fn sink(&mut self) -> Sink<'_> {
        Sink((!self.args.verify).then(|| self.streams.output()))
    }

    fn write(&mut self, member: &Member, bytes: &[u8]) -> Result<()> {
        let mut all = headers(member);
        all.extend_from_slice(bytes);
        all.resize(all.len() + filling(bytes.len() as u64), 0);
        self.meter.add(bytes.len() as u64);
        self.sink().put(&all)
    }

    /// A member that is written as it comes.
    fn large(&mut self, item: &Item) -> Result<()> {
        let (work, args) = (self.work, self.args);
        let mut large = match content::Large::look(work, &item.from)? {
            Ok(large) => large,
            Err(fetched) => return self.one(item, fetched),
        };
        let member = named(large.member(), item);
        let size = member.stored().unwrap_or_default();
        let headers = headers(&member);
        let mut sink = self.sink();
        sink.put(&headers)?;
        let proven = large.pour(work, args, &mut sink)?;
        sink.put(&vec![0; filling(size)])?;
        self.meter.add(size);
        self.unproven += u64::from(!proven);
        Ok(())
    }

    fn end(mut self) -> Result<()> {
        self.sink().put(&END)?;
        if self.spoilt > 0 {
            return Err(Error::permanent(
                "write all members",
                format!("{} did not pass through the command", members(self.spoilt)),
            ));
        }
        if self.left_out > 0 {
            let what = members(self.left_out);
            return Err(Error::nothing(format!(
                "{what} left out; the warnings say why"
            )));
        }
        if self.unproven > 0 {
            let what = members(self.unproven);
            return Err(
                Error::nothing(format!("{what} came without a checksum to compare with"))
                    .hint("the lengths are right; check the content by other means"),
            );
        }
        Ok(())
    }
}

/// The member under the name that it is to have here.
fn named(mut member: Member, item: &Item) -> Member {
    match &item.role {
        Role::Itself => {}
        Role::Stands(path) => member.path.clone_from(path),
        Role::Link(target) => {
            member.kind = Kind::HardLink;
            member.target.clone_from(target);
            member.size = 0;
            member.segments = None;
        }
    }
    if let Role::Link(_) = item.role
        && let Some(path) = &item.path
    {
        member.path.clone_from(path);
    }
    if member.path.is_empty() {
        member.path = b"./".to_vec();
    }
    member
}

fn members(count: u64) -> String {
    format!("{count} member{}", if count == 1 { "" } else { "s" })
}
