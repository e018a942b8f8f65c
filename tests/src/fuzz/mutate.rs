//! Mutations of examples: the same ones for the same seed.

/// A generator of numbers (xorshift64*).
pub struct Dice(u64);

impl Dice {
    /// The same seed throws the same numbers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit.max(1)
    }
}

/// What bytes are often wrong by.
const BYTES: [u8; 12] = [
    0, 1, 0x7f, 0x80, 0xff, b'\n', b' ', b'<', b'"', b'0', b'9', b':',
];

/// One of the examples, changed in one to six ways.
#[must_use]
pub fn mutated(dice: &mut Dice, examples: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut bytes = examples[dice.below(examples.len())].clone();
    for _ in 0..=dice.below(6) {
        let at = dice.below(bytes.len() + 1);
        let span = dice.below((bytes.len() - at).min(64) + 1);
        match dice.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 if at < bytes.len() => bytes[at] = BYTES[dice.below(BYTES.len())],
            2 => bytes.truncate(at),
            3 => {
                bytes.drain(at..at + span);
            }
            4 => {
                let again = bytes[at..at + span].to_vec();
                bytes.splice(at..at, again);
            }
            5 => {
                // The beginning of this one and the end of another.
                let other = &examples[dice.below(examples.len())];
                let from = dice.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            6 if !words.is_empty() => {
                let word = words[dice.below(words.len())];
                bytes.splice(at..at + span.min(dice.below(16)), word.bytes());
            }
            _ => bytes.insert(at, dice.next().to_le_bytes()[3]),
        }
    }
    bytes.truncate(1 << 16);
    bytes
}
