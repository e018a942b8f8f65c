//! The line of programs before us as it becomes known: who is held, who writes into which pipe, who reads it.
//!
//! A shell makes a copy of itself first, and the copy becomes a program later. What such a copy holds open may
//! be closed by then, so it is read again once it has become one. What a program was seen to hold stays: it may
//! close its input after reading all of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::judge::Part;
use super::pipes::{Pipe, Survey, Ways};
use super::process::{Process, ancestors, children, myself};
use super::verdict::{End, Stage};

/// As many programs are held at once. A loop may start any number, one after the other.
const MOST: usize = 128;

/// A copy of a program becomes another one sooner than this, even on a machine that is busy.
const PASSING: Duration = Duration::from_millis(200);

/// A program of the line.
struct Member {
    process: Process,
    /// The pipes that it was seen to write into, and to read from.
    writes: BTreeSet<Pipe>,
    reads: BTreeSet<Pipe>,
    /// Those of `reads` that were its standard input.
    standard: BTreeSet<Pipe>,
    /// What it held when it was only a copy of a shell may not last.
    passing: bool,
    /// The member that started it and writes into the same pipe.
    answered_by: Option<(i32, u64)>,
}

impl Member {
    fn add_inputs(&mut self, inputs: &BTreeMap<Pipe, bool>) {
        self.reads.extend(inputs.keys());
        let standard = inputs.iter().filter(|(_, standard)| **standard);
        self.standard.extend(standard.map(|(pipe, _)| *pipe));
    }
}

/// All programs of the line.
pub(super) struct Line {
    ours: Pipe,
    members: Vec<Member>,
    /// Those who started us, and wait for us.
    ancestors: Vec<i32>,
    /// Pipes that everybody around has inherited, we too: they are no part of the line.
    inherited: Vec<Pipe>,
    /// Somebody opened these for both ways, to leave signs for others: no data comes through them.
    tokens: BTreeSet<Pipe>,
    /// No writer of these is to be looked for: all processes were looked at, or it has none.
    sought: BTreeSet<Pipe>,
    /// A writer of these ended before it could be held.
    missed: BTreeSet<Pipe>,
    /// What the system refused.
    trouble: Option<String>,
    /// Copies of programs around that were about to become something else, by number and beginning, and when they
    /// were first seen.
    glimpsed: BTreeMap<(i32, u64), Instant>,
}

impl Line {
    /// The line that ends in the pipe `ours`.
    pub(super) fn new(ours: Pipe) -> Self {
        let me = Survey::of([myself()], true);
        Self {
            ours,
            members: Vec::new(),
            ancestors: ancestors(),
            inherited: me.inputs_of(myself(), &[ours]).into_keys().collect(),
            tokens: BTreeSet::new(),
            sought: BTreeSet::new(),
            missed: BTreeSet::new(),
            trouble: None,
            glimpsed: BTreeMap::new(),
        }
    }

    /// True if a named pipe is part of the line.
    pub(super) fn wants_named(&self) -> bool {
        self.pipes()
            .iter()
            .any(|pipe| matches!(pipe, Pipe::Named(..)))
    }

    /// Our pipe, and all that a member reads.
    fn pipes(&self) -> BTreeSet<Pipe> {
        let reads = self.members.iter().flat_map(|member| &member.reads);
        let part_of_it = |pipe: &&Pipe| !self.tokens.contains(*pipe);
        reads
            .filter(part_of_it)
            .copied()
            .chain([self.ours])
            .collect()
    }

    /// Those who started us: our parent, its parent and so on, without the first of all processes.
    pub(super) fn ancestors(&self) -> Vec<i32> {
        let all = self.ancestors.iter().copied();
        all.filter(|pid| *pid != 1).collect()
    }

    /// True if it pays to look at more processes: there is a pipe of which no writer is known. `ours_is_done`:
    /// our own has none.
    pub(super) fn seeks(&self, ours_is_done: bool) -> bool {
        let sought = |pipe: &Pipe| {
            !self.is_dry(*pipe)
                || self.sought.contains(pipe)
                || (ours_is_done && *pipe == self.ours)
        };
        !self.pipes().iter().all(sought)
    }

