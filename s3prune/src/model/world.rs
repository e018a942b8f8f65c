//! A bucket, hosts that write to it, and pruners: every step that any of them can make, one at a time.
//!
//! What decides is the real code: [`grace`] for the writers, [`choice`], [`named`] and [`delete`] for the pruners. What
//! is modelled is everything around it: clocks, servers, lost files, and who is when interrupted.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use clap::Parser;
use common::chunks::grace;
use common::listing::{Catalogue, Entry};
use common::names::parse_key;
use jiff::Timestamp;

use crate::args::Args;
use crate::choice;
use crate::delete;
use crate::plan::Plan;
use crate::policy::{Period, Policy};
use crate::repack;
use crate::ties::{Tie, Ties, Wait};

/// The grace of every host, in seconds: 100 hours.
pub(super) const GRACE: u64 = 100 * 3600;
/// What one of them asks for from now on, who had the other one before.
const LONGER: u64 = 300 * 3600;
/// A quarter of the margin: how wrong a clock may be, and how long a server may take.
pub(super) const QUARTER: i64 = grace::MARGIN / 4;
/// Noon of some day.
const START: i64 = 1_795_262_400;

/// A rule of `doc/grace.md`, by its name there.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Rule {
    W1,
    W2,
    W3,
    /// Of W3: before each attempt.
    W3Each,
    W4,
    W5,
    P2,
    P3,
    P4,
    P5,
    /// Of P5: what can't be read ends it.
    P5Read,
    P6,
    P7,
    P8,
    /// Of P8: only what was looked at is replaced.
    P8Same,
}

/// What is there, and what is going on. Two that are equal have the same future.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct World {
    pub(super) now: i64,
    objects: BTreeMap<String, Object>,
    pub(super) hosts: Vec<Host>,
    pub(super) pruners: Vec<Pruner>,
    ids: u64,
    settings: Settings,
}

/// What doesn't change.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Settings {
    /// Rules that are out of force.
    pub(super) broken: BTreeSet<Rule>,
    /// An object's time is that of the beginning of its upload, not that of its end.
    pub(super) early: bool,
    /// Dates in names are a few days that come again, whatever the clock says.
    pub(super) odd_names: bool,
    /// Hosts may ask for a longer grace than before.
    pub(super) longer: bool,
    /// Objects may become unreadable.
    pub(super) freezes: bool,
}

/// A chunk stream in the bucket.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Object {
    id: u64,
    modified: i64,
    grace: u64,
    needs: Vec<(String, u64)>,
    readable: bool,
}

/// What one host knows and does.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Host {
    /// Its set; [`NO_SET`] stores objects that are no dumps.
    pub(super) set: usize,
    /// What its clock is ahead.
    pub(super) ahead: i64,
    grace: u64,
    known: Option<Known>,
    /// What an image of its disk holds: an older known file, and an older receipt.
    image: Option<Box<(Option<Known>, Option<Known>)>>,
    run: Option<Run>,
    /// What the last receipt would teach.
    receipt: Option<Known>,
    /// Every object that it ever knew of.
    ever: Vec<(String, u64)>,
}

pub(super) const NO_SET: usize = 2;

/// A known file.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Known {
    started: i64,
    grace: u64,
    /// What the dump uses that it was learned from, that itself first.
    uses: Vec<(String, u64)>,
}

/// A dump that is being made.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Run {
    id: u64,
    key: String,
    /// By the host's clock, when it began.
    before: i64,
    /// By the server's clock, and by the host's: when the server took the upload in.
    upload: Option<(i64, i64)>,
    until: Option<i64>,
    refs: Vec<(String, u64)>,
    grace: u64,
    /// When the last request was sent.
    sent: Option<i64>,
}

/// One s3prune.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Pruner {
    /// What its clock is ahead.
    pub(super) ahead: i64,
    listed: Option<Listed>,
    waves: Vec<Vec<String>>,
    /// A dump that is being repacked: when that was begun, and what it was.
    repacks: Option<(i64, String, Object)>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Listed {
    now: i64,
    entries: Vec<(String, i64)>,
}

