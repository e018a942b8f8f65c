//! Every short history of two hosts of one set and a pruner.
//!
//! They begin with a few dumps; then comes every sequence of so many [`MOVES`]. What two sequences lead to is followed
//! once.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::world::{Order, Pick, Rule, Step, World};
use super::{HOUR, settings};

/// How many of [`MOVES`] come one after the other.
const LENGTH: usize = 7;

const PRUNE: [Step; 4] = [
    Step::List(0),
    Step::Decide(0, Order::Everywhere),
    Step::Delete(0),
    Step::Delete(0),
];

/// Steps that come together. The first one must be possible.
const MOVES: [&[Step]; 15] = [
    &[Step::Pass(73 * HOUR)],
    &[Step::Pass(25 * HOUR)],
    &[Step::Pass(250 * HOUR)],
    &[Step::Cut(0, Pick::Newest), Step::Create(0)],
    &[Step::Cut(0, Pick::Oldest), Step::Create(0)],
    &[Step::Send(0), Step::Land(0)],
    &[Step::Send(0)],
    &[Step::Land(0)],
    &[Step::Learn(0)],
    &[Step::Longer(0)],
    &PRUNE,
    // One that is interrupted.
    &[PRUNE[0], PRUNE[1], PRUNE[2]],
    // One that takes its time.
    &[PRUNE[0]],
    &[PRUNE[1], PRUNE[2], PRUNE[3]],
    &[Step::List(0), Step::Repack(0), Step::Replace(0)],
];

/// A dump that refers to nothing, from beginning to end.
fn full(host: usize) -> [Step; 5] {
    [
        Step::Cut(host, Pick::Nothing),
        Step::Create(host),
        Step::Send(host),
        Step::Land(host),
        Step::Learn(host),
    ]
}

/// What comes before.
fn beginnings() -> [Vec<Step>; 6] {
    let hour = [Step::Pass(HOUR)];
    let days = [Step::Pass(73 * HOUR)];
    let wrong = [
        Step::Clock(0, 240 * HOUR),
        Step::Cut(0, Pick::Nothing),
        Step::Clock(0, 0),
    ];
    [
        // Two hosts.
        [&full(0)[..], &hour, &full(1)].concat(),
        // One host that doesn't learn of its second dump.
        [&full(0)[..], &hour, &full(0)[..4]].concat(),
        // Its third one.
        [&full(0)[..], &days, &full(0), &days, &full(0)].concat(),
        // A clock that is set right after the first dump was begun.
        [&wrong[..], &full(0)[1..], &hour, &full(1)].concat(),
        // A dump that refers to one before it, and another host's.
        [
            &full(0)[..],
            &[Step::Cut(0, Pick::Newest)],
            &full(0)[1..],
            &hour,
            &full(1),
        ]
        .concat(),
        // The same, but that the dump referred to was not the newest for long.
        [
            &full(0)[..],
            &hour,
            &full(1),
            &days,
            &[Step::Cut(0, Pick::Newest)],
            &full(0)[1..],
            &days,
        ]
        .concat(),
    ]
}

/// The first history with this beginning in which something goes that is referred to.
fn search(beginning: &[Step], broken: &[Rule]) -> Result<usize, String> {
    let mut world = World::new(&[0, 0], 1, settings(broken));
    for &step in beginning {
        assert!(world.step(step), "{step:?}");
    }
    let mut seen = HashSet::from([print(&world)]);
    let mut layer = vec![world];
    for _ in 0..LENGTH {
        let mut next = Vec::new();
        for world in &layer {
            for moves in MOVES {
                let mut world = world.clone();
                if !world.step(moves[0]) {
                    continue;
                }
                for &step in &moves[1..] {
                    world.step(step);
                }
                if let Some(violation) = world.violation() {
                    return Err(format!("{violation}: {world:?}"));
                }
                if seen.insert(print(&world)) {
                    next.push(world);
                }
            }
        }
        layer = next;
    }
    Ok(seen.len())
}

/// Two worlds that have the same one are taken for the same.
fn print(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn nothing_goes_that_is_referred_to() {
    for beginning in beginnings() {
        let looked = search(&beginning, &[]).unwrap();
        assert!(looked > 1000, "{looked}");
    }
}

#[test]
fn without_a_rule_something_goes() {
    for (rule, beginning) in [
        (Rule::W2, 2),
        (Rule::W3, 0),
        (Rule::W3Each, 0),
        (Rule::W4, 3),
        (Rule::W5, 0),
        (Rule::P2, 1),
        (Rule::P3, 1),
        (Rule::P4, 0),
        (Rule::P6, 0),
        (Rule::P7, 4),
        (Rule::P8, 5),
    ] {
        let found = search(&beginnings()[beginning], &[rule]);
        assert!(found.is_err(), "{rule:?}");
    }
}

/// W1 is for those who make dumps: without it a dump would be made in vain, which W3 doesn't commit.
#[test]
fn the_last_moment_stands_in_for_trust() {
    let beginning = &beginnings()[0];
    assert!(search(beginning, &[Rule::W1]).is_ok());
    assert!(search(beginning, &[Rule::W1, Rule::W3]).is_err());
}