    /// Nobody needs to be looked for who writes into a pipe that nobody has open for writing any more.
    pub(super) fn write_off(&mut self) {
        for member in &self.members {
            let pid = member.process.pid;
            for pipe in &member.reads {
                if self.is_dry(*pipe)
                    && !self.sought.contains(pipe)
                    && Survey::has_no_writer(pid, *pipe)
                {
                    self.sought.insert(*pipe);
                }
            }
        }
    }

    /// All were looked at. Nobody begins to write into a pipe that nobody writes.
    pub(super) fn give_up_seeking(&mut self) {
        self.sought = self.pipes();
    }

    /// True if nobody was ever seen to write to us.
    pub(super) fn is_unfed(&self) -> bool {
        self.is_dry(self.ours)
    }

    /// True if somebody fed us, and all of those have ended.
    pub(super) fn has_ended(&self) -> bool {
        let mut fed = self
            .members
            .iter()
            .filter(|member| member.writes.contains(&self.ours));
        let ended = |member: &Member| member.process.has_ended();
        !self.is_unfed() && fed.all(ended)
    }

    /// Takes in who writes into the pipes of the line according to `survey`, and who writes to those, and so on.
    pub(super) fn take(&mut self, survey: &Survey) {
        let mut next: Vec<Pipe> = self.pipes().into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(pipe) = next.pop() {
            if !seen.insert(pipe) {
                continue;
            }
            let both = |ways: Ways| ways.read && ways.write;
            if pipe != self.ours && !survey.holders(pipe, both).is_empty() {
                self.tokens.insert(pipe);
                continue;
            }
            for pid in survey.holders(pipe, |ways| ways.write) {
                if let Some(at) = self.member(pid, pipe) {
                    let inputs = self.inputs(pid);
                    next.extend(inputs.keys());
                    let member = &mut self.members[at];
                    member.writes.insert(pipe);
                    member.add_inputs(&inputs);
                }
            }
        }
        self.find_parents();
    }

    /// Looks again at who is known, and at what those have started. Returns true if a pipe came to light of which no
    /// writer is known.
    pub(super) fn glance(&mut self) -> bool {
        for member in &mut self.members {
            member.process.look();
        }
        self.settle();
        self.forget_asides();
        self.find_parents();
        let begun: Vec<i32> = self
            .running()
            .flat_map(|process| children(process.pid))
            .filter(|pid| *pid != myself() && self.place_of(*pid).is_none())
            .collect();
        if begun.is_empty() {
            return false;
        }
        // What has just begun in a group is fed by what has just begun there, if by anything new.
        self.take(&Survey::of(begun, self.wants_named()));
        self.seeks(true)
    }

    /// Reads again what those hold who have become programs meanwhile.
    fn settle(&mut self) {
        let pipes = self.pipes();
        for at in 0..self.members.len() {
            let process = &self.members[at].process;
            if !self.members[at].passing || process.status.forked_only || process.has_ended() {
                continue;
            }
            let pid = process.pid;
            let survey = Survey::of([pid], true);
            let holds = |pipe: &Pipe| survey.holders(*pipe, |ways| ways.write).contains(&pid);
            let writes: BTreeSet<Pipe> = pipes.iter().copied().filter(holds).collect();
            let inputs = self.inputs(pid);
            // Going by now: then what was seen before is the best there is.
            if self.members[at].process.holds_all() {
                let member = &mut self.members[at];
                (member.writes, member.passing) = (writes, false);
                member.reads.clear();
                member.add_inputs(&inputs);
            }
        }
        let left = |member: &Member| !member.writes.is_empty();
        self.members.retain(left);
    }