/// What a host refers to of what it may refer to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pick {
    Nothing,
    Newest,
    Oldest,
    All,
}

/// What a pruner is told.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Order {
    /// Keep the last of each set.
    Everywhere,
    /// The same for the sets of one host.
    OneHost,
    /// Remove the oldest dump that may be removed, by its name.
    Oldest,
    /// Remove the newest dump, by its name.
    Newest,
}

/// One step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Pass(i64),
    /// s3chunk decides, and s3put looks at the clock.
    Cut(usize, Pick),
    /// The server takes the upload in.
    Create(usize),
    /// s3put decides, and sends the last request.
    Send(usize),
    /// The server carries it out.
    Land(usize),
    Learn(usize),
    Die(usize),
    SaveImage(usize),
    RollBack(usize),
    /// The first one's known file is copied to the second.
    Copy(usize, usize),
    /// The clock of a host is set.
    Clock(usize, i64),
    /// From now on the host asks for a longer grace.
    Longer(usize),
    /// The newest object can't be read from now on.
    Freeze,
    List(usize),
    Decide(usize, Order),
    /// The next request of the deletion.
    Delete(usize),
    /// The newest dump that may be repacked is read, and what it needs.
    Repack(usize),
    /// It takes the place of what it was.
    Replace(usize),
    Crash(usize),
}

impl World {
    pub(super) fn new(sets: &[usize], pruners: usize, settings: Settings) -> Self {
        let host = |&set: &usize| Host {
            set,
            grace: GRACE,
            ..Host::default()
        };
        Self {
            now: START,
            objects: BTreeMap::new(),
            hosts: sets.iter().map(host).collect(),
            pruners: vec![Pruner::default(); pruners],
            ids: 0,
            settings,
        }
    }

    /// A dump that refers to what isn't there, if there is one.
    pub(super) fn violation(&self) -> Option<String> {
        self.objects.iter().find_map(|(key, object)| {
            let is_gone = |(key, id): &&(String, u64)| {
                self.objects.get(key).is_none_or(|object| object.id != *id)
            };
            let gone = object.needs.iter().find(is_gone)?;
            Some(format!("{key} refers to {}, which is gone", gone.0))
        })
    }

    /// Makes one step; false if it isn't possible now.
    pub(super) fn step(&mut self, step: Step) -> bool {
        let done = match step {
            Step::Pass(seconds) => {
                self.now += seconds;
                Some(())
            }
            Step::Cut(host, pick) => self.cut(host, pick),
            Step::Create(host) => self.create(host),
            Step::Send(host) => self.send(host),
            Step::Land(host) => self.land(host),
            Step::Learn(host) => self.learn(host),
            Step::Die(host) => self.hosts[host].run.take().map(|_| ()),
            Step::SaveImage(host) => {
                let host = &mut self.hosts[host];
                host.image = Some(Box::new((host.known.clone(), host.receipt.clone())));
                Some(())
            }
            Step::RollBack(host) => {
                let host = &mut self.hosts[host];
                host.image.take().map(|image| {
                    (host.known, host.receipt) = *image;
                    host.run = None;
                })
            }
            Step::Copy(from, to) => {
                let known = self.hosts[from].known.clone();
                (from != to && known.is_some()).then(|| self.hosts[to].known = known)
            }
            Step::Clock(host, ahead) => {
                self.hosts[host].ahead = ahead;
                Some(())
            }
            Step::Longer(host) => {
                self.hosts[host].grace = LONGER;
                Some(())
            }
            Step::Freeze => self.freeze(),
            Step::List(pruner) => self.list(pruner),
            Step::Decide(pruner, order) => self.decide(pruner, order),
            Step::Delete(pruner) => self.delete(pruner),
            Step::Repack(pruner) => self.repack(pruner),
            Step::Replace(pruner) => self.replace(pruner),
            Step::Crash(pruner) => {
                let pruner = &mut self.pruners[pruner];
                let is_busy = pruner.listed.is_some() || !pruner.waves.is_empty();
                (is_busy || pruner.repacks.is_some()).then(|| {
                    pruner.listed = None;
                    pruner.waves.clear();
                    pruner.repacks = None;
                })
            }
        };
        done.is_some()
    }

