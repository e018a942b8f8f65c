//! Long histories, made by chance; the same ones in each run.

use super::world::{NO_SET, Order, Pick, QUARTER, Rule, Settings, Step, World};
use super::{HOUR, settings};

/// Numbers that look as if they came by chance (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

const HOSTS: usize = 4;
const PRUNERS: usize = 2;

/// What happens next: a few steps, many of which may be impossible. What goes wrong only if several things come
/// together comes together often.
fn any_steps(dice: &mut Dice, settings: &Settings) -> Vec<Step> {
    let host = dice.below(HOSTS);
    // A pruner that works on an old listing while names come again might delete what it has not seen.
    let pruner = dice.below(if settings.odd_names { 1 } else { PRUNERS });
    let pass = |dice: &mut Dice| {
        let hours = [0, 1, 5, 24, 24, 27, 27, 74, 74, 76, 101, 101, 1000];
        Step::Pass(dice.of(&hours) * HOUR + dice.of(&[0, 1, QUARTER]))
    };
    let picks = [
        Pick::Nothing,
        Pick::Newest,
        Pick::Newest,
        Pick::Oldest,
        Pick::All,
    ];
    let begun = [Step::Cut(host, dice.of(&picks)), Step::Create(host)];
    let ended = [Step::Send(host), Step::Land(host)];
    let orders = [
        Order::Everywhere,
        Order::Everywhere,
        Order::OneHost,
        Order::Oldest,
        Order::Newest,
    ];
    let decided = Step::Decide(pruner, dice.of(&orders));
    let prune: Vec<Step> = [Step::List(pruner), decided]
        .into_iter()
        .chain([Step::Delete(pruner); 4])
        .collect();
    let repacked = [
        Step::List(pruner),
        Step::Repack(pruner),
        Step::Replace(pruner),
    ];
    match dice.below(44) {
        // A dump, of which the known file learns or doesn't.
        0..=5 => [&begun[..], &ended, &[Step::Learn(host)]].concat(),
        6..=7 => [begun, ended].concat(),
        // One that takes its time; and one whose last request does.
        8..=10 => [&begun[..], &[pass(dice)], &prune, &ended].concat(),
        11 => [&[ended[0], pass(dice)], &prune[..], &[ended[1]]].concat(),
        // A clock that is set right in the middle.
        12 => {
            let ahead = dice.of(&[1, -1]) * 240 * HOUR;
            let (wrong, right) = (Step::Clock(host, ahead), Step::Clock(host, 0));
            [
                &[wrong, begun[0], right, begun[1]],
                &ended[..],
                &[Step::Learn(host)],
            ]
            .concat()
        }
        13..=16 => prune,
        // A machine that sleeps while it prunes.
        17 => [&[Step::List(pruner), pass(dice)], &prune[1..]].concat(),
        18..=24 => vec![pass(dice)],
        25..=26 => begun.to_vec(),
        27 => vec![Step::Cut(host, Pick::All)],
        28 => ended.to_vec(),
        29 => vec![Step::Learn(host)],
        30 => vec![Step::Die(host)],
        31 => vec![Step::SaveImage(host)],
        32 => vec![Step::RollBack(host)],
        33 => vec![Step::Copy(host, dice.below(HOSTS))],
        34 => vec![Step::Clock(host, dice.of(&[0, QUARTER, -QUARTER]))],
        35 if settings.longer => vec![Step::Longer(host)],
        35 if settings.freezes => vec![Step::Freeze],
        35..=36 => vec![Step::List(pruner)],
        37 => vec![decided],
        38 => vec![Step::Crash(pruner)],
        40..=41 => repacked.to_vec(),
        // One that takes its time, while another one prunes.
        42 => [
            &repacked[..2],
            &[pass(dice)],
            &begun,
            &ended,
            &repacked[2..],
        ]
        .concat(),
        43 => vec![repacked[dice.below(3)]],
        _ => vec![Step::Delete(pruner)],
    }
}

/// The first history among `count` in which something goes that is referred to.
fn search(broken: &[Rule], count: u64) -> Option<String> {
    (0..count).find_map(|seed| {
        let mut dice = Dice(seed);
        let settings = Settings {
            early: seed % 2 == 0,
            odd_names: seed % 3 == 0,
            longer: seed % 4 == 1,
            freezes: seed % 8 == 2,
            ..settings(broken)
        };
        let mut world = World::new(&[0, 0, 1, NO_SET], PRUNERS, settings.clone());
        for pruner in &mut world.pruners {
            pruner.ahead = dice.of(&[0, QUARTER, -QUARTER]);
        }
        let mut made = Vec::new();
        for _ in 0..40 {
            for step in any_steps(&mut dice, &settings) {
                if world.step(step) {
                    made.push(step);
                }
                if let Some(violation) = world.violation() {
                    return Some(format!("history {seed}: {violation} after {made:?}"));
                }
            }
        }
        None
    })
}

#[test]
fn nothing_goes_that_is_referred_to() {
    assert_eq!(search(&[], 400), None);
}

/// Those rules that show soon; the others are seen in every short history.
#[test]
fn without_a_rule_something_goes() {
    for rule in [Rule::P2, Rule::P3, Rule::P5, Rule::P5Read, Rule::P7] {
        assert!(search(&[rule], 1000).is_some(), "{rule:?}");
    }
}
