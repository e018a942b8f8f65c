//! Where a stream is cut (doc/format/chunk-stream.md, "Where it is cut").
//!
//! It promises that cuts depend on the bytes, the secrets and the settings alone, never on how the bytes are read; that
//! whether there is one after a byte depends on the 64 bytes before, but for the limits of a chunk's length, so that a
//! change moves only the cuts near it; and that who doesn't know the key can't tell where known bytes would be cut.
//!
//! A rolling hash keyed by a secret table would not do: its table can be computed from chunk lengths. So the rolling
//! hash is public and proposes, and a hash that is universal under a secret, hidden behind a block cipher, decides.
//! Chunk lengths tell for each proposal whether it was taken, which is a pseudorandom bit to who lacks the key.

use aes::Aes128;
use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockEncrypt, KeyInit};
use common::chunks::index::Cut;

use crate::key::Key;

/// How many bytes decide: those that the rolling hash still knows. Each step shifts it by a bit, and it has 64.
pub const WINDOW: usize = 64;

/// About one position in so many is proposed.
const ONE_IN: u64 = 64;

/// How often, on average over positions, the proposals have to be taken so that chunks are as long as was asked for,
/// times the average. A chunk of average A is min = A/4 long, then each byte ends it with probability p, and at max = 4·A
/// it ends anyway. So (1 - e^(-3.75·x)) / x = 0.75 for x = p·A; that is x.
const RATE: f64 = 1.324_030_461_8;

/// What is added to the rolling hash for each value of a byte: the outputs of splitmix64, from its seed on.
static TABLE: [u64; 256] = table();

/// The hash of a position that is proposed is below this.
const LIMIT: u64 = u64::MAX / ONE_IN;

const fn table() -> [u64; 256] {
    let mut table = [0; 256];
    // The first one from the day of its making on that passes the test below.
    let mut state: u64 = 20_261_136;
    let mut n = 0;
    while n < table.len() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        table[n] = z ^ (z >> 31);
        n += 1;
    }
    table
}

/// No run of one and the same byte is proposed: such runs are common, and each of their positions would be decided.
const _: () = {
    let mut n = 0;
    while n < 256 {
        // t·(2^63 + … + 2 + 1) = -t
        assert!(!is_proposed(table()[n].wrapping_neg()));
        n += 1;
    }
};

/// One more byte in the rolling hash.
#[inline]
fn roll(hash: u64, byte: u8) -> u64 {
    (hash << 1).wrapping_add(TABLE[usize::from(byte)])
}

#[inline]
const fn is_proposed(hash: u64) -> bool {
    hash < LIMIT
}

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

    /// NH of the window, then AES of the sum: its first eight bytes, little endian, must be below the threshold.
    fn takes(&self, window: &[u8; WINDOW]) -> bool {
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
        let mut block = GenericArray::from(u128::from(sum).to_le_bytes());
        self.cipher.encrypt_block(&mut block);
        (u128::from_le_bytes(block.into()) as u64) < self.threshold
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
        let found = match &self.rule {
            Rule::Content { secret, .. } if first <= bytes.len() => {
                search(secret, bytes, first, last.min(bytes.len()))
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
///
/// The work is in the order that keeps a processor busy. A rolling hash waits for itself, so two of them roll, over the
/// halves of a stretch. What they propose is decided afterwards, where no decision waits for the one before.
fn search(secret: &Secret, bytes: &[u8], first: usize, last: usize) -> Option<usize> {
    let (mut early, mut late) = (Proposals::new(), Proposals::new());
    let mut begin = first;
    while begin <= last {
        // Positions from `begin` on in each half.
        let half = HALF.min((last - begin + 1).div_ceil(2));
        let (left, right) = (begin, (begin + half).min(last + 1 - half));
        let mut hashes = (warm(bytes, left), warm(bytes, right));
        let lefts = &bytes[left - 1..left - 1 + half];
        let rights = &bytes[right - 1..right - 1 + half];
        early.count = 0;
        late.count = 0;
        for (n, (a, b)) in (0u16..).zip(lefts.iter().zip(rights)) {
            hashes = (roll(hashes.0, *a), roll(hashes.1, *b));
            if is_proposed(hashes.0) {
                early.push(n);
            }
            if is_proposed(hashes.1) {
                late.push(n);
            }
        }
        for (from, proposals) in [(left, &early), (right, &late)] {
            for n in &proposals.at[..proposals.count] {
                let end = from + usize::from(*n);
                let window = bytes[..end].last_chunk();
                if window.is_some_and(|window| secret.takes(window)) {
                    return Some(end);
                }
            }
        }
        begin = right + half;
    }
    None
}

/// How many positions one hash rolls over before what it proposed is decided.
const HALF: usize = 2048;

/// Positions in half a stretch.
struct Proposals {
    at: [u16; HALF],
    count: usize,
}

impl Proposals {
    fn new() -> Self {
        Self {
            at: [0; HALF],
            count: 0,
        }
    }

    fn push(&mut self, n: u16) {
        self.at[self.count] = n;
        self.count += 1;
    }
}

/// The rolling hash before the last byte of the position `end`.
fn warm(bytes: &[u8], end: usize) -> u64 {
    let before = &bytes[end - WINDOW..end - 1];
    before.iter().fold(0, |hash, byte| roll(hash, *byte))
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
            9322, 10632, 11914, 14212, 18130, 22345, 25358, 29712, 31657, 33490, 39841, 40_000,
        ];
        assert_eq!(found, known);
    }

    proptest! {
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