    fn holds(&self, rule: Rule) -> bool {
        !self.settings.broken.contains(&rule)
    }

    fn local(&self, host: usize) -> i64 {
        self.now + self.hosts[host].ahead
    }

    fn cut(&mut self, number: usize, pick: Pick) -> Option<()> {
        let now = self.local(number);
        let host = &self.hosts[number];
        if host.run.is_some() {
            return None;
        }
        let known = host.known.as_ref().filter(|_| pick != Pick::Nothing);
        let grace = |known: &Known| match self.holds(Rule::W5) {
            true => known.grace.min(host.grace),
            false => host.grace,
        };
        let trusted = known.filter(|known| {
            !self.holds(Rule::W1) || grace::trusted(now, known.started, grace(known))
        });
        if pick != Pick::Nothing && trusted.is_none() {
            return None;
        }
        let known_objects = match (trusted, self.holds(Rule::W2)) {
            (Some(known), true) => known.uses.as_slice(),
            (Some(_), false) => host.ever.as_slice(),
            (None, _) => &[],
        };
        let refs: Vec<(String, u64)> = match pick {
            Pick::Nothing => Vec::new(),
            Pick::Newest => known_objects.first().cloned().into_iter().collect(),
            Pick::Oldest => known_objects.last().cloned().into_iter().collect(),
            Pick::All => known_objects.to_vec(),
        };
        let until = trusted.map(|known| grace::until(known.started, grace(known)));
        self.ids += 1;
        let key = self.key(host.set, self.ids);
        let run = Run {
            id: self.ids,
            key,
            before: now,
            upload: None,
            until: until.filter(|_| !refs.is_empty()),
            refs,
            grace: host.grace,
            sent: None,
        };
        self.hosts[number].run = Some(run);
        Some(())
    }

    fn key(&self, set: usize, id: u64) -> String {
        if set == NO_SET {
            return format!("object {id}");
        }
        if self.settings.odd_names {
            let day = [17, 3, 28][usize::try_from(id % 3).unwrap()];
            return format!("h{set}:f:0:2026-02-{day:02}");
        }
        let now = Timestamp::from_second(self.now).unwrap();
        // The second alone might not be new.
        format!("h{set}:f:0:{}~{id:016x}", now.strftime("%Y-%m-%dT%H%M%SZ"))
    }

    /// A server refuses what is signed by a clock that is wrong.
    fn is_signed_well(&self, host: usize) -> bool {
        self.hosts[host].ahead.abs() <= QUARTER
    }

    fn create(&mut self, number: usize) -> Option<()> {
        let (now, local) = (self.now, self.local(number));
        let well = self.is_signed_well(number);
        let run = self.hosts[number].run.as_mut()?;
        if run.upload.is_some() || !well {
            return None;
        }
        run.upload = Some((now, local));
        Some(())
    }

    fn send(&mut self, number: usize) -> Option<()> {
        let (now, local) = (self.now, self.local(number));
        let well = self.is_signed_well(number);
        let in_time = !self.holds(Rule::W3);
        let run = self.hosts[number].run.as_mut()?;
        run.upload?;
        let in_time = in_time
            || run
                .until
                .is_none_or(|until| grace::may_commit(local, until));
        if run.sent.is_some() || !well || !in_time {
            return None;
        }
        run.sent = Some(now);
        Some(())
    }