    /// Lets go of pipes by which a shell's copy and what it starts wait for each other, as zsh has them: nobody was
    /// seen to write into it, it was not its standard input, and the copy goes on without it.
    fn forget_asides(&mut self) {
        for at in 0..self.members.len() {
            let member = &self.members[at];
            if !member.process.status.forked_only || member.process.has_ended() {
                continue;
            }
            let is_aside = |pipe: &&Pipe| !member.standard.contains(*pipe) && self.is_dry(**pipe);
            let mut asides: BTreeSet<Pipe> =
                member.reads.iter().filter(is_aside).copied().collect();
            if asides.is_empty() {
                continue;
            }
            let held = self.inputs(member.process.pid);
            asides.retain(|pipe| !held.contains_key(pipe));
            // Who is going holds nothing, and that says nothing.
            if self.members[at].process.holds_all() {
                self.members[at].reads.retain(|pipe| !asides.contains(pipe));
            }
        }
    }

    /// The member that this process is, if it still writes into `pipe` once it is held.
    fn member(&mut self, pid: i32, pipe: Pipe) -> Option<usize> {
        if pid == myself() {
            return None;
        }
        if let Some(at) = self.place_of(pid) {
            return Some(at);
        }
        self.make_room();
        let process = match Process::hold(pid) {
            _ if self.members.len() >= MOST => {
                self.trouble = Some(format!("they are more than {MOST} programs"));
                return None;
            }
            Ok(process) => process,
            Err(Errno::SRCH) => {
                self.missed.insert(pipe);
                return None;
            }
            Err(error) => {
                let error = crate::error::plain(&error.into());
                self.trouble = Some(format!("processes can't be held here: {error}"));
                return None;
            }
        };
        // What was found before it was held may have been about an earlier process of that number.
        let survey = Survey::of([pid], self.wants_named());
        if survey.holders(pipe, |ways| ways.write).is_empty() {
            // It wrote into it, and is about to end, or has.
            if !process.holds_all() {
                self.missed.insert(pipe);
            }
            return None;
        }
        if process.status.forked_only
            && survey.is_lost_by_becoming_a_program(pid, pipe)
            && self.is_new(&process)
        {
            return None;
        }
        self.members.push(Member {
            passing: process.status.forked_only,
            process,
            writes: BTreeSet::new(),
            reads: BTreeSet::new(),
            standard: BTreeSet::new(),
            answered_by: None,
        });
        Some(self.members.len() - 1)
    }

    /// True until a copy of a program has been around for longer than it takes to become another one. Whoever starts
    /// programs from several threads gives each of them all of its descriptors, ours too, for an instant.
    fn is_new(&mut self, process: &Process) -> bool {
        let id = (process.pid, process.status.began);
        self.glimpsed
            .entry(id)
            .or_insert_with(Instant::now)
            .elapsed()
            < PASSING
    }

    /// Where a living process is in the list.
    fn place_of(&self, pid: i32) -> Option<usize> {
        self.members
            .iter()
            .position(|member| member.process.pid == pid && !member.process.has_ended())
    }

    /// Lets go of those whose end changes nothing, if there are many.
    fn make_room(&mut self) {
        if self.members.len() < MOST {
            return;
        }
        let now = Instant::now();
        self.members.retain(|member| {
            let past = member.process.has_ended() && member.answered_by.is_some();
            !(past && matches!(member.process.end(now), End::Exited(_)))
        });
    }

    /// What a process reads that is part of the line. Whoever started us may read from anywhere, for others.
    fn inputs(&self, pid: i32) -> BTreeMap<Pipe, bool> {
        if self.ancestors.contains(&pid) {
            return BTreeMap::new();
        }
        Survey::of([pid], true).inputs_of(pid, &self.inherited)
    }

    /// Who was started by whom. Who outlives the one that started it answers for itself.
    fn find_parents(&mut self) {
        for at in 0..self.members.len() {
            let member = &self.members[at];
            let parent = member.process.status.parent;
            let same = |other: &&Member| {
                other.process.pid == parent
                    && other.process.status.began <= member.process.status.began
                    && !other.writes.is_disjoint(&member.writes)
            };
            let answered_by = self
                .members
                .iter()
                .find(same)
                .map(|other| other.process.key());
            self.members[at].answered_by = answered_by;
        }
    }

    /// Nobody was seen to write into this pipe.
    fn is_dry(&self, pipe: Pipe) -> bool {
        !self
            .members
            .iter()
            .any(|member| member.writes.contains(&pipe))
    }

