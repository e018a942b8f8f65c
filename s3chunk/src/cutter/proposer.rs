//! Which positions are proposed for a cut: about one in 128, by a hash of the 16 bytes before under secret numbers.
//!
//! It promises to be fast: hashes of whole rows of positions are sums, products and shifts of 16-bit numbers side by side,
//! for which compilers use vectors. It doesn't promise to keep its numbers: nothing is proven of it. What is
//! taken of its proposals is decided elsewhere.

use std::array::from_fn;

/// How many bytes it looks at.
pub const NEAR: usize = 16;

/// How many positions are looked at together.
pub const ROW: usize = 4096;

/// About one position in so many is proposed.
pub const ONE_IN: u32 = 128;

/// Proposed is what has a hash from here on.
const LEAST: u16 = (65_536 - 65_536 / ONE_IN) as u16;

/// Bytes of secrets of one attempt: see [`Proposer::new`].
const SECRETS: usize = 18;

/// Two hashes of neighbours become one of both: each times a factor.
#[derive(Clone, Copy)]
struct Step {
    old: u16,
    new: u16,
}

impl Step {
    #[inline]
    fn join(self, old: u16, new: u16) -> u16 {
        let sum = old.wrapping_mul(self.old);
        sum.wrapping_add(new.wrapping_mul(self.new))
    }
}

/// Products carry what changes to the left. This brings it back, and what is a sum of products is one no more.
#[inline]
fn fold(hash: u16) -> u16 {
    hash ^ (hash >> 8)
}

/// The secret numbers, and room for a row.
pub struct Proposer {
    steps: [Step; 4],
    plus: u16,
    /// Hashes of 2 and of 8 bytes; and of 4.
    odd: [u16; ROW + NEAR],
    even: [u16; ROW + NEAR],
    proposed: [u8; ROW],
}

impl Proposer {
    /// With numbers that `secrets` gives, as often as it is asked. The first ones with which no run of one and the same
    /// byte is proposed: such runs are common, and each of their positions would be decided. About one attempt in seven
    /// will do.
    pub fn new(mut secrets: impl FnMut(&mut [u8])) -> Self {
        loop {
            let mut bytes = [0; SECRETS];
            secrets(&mut bytes);
            let numbers: [u16; SECRETS / 2] =
                from_fn(|n| u16::from_le_bytes([bytes[2 * n], bytes[2 * n + 1]]));
            let proposer = Self {
                steps: from_fn(|n| Step {
                    old: numbers[2 * n] | 1,
                    new: numbers[2 * n + 1] | 1,
                }),
                plus: numbers[8],
                odd: [0; ROW + NEAR],
                even: [0; ROW + NEAR],
                proposed: [0; ROW],
            };
            if !(0..=255).any(|byte| proposer.proposes_run_of(byte)) {
                return proposer;
            }
        }
    }

    fn proposes_run_of(&self, byte: u8) -> bool {
        let [first, steps @ ..] = self.steps;
        let two = first.join(byte.into(), byte.into()).wrapping_add(self.plus);
        let all = steps.iter().fold(two, |hash, step| {
            let hash = fold(hash);
            step.join(hash, hash)
        });
        all >= LEAST
    }

    /// A byte for each position that has [`NEAR`] of `bytes` before it, at most [`ROW`] of them: 1 where it is proposed.
    /// What follows is 0.
    ///
    /// The hash of 16 bytes is put together from those of 8, those from 4 and 2: four steps, and not sixteen.
    pub fn row(&mut self, bytes: &[u8]) -> &[u8; ROW] {
        let count = bytes.len() + 1 - NEAR;
        let [first, second, third, last] = self.steps;
        let plus = self.plus;
        let pairs = bytes.iter().zip(&bytes[1..]);
        for (hash, (old, new)) in self.odd[..count + 14].iter_mut().zip(pairs) {
            let two = first.join((*old).into(), (*new).into());
            *hash = fold(two.wrapping_add(plus));
        }
        twice::<2>(second, &self.odd, &mut self.even[..count + 12]);
        twice::<4>(third, &self.even, &mut self.odd[..count + 8]);
        let halves = self.odd.iter().zip(&self.odd[8..]);
        for (proposed, (old, new)) in self.proposed[..count].iter_mut().zip(halves) {
            *proposed = u8::from(last.join(*old, *new) >= LEAST);
        }
        self.proposed[count..].fill(0);
        &self.proposed
    }
}

/// Of hashes of `N` bytes, those of twice as many.
fn twice<const N: usize>(step: Step, from: &[u16], to: &mut [u16]) {
    for (hash, (old, new)) in to.iter_mut().zip(from.iter().zip(&from[N..])) {
        *hash = fold(step.join(*old, *new));
    }
}