    fn land(&mut self, number: usize) -> Option<()> {
        // Who asks once and tries for long lets a day pass.
        let most = if self.holds(Rule::W3Each) {
            QUARTER
        } else {
            120 * QUARTER
        };
        let earliest = self.holds(Rule::W4);
        let run = self.hosts[number].run.take()?;
        let (Some(sent), Some((created, after))) = (run.sent, run.upload) else {
            self.hosts[number].run = Some(run);
            return None;
        };
        if self.now - sent > most || self.objects.contains_key(&run.key) {
            // Too late, or a name that is taken: the run fails.
            return Some(());
        }
        let object = Object {
            id: run.id,
            modified: if self.settings.early {
                created
            } else {
                self.now
            },
            grace: run.grace,
            needs: run.refs.clone(),
            readable: true,
        };
        self.objects.insert(run.key.clone(), object);
        let host = &mut self.hosts[number];
        let mut uses = vec![(run.key, run.id)];
        uses.extend(run.refs);
        for one in uses.iter().rev() {
            if !host.ever.contains(one) {
                host.ever.insert(0, one.clone());
            }
        }
        host.receipt = Some(Known {
            started: if earliest {
                run.before.min(after)
            } else {
                run.before
            },
            grace: run.grace,
            uses,
        });
        Some(())
    }

    fn learn(&mut self, number: usize) -> Option<()> {
        let host = &mut self.hosts[number];
        let new = host.receipt.take()?;
        let is_older = |known: &Known| known.started > new.started;
        if !host.known.as_ref().is_some_and(is_older) {
            host.known = Some(new);
        }
        Some(())
    }

    fn freeze(&mut self) -> Option<()> {
        let newest = self.objects.values_mut().max_by_key(|object| object.id)?;
        newest.readable.then(|| newest.readable = false)
    }

    fn list(&mut self, number: usize) -> Option<()> {
        let entries = self.objects.iter();
        let entries = entries.map(|(key, object)| (key.clone(), object.modified));
        let (now, entries) = (self.now, entries.collect());
        let pruner = &mut self.pruners[number];
        if pruner.listed.is_some() || !pruner.waves.is_empty() || pruner.repacks.is_some() {
            return None;
        }
        pruner.listed = Some(Listed {
            now: now + pruner.ahead,
            entries,
        });
        Some(())
    }

    fn decide(&mut self, number: usize, order: Order) -> Option<()> {
        let Listed { mut now, entries } = self.pruners[number].listed.take()?;
        if !self.holds(Rule::P6) {
            now = self.now + self.pruners[number].ahead;
        }
        let Some((streams, wait)) = self.read(&entries) else {
            return Some(());
        };
        let asked = Asked {
            now,
            entries,
            streams,
            wait,
            order,
        };
        // The same is asked again and again.
        let mut waves = WAVES.with_borrow_mut(|known| match known.get(&asked) {
            Some(waves) => waves.clone(),
            None => {
                let waves = asked.waves();
                known.insert(asked, waves.clone());
                waves
            }
        });
        // The next one is the last of the list.
        if self.holds(Rule::P7) {
            waves.reverse();
        }
        self.pruners[number].waves = waves;
        Some(())
    }

    /// What the streams say, and how many hours to wait; `None` if one can't be read.
    fn read(&self, entries: &[(String, i64)]) -> Option<(BTreeMap<String, Tie>, Option<u64>)> {
        let mut streams = BTreeMap::new();
        for (key, _) in entries {
            let in_view = parse_key(key).is_some_and(|(name, _)| name.host == "h0");
            if !in_view && !self.holds(Rule::P5) {
                continue;
            }
            match self.objects.get(key) {
                Some(object) if object.readable => {
                    let keys = object.needs.iter().map(|(key, _)| key.clone());
                    let needs = match self.holds(Rule::P3) {
                        true => keys.collect(),
                        false => Vec::new(),
                    };
                    let grace = object.grace;
                    streams.insert(key.clone(), Tie { grace, needs });
                }
                _ if self.holds(Rule::P5Read) => return None,
                _ => {}
            }
        }
        let wait = match (self.holds(Rule::P2), self.holds(Rule::P4)) {
            (false, _) => None,
            (true, true) => Some(GRACE / 3600),
            (true, false) => {
                for tie in streams.values_mut() {
                    tie.grace = 0;
                }
                Some(20)
            }
        };
        Some((streams, wait))
    }