    /// Those that have not ended.
    pub(super) fn running(&self) -> impl Iterator<Item = &Process> {
        let processes = self.members.iter().map(|member| &member.process);
        processes.filter(|process| !process.has_ended())
    }

    /// True for those that wait for us themselves.
    pub(super) fn is_ancestor(&self, process: &Process) -> bool {
        self.ancestors.contains(&process.pid)
    }

    /// Those that go on because somebody else reads what they write.
    pub(super) fn busy(&self, survey: &Survey) -> Vec<i32> {
        let others = |pipe: &Pipe| {
            let readers = survey.holders(*pipe, |ways| ways.read);
            readers
                .into_iter()
                .any(|pid| pid != myself() && self.place_of(pid).is_none())
        };
        let going_on = self.members.iter().filter(|member| {
            let pid = member.process.pid;
            let still = |pipe: &&Pipe| survey.holders(**pipe, |ways| ways.write).contains(&pid);
            member.writes.iter().filter(still).any(others)
        });
        going_on.map(|member| member.process.pid).collect()
    }

    /// What can't be known, in words. `ended_unseen`: when nobody was seen to write to us, nobody did.
    pub(super) fn gaps(&self, ended_unseen: bool) -> Vec<String> {
        let mut gaps: Vec<String> = self.trouble.iter().cloned().collect();
        for pipe in self.pipes() {
            let reader = self
                .members
                .iter()
                .find(|member| member.reads.contains(&pipe));
            let name = reader.map_or("standard input", |member| &member.process.name);
            if pipe == self.ours && self.is_dry(pipe) && !ended_unseen {
                gaps.push("what feeds standard input can't be seen from here".to_owned());
            } else if pipe == self.ours && self.is_dry(pipe) {
                gaps.push("what fed standard input had ended already".to_owned());
            } else if self.is_dry(pipe) {
                gaps.push(format!(
                    "what fed {name} had ended already, or can't be seen"
                ));
            } else if self.missed.contains(&pipe) {
                gaps.push(format!(
                    "something that fed {name} ended before it could be watched"
                ));
            }
        }
        gaps
    }

    /// The places of the members, the first producer first.
    fn order(&self) -> Vec<usize> {
        let far = self.distances();
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        order.sort_by_key(|at| {
            let process = &self.members[*at].process;
            (Reverse(far[*at]), process.status.began, process.pid)
        });
        order
    }

    /// Of each member, how many programs there are between it and us, the longest way. Those that feed each other in a
    /// circle are as far away as there are members.
    fn distances(&self) -> Vec<usize> {
        let most = self.members.len();
        let fed: Vec<Vec<usize>> = (0..most).map(|at| self.fed_by(at)).collect();
        let mut far = vec![0; most];
        for _ in 0..most {
            for at in 0..most {
                let next = fed[at].iter().map(|&next| far[next] + 1).max();
                far[at] = next.unwrap_or(0).min(most);
            }
        }
        far
    }

    /// The members that read what this one writes.
    fn fed_by(&self, at: usize) -> Vec<usize> {
        let writes = &self.members[at].writes;
        let fed = |other: &usize| *other != at && !self.members[*other].reads.is_disjoint(writes);
        (0..self.members.len()).filter(fed).collect()
    }

    /// The names, the first producer first.
    pub(super) fn names(&self) -> Vec<String> {
        let order = self.order().into_iter();
        order
            .map(|at| self.members[at].process.name.clone())
            .collect()
    }

    /// What the verdict is made of, the first producer first. An end that can't be read yet is waited for until
    /// `deadline`.
    pub(super) fn parts(&self, deadline: Instant) -> Vec<Part> {
        let order = self.order();
        let place = |at: &usize| order.iter().position(|other| other == at);
        order
            .iter()
            .map(|&at| {
                let member = &self.members[at];
                Part {
                    stage: Stage {
                        name: member.process.name.clone(),
                        end: member.process.end(deadline),
                    },
                    feeds_us: member.writes.contains(&self.ours),
                    feeds: self.fed_by(at).iter().filter_map(place).collect(),
                    answered_for: member.answered_by.is_some(),
                }
            })
            .collect()
    }
}
