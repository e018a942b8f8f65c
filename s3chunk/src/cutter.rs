//! Where a stream is cut (doc/format/chunk-stream.md, "Where it is cut").
//!
//! It promises that cuts depend on the bytes, the secrets and the settings alone, never on how the bytes are read; that
//! whether there is one after a byte depends on the 64 bytes before, but for the limits of a chunk's length, so that a
//! change moves only the cuts near it; and that who doesn't know the key can't tell where known bytes would be cut.
//!
//! A fast hash keyed by a secret would not do: its secret can be computed from chunk lengths. So the fast hash is public
//! and proposes, and a hash that is universal under a secret, hidden behind a block cipher, decides. Chunk lengths tell
//! for each proposal whether it was taken, which is a pseudorandom bit to who lacks the key.
//!
//! The work is laid out so that a processor does it side by side: what proposes is sums and products of small numbers in
//! rows, for which compilers use vectors, and the blocks of a row's proposals go through the cipher together.

use aes::Aes128;
use aes::cipher::generic_array::GenericArray;
use aes::cipher::{Block, BlockEncrypt, KeyInit};
use common::chunks::index::Cut;

use crate::key::Key;

/// How many bytes decide.
pub const WINDOW: usize = 64;

/// How many of them propose, the last ones.
const NEAR: usize = 16;

/// About one position in so many is proposed.
const ONE_IN: u64 = 128;

/// How often, on average over positions, the proposals have to be taken so that chunks are as long as was asked for,
/// times the average. A chunk of average A is min = A/4 long, then each byte ends it with probability p, and at max = 4·A
/// it ends anyway. So (1 - e^(-3.75·x)) / x = 0.75 for x = p·A; that is x.
const RATE: f64 = 1.324_030_461_8;

/// The bytes that propose are the digits of a number in this base, the oldest first, times [`FACTOR`], modulo 2^16: a
/// polynomial hash, as of Karp and Rabin (1987). Both are odd, so that every byte counts.
const BASE: u16 = 0x9e35;
/// Its powers, for steps of 2, 4 and 8 bytes.
const SQUARE: u16 = BASE.wrapping_mul(BASE);
const FOURTH: u16 = SQUARE.wrapping_mul(SQUARE);
const EIGHTH: u16 = FOURTH.wrapping_mul(FOURTH);
/// The first one from 8021 (hexadecimal) on that passes the test below.
const FACTOR: u16 = 0x8021;

/// Proposed is what has a hash from here on; so zeros, whose hash is 0, are not.
const LEAST: u16 = (65_536 - 65_536 / ONE_IN) as u16;

/// No run of one and the same byte is proposed: such runs are common, and each of their positions would be decided.
const _: () = {
    let mut byte = 0;
    while byte < 256 {
        let (mut hash, mut n) = (0u16, 0);
        while n < NEAR {
            hash = hash.wrapping_mul(BASE).wrapping_add(byte);
            n += 1;
        }
        assert!(hash.wrapping_mul(FACTOR) < LEAST);
        byte += 1;
    }
};

/// The secret part of the rule: which of the proposed positions are cuts.
struct Secret {
    words: [u32; WINDOW / 4],
    cipher: Aes128,
    threshold: u64,
}

impl Secret {
    fn new(key: &Key, average: u64) -> Self {
        let secrets = key.cut_secrets();
        let (words, cipher) = secrets.split_at(WINDOW);
        let mut numbers = [0; WINDOW / 4];
        for (number, bytes) in numbers.iter_mut().zip(words.as_chunks().0) {
            *number = u32::from_le_bytes(*bytes);
        }
        // Of all proposals, which are one in 64 positions, so many are taken. A float holds this to 16 digits.
        let share = RATE * ONE_IN as f64 / average as f64;
        Self {
            words: numbers,
            cipher: Aes128::new(GenericArray::from_slice(cipher)),
            threshold: (share * (u64::MAX as f64)) as u64,
        }
    }

    /// NH of the window. By itself, so that its sixteen numbers stay where they are used.
    #[inline(never)]
    fn sum(&self, window: &[u8; WINDOW]) -> u64 {
        let mut sum = 0u64;
        for (pair, words) in window
            .as_chunks::<8>()
            .0
            .iter()
            .zip(self.words.as_chunks().0)
        {
            let [a, b, c, d, e, f, g, h] = *pair;
            let [first, second]: [u32; 2] = *words;
            let first = u32::from_le_bytes([a, b, c, d]).wrapping_add(first);
            let second = u32::from_le_bytes([e, f, g, h]).wrapping_add(second);
            sum = sum.wrapping_add(u64::from(first) * u64::from(second));
        }
        sum
    }