    fn repack(&mut self, number: usize) -> Option<()> {
        let Listed { now, entries } = self.pruners[number].listed.take()?;
        let Some((streams, wait)) = self.read(&entries) else {
            return Some(());
        };
        let ties = ties(&streams, wait, now);
        let catalogue = catalogue(&entries);
        let is_free =
            |key: &String| !self.holds(Rule::P8) || repack::is_free(&catalogue, key, &ties).is_ok();
        let found = self.objects.iter().filter(|(key, object)| {
            let is_listed =
                |(listed, modified): &(String, i64)| listed == *key && *modified == object.modified;
            object.readable
                && !object.needs.is_empty()
                && entries.iter().any(is_listed)
                && is_free(key)
        });
        let (key, object) = found.max_by_key(|(_, object)| object.id)?;
        let (key, object) = (key.clone(), object.clone());
        self.pruners[number].repacks = Some((self.now, key, object));
        Some(())
    }

    fn replace(&mut self, number: usize) -> Option<()> {
        let (begun, key, object) = self.pruners[number].repacks.take()?;
        let is_same = self.objects.get(&key) == Some(&object);
        if is_same || !self.holds(Rule::P8Same) {
            let modified = if self.settings.early { begun } else { self.now };
            let object = Object {
                modified,
                needs: Vec::new(),
                ..object
            };
            self.objects.insert(key, object);
        }
        Some(())
    }

    fn delete(&mut self, number: usize) -> Option<()> {
        for key in self.pruners[number].waves.pop()? {
            self.objects.remove(&key);
        }
        Some(())
    }
}

/// What a pruner decides upon.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Asked {
    now: i64,
    entries: Vec<(String, i64)>,
    streams: BTreeMap<String, Tie>,
    /// Hours.
    wait: Option<u64>,
    order: Order,
}

thread_local! {
    static WAVES: RefCell<HashMap<Asked, Vec<Vec<String>>>> = RefCell::default();
}

impl Asked {
    /// What is deleted, request by request.
    fn waves(&self) -> Vec<Vec<String>> {
        let ties = ties(&self.streams, self.wait, self.now);
        let host = matches!(self.order, Order::OneHost).then_some("h0");
        let catalogue = catalogue(&self.entries);
        let plan = match self.order {
            Order::Everywhere | Order::OneHost => {
                let policy = Policy {
                    counts: vec![(Period::Dump, 1)],
                    ..Policy::default()
                };
                // Names are believed, so that as much as may be goes.
                choice::by_policy(&catalogue, host, &policy, true, &ties)
            }
            Order::Oldest | Order::Newest => {
                let mut keys: Vec<(Timestamp, String)> = catalogue
                    .dumps
                    .iter()
                    .map(|dump| (dump.modified(), dump.key()))
                    .collect();
                keys.sort();
                if self.order == Order::Newest {
                    keys.reverse();
                }
                let args = Args::parse_from(["s3prune", "--trust-dates", "-"]);
                let list =
                    |key: &String| choice::by_list(&catalogue, &[key.clone()].into(), &args, &ties);
                let first = keys.iter().find_map(|(_, key)| list(key).ok());
                first.map_or_else(Plan::default, |(plan, _)| plan)
            }
        };
        let mut waves: Vec<Vec<String>> = Vec::new();
        delete::run(&plan.doomed().0, |keys| {
            waves.push(keys.to_vec());
            Ok(Vec::new())
        });
        waves
    }
}

/// With a grace that isn't too small: that is refused, and then the right one is given.
fn ties(streams: &BTreeMap<String, Tie>, wait: Option<u64>, now: i64) -> Ties {
    let now = Timestamp::from_second(now).unwrap();
    let wait = wait.map_or(Wait::No, |hours| {
        Wait::For(format!("{hours}h").parse().unwrap())
    });
    let enough = Wait::For(format!("{}h", LONGER / 3600).parse().unwrap());
    Ties::new(streams.clone(), &wait, now)
        .or_else(|_| Ties::new(streams.clone(), &enough, now))
        .unwrap()
}

fn catalogue(entries: &[(String, i64)]) -> Catalogue {
    let entry = |(key, modified): &(String, i64)| Entry {
        key: key.clone(),
        size: 1,
        modified: Timestamp::from_second(*modified).unwrap(),
        etag: String::new(),
        class: "STANDARD".to_owned(),
    };
    entries.iter().map(entry).collect()
}
