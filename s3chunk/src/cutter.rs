//! Where a stream is cut (doc/format/chunk-stream.md, "Where it is cut").
//!
//! It promises that cuts depend on the bytes, the secrets and the settings alone, never on how the bytes are read; that
//! whether there is one after a byte depends on the 64 bytes before, but for the limits of a chunk's length, so that a
//! change moves only the cuts near it; and that who doesn't know the key can't tell where known bytes would be cut.
//!
//! A fast hash alone would not do: its secrets can be computed from chunk lengths, if with pains. So it only proposes, and
//! a hash that is universal under a secret, hidden behind a block cipher, decides. Chunk lengths tell of each proposal
//! whether it was taken, which is a pseudorandom bit to who lacks the key.

mod proposer;

use aes::Aes128;
use aes::cipher::{Block, BlockEncrypt, KeyInit};
use common::chunks::index::Cut;

use self::proposer::{NEAR, ONE_IN, Proposer, ROW};
use crate::key::Key;

/// How many bytes decide.
pub const WINDOW: usize = 64;

/// How often, on average over positions, the proposals have to be taken so that chunks are as long as was asked for,
/// times the average. A chunk of average A is min = A/4 long, then each byte ends it with probability p, and at max = 4·A
/// it ends anyway. So (1 - e^(-3.75·x)) / x = 0.75 for x = p·A; that is x.
const RATE: f64 = 1.324_030_461_8;

/// The rule: which positions are cuts.
struct Secret {
    proposer: Proposer,
    words: [u32; WINDOW / 4],
    cipher: Aes128,
    threshold: u64,
    /// The positions of a row that are proposed.
    ends: Vec<usize>,
    /// The sums of their windows, that the cipher then hides.
    blocks: Vec<Block<Aes128>>,
}