    /// The first of these sums of windows that is taken: AES of it, its first eight bytes, little endian, is below the
    /// threshold.
    fn first_taken(&self, sums: &mut [Block<Aes128>]) -> Option<usize> {
        self.cipher.encrypt_blocks(sums);
        let hidden = |block: &Block<Aes128>| u128::from_le_bytes((*block).into()) as u64;
        sums.iter().position(|block| hidden(block) < self.threshold)
    }
}

/// How many positions are proposed or not before it is decided.
const ROW: usize = 4096;

/// Where the work is done on a row of positions.
struct Row {
    /// Hashes of 2 and of 8 bytes, of 4.
    odd: [u16; ROW + NEAR],
    even: [u16; ROW + NEAR],
    /// 1 where a position is proposed.
    proposed: [u8; ROW],
    /// Which those are.
    ends: Vec<usize>,
    /// The sums of their windows, that the cipher then hides.
    blocks: Vec<Block<Aes128>>,
}

impl Row {
    fn new() -> Self {
        Self {
            odd: [0; ROW + NEAR],
            even: [0; ROW + NEAR],
            proposed: [0; ROW],
            ends: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// Proposes, or not, each position that has [`NEAR`] of `bytes` before it.
    ///
    /// The hash of 16 bytes is put together from those of 8, those from 4 and 2: four steps, and not sixteen.
    fn propose(&mut self, bytes: &[u8]) {
        let count = bytes.len() - (NEAR - 1);
        let [two, four, eight] = [count + 14, count + 12, count + 8];
        let pairs = bytes.iter().zip(&bytes[1..]);
        for (hash, (old, new)) in self.odd[..two].iter_mut().zip(pairs) {
            let digit = |byte: &u8| u16::from(*byte).wrapping_mul(FACTOR);
            *hash = digit(old).wrapping_mul(BASE).wrapping_add(digit(new));
        }
        join::<2>(&self.odd, &mut self.even[..four], SQUARE);
        join::<4>(&self.even, &mut self.odd[..eight], FOURTH);
        let halves = self.odd.iter().zip(&self.odd[8..]);
        for (proposed, (old, new)) in self.proposed[..count].iter_mut().zip(halves) {
            *proposed = u8::from(old.wrapping_mul(EIGHTH).wrapping_add(*new) >= LEAST);
        }
        self.proposed[count..].fill(0);
    }
}

/// Of hashes of `N` bytes, those of twice as many.
fn join<const N: usize>(from: &[u16], to: &mut [u16], power: u16) {
    for (hash, (old, new)) in to.iter_mut().zip(from.iter().zip(&from[N..])) {
        *hash = old.wrapping_mul(power).wrapping_add(*new);
    }
}

/// Cuts a stream, as far as it has come.
pub struct Cutter {
    rule: Rule,
    /// How long the chunk is that has begun.
    begun: u64,
}

enum Rule {
    Content {
        secret: Box<Secret>,
        row: Box<Row>,
        min: u64,
        max: u64,
    },
    Fixed(u64),
}

impl Cutter {
    /// A cutter at the beginning of a stream. An average is at least 256 bytes.
    pub fn new(key: &Key, cut: Cut) -> Self {
        let rule = match cut {
            Cut::Average(average) => Rule::Content {
                secret: Box::new(Secret::new(key, average)),
                row: Box::new(Row::new()),
                min: average / 4,
                max: longest(cut),
            },
            Cut::Fixed(size) => Rule::Fixed(size),
        };
        Self { rule, begun: 0 }
    }

    /// Where in `bytes` the chunk ends that goes on at `at`: at most at their end. None if it goes on behind them. The
    /// [`WINDOW`] bytes before `at` are those that came before in the stream, or anything where there were none.
    pub fn next(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        let (min, max) = match &self.rule {
            Rule::Content { min, max, .. } => (*min, *max),
            Rule::Fixed(size) => (*size, *size),
        };
        let reach = |length: u64| {
            let more = usize::try_from(length.saturating_sub(self.begun)).unwrap_or(usize::MAX);
            at.saturating_add(more)
        };
        // Nowhere is there a cut after nothing.
        let (first, last) = (reach(min).max(at + 1), reach(max));
        let found = match &mut self.rule {
            Rule::Content { secret, row, .. } if first <= bytes.len() => {
                search(secret, row, bytes, first, last.min(bytes.len()))
            }
            _ => None,
        };
        let end = found.or((last <= bytes.len()).then_some(last));
        self.begun = match end {
            Some(_) => 0,
            None => self.begun + (bytes.len() - at) as u64,
        };
        end
    }
}

/// How long a chunk can be.
pub fn longest(cut: Cut) -> u64 {
    match cut {
        Cut::Average(average) => 4 * average,
        Cut::Fixed(size) => size,
    }
}

/// The first position from `first` to `last` after which the rule cuts.
fn search(
    secret: &Secret,
    row: &mut Row,
    bytes: &[u8],
    first: usize,
    last: usize,
) -> Option<usize> {
    let mut begin = first;
    while begin <= last {
        let next = (begin + ROW).min(last + 1);
        row.propose(&bytes[begin - NEAR..next - 1]);
        row.ends.clear();
        row.blocks.clear();
        for (from, flags) in (begin..).step_by(16).zip(row.proposed.as_chunks().0) {
            // A bit for each that is proposed, in the order of positions.
            let mut bits = u128::from_le_bytes(*flags);
            while bits != 0 {
                let end = from + bits.trailing_zeros() as usize / 8;
                bits &= bits - 1;
                if let Some(window) = bytes[..end].last_chunk() {
                    row.ends.push(end);
                    let sum = u128::from(secret.sum(window));
                    row.blocks.push(sum.to_le_bytes().into());
                }
            }
        }
        if let Some(taken) = secret.first_taken(&mut row.blocks) {
            return row.ends.get(taken).copied();
        }
        begin = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: Key = Key([1; 32]);

    /// Bytes without any pattern.
    fn noise(seed: u8, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new()
            .update(&[seed])
            .finalize_xof()
            .fill(&mut bytes);
        bytes
    }

    /// Where a stream is cut that comes in blocks of these sizes, over and over. The rest is the last chunk.
    fn ends(key: &Key, cut: Cut, stream: &[u8], sizes: &[usize]) -> Vec<usize> {
        let mut cutter = Cutter::new(key, cut);
        let (mut ends, mut come, mut turn) = (Vec::new(), 0, 0);
        let padded = [&[0xaa; WINDOW], stream].concat();
        while come < stream.len() {
            let size = sizes[turn % sizes.len()].min(stream.len() - come);
            turn += 1;
            let block = &padded[come..come + WINDOW + size];
            let mut at = WINDOW;
            while let Some(end) = (at < block.len()).then(|| cutter.next(block, at)).flatten() {
                assert!(end > at && end <= block.len());
                ends.push(come + end - WINDOW);
                at = end;
            }
            come += size;
        }
        if ends.last() != Some(&stream.len()) && !stream.is_empty() {
            ends.push(stream.len());
        }
        ends
    }

    fn whole(key: &Key, average: u64, stream: &[u8]) -> Vec<usize> {
        ends(key, Cut::Average(average), stream, &[stream.len().max(1)])
    }

    fn lengths(ends: &[usize]) -> Vec<usize> {
        let begins = std::iter::once(&0).chain(ends);
        ends.iter()
            .zip(begins)
            .map(|(end, begin)| end - begin)
            .collect()
    }

    #[test]
    fn chunks_are_as_long_as_was_asked_for() {
        let stream = noise(1, 32 << 20);
        for average in [4096, 10_000, 65_536] {
            let lengths = lengths(&whole(&KEY, average, &stream));
            let (min, max) = (average / 4, 4 * average);
            let (_, inner) = lengths.split_last().unwrap();
            assert!(
                inner
                    .iter()
                    .all(|length| (min..=max).contains(&(*length as u64)))
            );
            let mean = stream.len() as f64 / lengths.len() as f64;
            // Four standard deviations, each less than 0.7 of the average.
            let slack = 4.0 * 0.7 * average as f64 / (lengths.len() as f64).sqrt();
            assert!(
                (mean - average as f64).abs() < slack,
                "{mean} for {average}"
            );
            // Some reach the limits, or nearly.
            assert!(inner.iter().any(|length| *length as u64 == max));
            assert!(inner.iter().any(|length| (*length as u64) < min + min / 4));
        }
    }

    #[test]
    fn another_key_cuts_elsewhere() {
        let stream = noise(2, 4 << 20);
        let (one, other) = (
            whole(&KEY, 4096, &stream),
            whole(&Key([2; 32]), 4096, &stream),
        );
        assert_eq!(one, whole(&KEY, 4096, &stream));
        let common = one.iter().filter(|end| other.binary_search(end).is_ok());
        // Of a thousand cuts a few fall together by accident.
        let common = common.count();
        assert!(common * 20 < one.len(), "{common} of {}", one.len());
    }

    #[test]
    fn a_change_moves_only_the_cuts_near_it() {
        let stream = noise(3, 4 << 20);
        let before = whole(&KEY, 4096, &stream);
        for inserted in [1, 77, 5000] {
            let changed = [noise(4, inserted), stream.clone()].concat();
            let after: Vec<usize> = whole(&KEY, 4096, &changed)
                .into_iter()
                .filter_map(|end| end.checked_sub(inserted))
                .collect();
            // From some cut not far from the beginning on they are the same.
            let meet = before.iter().position(|end| after.contains(end)).unwrap();
            assert!(before[meet] < 64 * 4096, "at {}", before[meet]);
            let there = after.iter().position(|end| *end == before[meet]).unwrap();
            assert_eq!(before[meet..], after[there..]);
        }
    }

    #[test]
    fn runs_of_one_byte_have_one_length() {
        for byte in 0..=255 {
            let found = lengths(&whole(&KEY, 4096, &vec![byte; 100_000]));
            let (_, inner) = found.split_last().unwrap();
            // Never proposed, so as long as can be.
            assert!(
                inner.iter().all(|length| *length == 4 * 4096),
                "{byte}: {found:?}"
            );
        }
    }

    #[test]
    fn fixed_lengths() {
        let stream = noise(5, 10_000);
        assert_eq!(
            ends(&KEY, Cut::Fixed(4096), &stream, &[7]),
            [4096, 8192, 10_000]
        );
        assert_eq!(
            ends(&KEY, Cut::Fixed(5000), &stream, &[10_000]),
            [5000, 10_000]
        );
        assert!(ends(&KEY, Cut::Fixed(1), b"", &[1]).is_empty());
    }

    /// The rule may change, but not by accident: then nothing would be found again.
    #[test]
    fn the_rule_stays() {
        let found = whole(&KEY, 4096, &noise(6, 40_000));
        let known = [9127, 10_877, 23_917, 31_870, 33_773, 35_963, 40_000];
        assert_eq!(found, known);
    }

    /// The rule as its page has it, position by position. What comes before the stream is as in [`ends`].
    fn plainly(key: &Key, average: u64, stream: &[u8]) -> Vec<usize> {
        let secret = Secret::new(key, average);
        let padded = [&[0xaa; WINDOW], stream].concat();
        let (mut ends, mut begin) = (Vec::new(), 0);
        for end in 1..=stream.len() {
            let window: &[u8; WINDOW] = padded[end..end + WINDOW].try_into().unwrap();
            let digits = window[WINDOW - NEAR..].iter();
            let number = digits.fold(0u32, |number, digit| {
                (number * 0x9e35 + u32::from(*digit)) % 65_536
            });
            let length = (end - begin) as u64;
            let cut = length >= average / 4
                && number * 0x8021 % 65_536 >= 65_024
                && secret
                    .first_taken(&mut [u128::from(secret.sum(window)).to_le_bytes().into()])
                    .is_some();
            if cut || length == 4 * average || end == stream.len() {
                ends.push(end);
                begin = end;
            }
        }
        ends
    }

    proptest! {
        #[test]
        fn cuts_are_where_the_rule_says(
            seed: u8,
            length in 0..60_000usize,
            same in 0..20_000usize,
            letters in 1..=255u8,
            average in 256..9000u64,
        ) {
            let noise = noise(seed, length).into_iter().map(|byte| byte % letters);
            let stream: Vec<u8> = std::iter::repeat_n(seed, same).chain(noise).collect();
            prop_assert_eq!(whole(&KEY, average, &stream), plainly(&KEY, average, &stream));
        }

        #[test]
        fn cuts_do_not_depend_on_reads(
            seed: u8,
            length in 0..200_000usize,
            same in 0..50_000usize,
            average in 256..9000u64,
            sizes in prop::collection::vec(1..9000usize, 1..5),
        ) {
            let stream = [vec![seed; same], noise(seed, length)].concat();
            let cut = Cut::Average(average);
            prop_assert_eq!(ends(&KEY, cut, &stream, &sizes), whole(&KEY, average, &stream));
        }
    }
}
