//! The argument of `doc/grace.md`, tried: histories of hosts and pruners, in which nothing that is referred to may go.
//!
//! Three ways of looking for one that goes wrong. Chance: long histories, everything that can happen. All: every short
//! history of two hosts and a pruner. By hand: the worst that the margin allows, to the second. Each must find nothing,
//! and must find something for every rule that is taken out: so the rules are needed, and the search can find.

mod chance;
mod every;
mod world;

use std::collections::BTreeSet;

use self::world::{GRACE, Order, Pick, QUARTER, Rule, Settings, Step, World};

fn settings(broken: &[Rule]) -> Settings {
    Settings {
        broken: broken.iter().copied().collect::<BTreeSet<_>>(),
        early: true,
        odd_names: false,
        longer: false,
        freezes: false,
    }
}

const HOUR: i64 = 3600;

/// The worst that the margin allows, a second on each side of it.
#[test]
fn the_margin_is_enough_and_no_more() {
    let broken_by = |beyond: i64| {
        let mut world = World::new(&[0, 0], 1, settings(&[]));
        let grace = i64::try_from(GRACE).unwrap();
        let dump = |world: &mut World, host, pick| {
            for step in [
                Step::Cut(host, pick),
                Step::Create(host),
                Step::Send(host),
                Step::Land(host),
                Step::Learn(host),
            ] {
                assert!(world.step(step), "{step:?}");
            }
        };
        // A clock that is ahead when the known file is made, and behind when it is used.
        world.step(Step::Clock(0, QUARTER));
        dump(&mut world, 0, Pick::Nothing);
        world.step(Step::Clock(0, -QUARTER));
        world.step(Step::Pass(1));
        // Another host's dump: the first one is no longer the newest.
        dump(&mut world, 1, Pick::Nothing);
        world.step(Step::Pass(70 * HOUR));
        assert!(world.step(Step::Cut(0, Pick::Newest)) && world.step(Step::Create(0)));
        // The last moment at which s3put commits, and a server that takes its time.
        world.step(Step::Pass(grace - 70 * HOUR - 2 * QUARTER - 1));
        let mut late = world.clone();
        late.step(Step::Pass(1));
        assert!(!late.step(Step::Send(0)));
        assert!(world.step(Step::Send(0)));
        world.step(Step::Pass(QUARTER));
        // A pruner whose clock is ahead, and which lists a second before.
        world.pruners[0].ahead = QUARTER + beyond;
        assert!(world.step(Step::List(0)) && world.step(Step::Decide(0, Order::Everywhere)));
        let deleted = world.step(Step::Delete(0));
        assert!(world.step(Step::Land(0)));
        assert_eq!(deleted, world.violation().is_some());
        deleted
    };
    assert!(!broken_by(0));
    assert!(!broken_by(1));
    assert!(broken_by(2));
}

/// A name that comes again while the dump that had it is being repacked: what is there now stays.
#[test]
fn only_what_was_looked_at_is_replaced() {
    let is_lost = |broken: &[Rule]| {
        let odd_names = true;
        let mut world = World::new(
            &[0, 0],
            2,
            Settings {
                odd_names,
                ..settings(broken)
            },
        );
        let dump = |world: &mut World, host, pick| {
            for step in [
                Step::Cut(host, pick),
                Step::Create(host),
                Step::Send(host),
                Step::Land(host),
                Step::Learn(host),
            ] {
                assert!(world.step(step), "{step:?}");
            }
        };
        let prune = |world: &mut World, order| {
            for step in [Step::List(1), Step::Decide(1, order)] {
                assert!(world.step(step), "{step:?}");
            }
            while world.step(Step::Delete(1)) {}
        };
        let skip_a_name = |world: &mut World| {
            assert!(world.step(Step::Cut(0, Pick::Nothing)) && world.step(Step::Die(0)));
        };
        // There are three names. The second dump refers to the first, and is to be repacked.
        dump(&mut world, 0, Pick::Nothing);
        dump(&mut world, 0, Pick::Newest);
        world.step(Step::Pass(HOUR));
        dump(&mut world, 1, Pick::Nothing);
        world.step(Step::Pass(101 * HOUR));
        assert!(world.step(Step::List(0)) && world.step(Step::Repack(0)));
        // Both go, and others get their names, of which one refers to the other.
        prune(&mut world, Order::Newest);
        prune(&mut world, Order::Oldest);
        skip_a_name(&mut world);
        dump(&mut world, 0, Pick::Nothing);
        skip_a_name(&mut world);
        dump(&mut world, 0, Pick::Newest);
        assert_eq!(world.violation(), None);
        assert!(world.step(Step::Replace(0)));
        world.violation().is_some()
    };
    assert!(!is_lost(&[]));
    assert!(is_lost(&[Rule::P8Same]));
}