impl Secret {
    fn new(key: &Key, average: u64) -> Self {
        let mut secrets = key.cut_secrets();
        let (mut words, mut cipher) = ([0; WINDOW], [0; 16]);
        secrets.fill(&mut words);
        secrets.fill(&mut cipher);
        let mut numbers = [0; WINDOW / 4];
        for (number, bytes) in numbers.iter_mut().zip(words.as_chunks().0) {
            *number = u32::from_le_bytes(*bytes);
        }
        // Of all proposals so many are taken. A float holds this to 16 digits.
        let share = RATE * f64::from(ONE_IN) / average as f64;
        Self {
            proposer: Proposer::new(|bytes| secrets.fill(bytes)),
            words: numbers,
            cipher: Aes128::new(&cipher.into()),
            threshold: (share * (u64::MAX as f64)) as u64,
            ends: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// The first position from `first` to `last` after which the rule cuts.
    fn search(&mut self, bytes: &[u8], first: usize, last: usize) -> Option<usize> {
        let mut begin = first;
        while begin <= last {
            let next = (begin + ROW).min(last + 1);
            self.ends.clear();
            self.blocks.clear();
            let row = self.proposer.row(&bytes[begin - NEAR..next - 1]);
            for (from, flags) in (begin..).step_by(16).zip(row.as_chunks().0) {
                // A bit for each that is proposed, in the order of positions.
                let mut bits = u128::from_le_bytes(*flags);
                while bits != 0 {
                    let end = from + bits.trailing_zeros() as usize / 8;
                    bits &= bits - 1;
                    if let Some(window) = bytes[..end].last_chunk() {
                        self.ends.push(end);
                        let sum = u128::from(sum(&self.words, window));
                        self.blocks.push(sum.to_le_bytes().into());
                    }
                }
            }
            if let Some(taken) = self.first_taken() {
                return self.ends.get(taken).copied();
            }
            begin = next;
        }
        None
    }

    /// The first of the sums of windows that is taken: AES of it, its first eight bytes, little endian, is below the
    /// threshold.
    fn first_taken(&mut self) -> Option<usize> {
        self.cipher.encrypt_blocks(&mut self.blocks);
        let hidden = |block: &Block<Aes128>| u128::from_le_bytes((*block).into()) as u64;
        let mut blocks = self.blocks.iter();
        blocks.position(|block| hidden(block) < self.threshold)
    }
}

/// NH of the window under these words. By itself, so that all its numbers stay where they are used.
#[inline(never)]
fn sum(words: &[u32; WINDOW / 4], window: &[u8; WINDOW]) -> u64 {
    let mut sum = 0u64;
    for (pair, words) in window.as_chunks::<8>().0.iter().zip(words.as_chunks().0) {
        let [a, b, c, d, e, f, g, h] = *pair;
        let [first, second]: [u32; 2] = *words;
        let first = u32::from_le_bytes([a, b, c, d]).wrapping_add(first);
        let second = u32::from_le_bytes([e, f, g, h]).wrapping_add(second);
        sum = sum.wrapping_add(u64::from(first) * u64::from(second));
    }
    sum
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
            Rule::Content { secret, .. } if first <= bytes.len() => {
                secret.search(bytes, first, last.min(bytes.len()))
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
        let known = [
            3530, 4999, 6675, 9857, 12_298, 14_184, 17_068, 20_139, 23_375, 28_775, 32_437, 39_607,
            40_000,
        ];
        assert_eq!(found, known);
    }

    /// The rule as its page has it, position by position. What comes before the stream is as in [`ends`].
    fn plainly(key: &Key, average: u64, stream: &[u8]) -> Vec<usize> {
        let mut secrets = key.cut_secrets();
        let mut number = |bytes| {
            let mut number = [0; 8];
            secrets.fill(&mut number[..bytes]);
            u64::from_le_bytes(number)
        };
        let words: Vec<u64> = (0..16).map(|_| number(4)).collect();
        let cipher = [number(8), number(8)].map(u64::to_le_bytes).concat();
        let cipher = Aes128::new_from_slice(&cipher).unwrap();
        let is_proposed = |numbers: &[u64], bytes: &[u8]| {
            let mut hashes: Vec<u64> = bytes.iter().map(|byte| u64::from(*byte)).collect();
            for step in 0..4 {
                let (old, new) = (numbers[2 * step] | 1, numbers[2 * step + 1] | 1);
                let plus = if step == 0 { numbers[8] } else { 0 };
                let join = |pair: &[u64]| (pair[0] * old + pair[1] * new + plus) % 65_536;
                hashes = hashes.chunks(2).map(join).collect();
                if step < 3 {
                    hashes.iter_mut().for_each(|hash| *hash ^= *hash / 256);
                }
            }
            hashes[0] >= 65_024
        };
        let numbers = loop {
            let numbers: Vec<u64> = (0..9).map(|_| number(2)).collect();
            if !(0..=255).any(|byte| is_proposed(&numbers, &[byte; 16])) {
                break numbers;
            }
        };
        let most = (1.324_030_461_8 * 128.0 / average as f64 * u64::MAX as f64) as u64;
        let padded = [&[0xaa; WINDOW], stream].concat();
        let (mut ends, mut begin) = (Vec::new(), 0);
        for end in 1..=stream.len() {
            let window = &padded[end..end + WINDOW];
            let is_taken = || {
                let parts = window.chunks(4).zip(&words).map(|(bytes, word)| {
                    let bytes = u32::from_le_bytes(bytes.try_into().unwrap());
                    (u64::from(bytes) + word) % (1 << 32)
                });
                let parts: Vec<u64> = parts.collect();
                let products = parts.chunks(2).map(|pair| pair[0] * pair[1]);
                let sum = products.fold(0, u64::wrapping_add);
                let mut block = u128::from(sum).to_le_bytes().into();
                cipher.encrypt_block(&mut block);
                u64::from_le_bytes(block[..8].try_into().unwrap()) < most
            };
            let length = (end - begin) as u64;
            let cut = length >= average / 4
                && is_proposed(&numbers, &window[WINDOW - NEAR..])
                && is_taken();
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
            key: [u8; 32],
            seed: u8,
            length in 0..60_000usize,
            same in 0..20_000usize,
            letters in 1..=255u8,
            average in 256..9000u64,
        ) {
            let noise = noise(seed, length).into_iter().map(|byte| byte % letters);
            let stream: Vec<u8> = std::iter::repeat_n(seed, same).chain(noise).collect();
            prop_assert_eq!(whole(&Key(key), average, &stream), plainly(&Key(key), average, &stream));
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
