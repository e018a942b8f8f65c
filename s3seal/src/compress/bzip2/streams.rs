//! Streams that follow each other, decompressed side by side.
//!
//! A stream doesn't say how long it is, so its end is guessed: where bytes look like the beginning of another one, the
//! input is cut. Each piece is worked on as if a stream began with it. Who joins them knows: where a stream is open
//! when a piece begins, the guess was wrong, what came of it is thrown away, and the piece goes into that stream as
//! what it is. So the outcome is the same as from beginning to end, whatever the bytes are; a guess only saves time.

use bzip2::{Decompress, Status};
use common::{Error, Result};

use super::super::cut_off;
use crate::flow::{Bytes, Inlet, Outlet, stage};
use crate::pool::{Chunk, Pool, Shelf};

/// A stream begins with this, a digit, and the mark of its first block. One without any block goes with its neighbour.
const START: &[u8] = b"BZh";
const BLOCK: &[u8] = b"1AY&SY";
const MARK: usize = START.len() + 1 + BLOCK.len();
/// Pieces are no longer. One that is cut here for its size has no stream of its own.
const LONGEST: usize = 2 << 20;
/// What comes of a piece in advance is no longer: a few bytes can stand for very many.
const AHEAD: usize = 4 << 20;
/// What is decompressed at once otherwise.
const STEP: usize = 256 << 10;

/// A part of the input, and what came of it as if a stream began with it.
struct Piece {
    input: Vec<u8>,
    /// How much of the input is used up.
    taken: usize,
    output: Chunk,
    /// The stream that isn't at its end.
    open: Option<Decompress>,
    failure: Option<Error>,
}

/// Decompresses streams that follow each other.
///
/// # Errors
/// If no thread can be started. What is wrong with them comes out of the stream.
pub fn decompress(bytes: Bytes, pool: Pool) -> Result<Bytes> {
    decompress_cut(bytes, pool, find)
}

/// The same, cut where `find` says.
fn decompress_cut(mut bytes: Bytes, pool: Pool, find: Guess) -> Result<Bytes> {
    let mut pieces = stage(pool.threads(), move |out| {
        split(&mut bytes, &pool, find, out)
    })?;
    stage(4, move |out| join(&mut pieces, out))
}

/// Where in some bytes a stream may begin.
type Guess = fn(&[u8]) -> Option<usize>;

fn split(bytes: &mut Bytes, pool: &Pool, find: Guess, out: &Outlet<Piece>) -> Result<()> {
    let outputs = Shelf::default();
    let guess = |input| {
        let outputs = outputs.clone();
        out.send(pool.run(move || Ok(Piece::guessed(input, outputs.room(AHEAD)))))
    };
    let mut held = Vec::new();
    // What of it is cut at its beginning, or nowhere.
    let mut searched = 1;
    while let Some(chunk) = bytes.next()? {
        held.extend_from_slice(&chunk);
        while let Some(at) = held.get(searched..).and_then(find) {
            let rest = held.split_off(searched + at);
            guess(std::mem::replace(&mut held, rest))?;
            searched = 1;
        }
        searched = (held.len() + 1).saturating_sub(MARK).max(1);
        if held.len() > LONGEST {
            let rest = held.split_off(searched);
            out.give(Piece::plain(std::mem::replace(&mut held, rest)))?;
            searched = 1;
        }
    }
    guess(held)
}

/// Where a stream seems to begin.
fn find(bytes: &[u8]) -> Option<usize> {
    bytes.windows(MARK).position(|window| {
        window.starts_with(START) && window.ends_with(BLOCK) && window[START.len()].is_ascii_digit()
    })
}

impl Piece {
    fn plain(input: Vec<u8>) -> Self {
        Self {
            input,
            taken: 0,
            output: Chunk::default(),
            open: None,
            failure: None,
        }
    }

    fn guessed(input: Vec<u8>, output: Chunk) -> Self {
        let mut piece = Self::plain(input);
        piece.output = output;
        match advance(&mut piece.open, &piece.input, &mut piece.output) {
            Ok(taken) => piece.taken = taken,
            Err(why) => piece.failure = Some(why),
        }
        piece
    }
}

fn join(pieces: &mut Inlet<Piece>, out: &Outlet<Chunk>) -> Result<()> {
    let outputs = Shelf::default();
    // None between two streams.
    let mut stream = None;
    while let Some(piece) = pieces.next()? {
        let mut at = 0;
        if stream.is_none() {
            if let Some(why) = piece.failure {
                return Err(why);
            }
            (stream, at) = (piece.open, piece.taken);
            out.give(piece.output)?;
        }
        while at < piece.input.len() {
            let mut output = outputs.room(STEP);
            at += advance(&mut stream, &piece.input[at..], &mut output)?;
            out.give(output)?;
        }
    }
    drain(&mut stream, &outputs, |output| out.give(output))
}

/// Decompresses streams that are in memory, and gives `sink` what they hold.
///
/// # Errors
/// If they are damaged; those of `sink`.
pub fn pour(mut packed: &[u8], sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let outputs = Shelf::default();
    let mut stream = None;
    while !packed.is_empty() {
        let mut output = outputs.room(STEP);
        let taken = advance(&mut stream, packed, &mut output)?;
        packed = &packed[taken..];
        sink(&output)?;
    }
    drain(&mut stream, &outputs, |output| sink(&output))
}

/// Makes what the last bytes stand for and had no room for.
fn drain(
    stream: &mut Option<Decompress>,
    outputs: &Shelf<Vec<u8>>,
    mut sink: impl FnMut(Chunk) -> Result<()>,
) -> Result<()> {
    while let Some(decompress) = stream {
        let mut output = outputs.room(STEP);
        let status = decompress
            .decompress_vec(&[], &mut output)
            .map_err(|_| cut_off())?;
        if status == Status::StreamEnd {
            *stream = None;
        } else if output.is_empty() {
            return Err(cut_off());
        }
        sink(output)?;
    }
    Ok(())
}

/// Decompresses until the input is used up or the output is full. How much of the input that took.
///
/// # Errors
/// If it is damaged, or isn't what was compressed.
fn advance(stream: &mut Option<Decompress>, input: &[u8], output: &mut Chunk) -> Result<usize> {
    let mut taken = 0;
    while taken < input.len() && output.len() < output.capacity() {
        let decompress = stream.get_or_insert_with(|| Decompress::new(false));
        let before = (decompress.total_in(), output.len());
        let status = decompress
            .decompress_vec(&input[taken..], output)
            .map_err(|_| Error::permanent("decompress the stream", "it is damaged"))?;
        let count = decompress.total_in() - before.0;
        taken += usize::try_from(count).unwrap_or(input.len());
        if status == Status::StreamEnd {
            *stream = None;
        } else if count == 0 && output.len() == before.1 {
            return Err(Error::permanent(
                "decompress the stream",
                "it makes no sense",
            ));
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::super::compress;
    use super::*;
    use crate::seal::{chunks, emit};

    fn pool() -> Pool {
        Pool::with_threads(3).unwrap()
    }

    fn opened(packed: &[u8], find: Guess) -> Result<Vec<u8>> {
        let bytes = chunks(std::io::Cursor::new(packed.to_vec())).unwrap();
        let mut content = Vec::new();
        emit(decompress_cut(bytes, pool(), find).unwrap(), &mut content)?;
        Ok(content)
    }

    fn packed(content: &[u8]) -> Vec<u8> {
        let input = std::io::Cursor::new(content.to_vec());
        let mut packed = Vec::new();
        emit(compress(input, 1, pool()).unwrap(), &mut packed).unwrap();
        packed
    }

    /// Where streams begin, nowhere, and where nothing begins.
    const GUESSES: [Guess; 4] = [
        find,
        |_| None,
        |bytes| bytes.iter().position(|byte| *byte == b'Z'),
        |bytes| (bytes.len() > 20_000).then_some(20_000),
    ];

    #[test]
    fn guesses_change_nothing() {
        // Longer than what is made in advance, and from few bytes.
        let zeros = packed(&vec![0; AHEAD + 2_000_000]);
        let text: Vec<u8> = (0..150_000_u32)
            .flat_map(|n| n.wrapping_mul(n).to_be_bytes())
            .collect();
        let noise: Vec<u8> = (0..LONGEST as u64 * 2)
            .map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8 ^ (n >> 9) as u8)
            .collect();
        let streams = [
            packed(b""),
            packed(&text),
            [packed(b"one"), packed(b""), packed(b""), packed(b"two")].concat(),
            [&zeros[..], &packed(&text), &zeros].concat(),
            packed(&noise),
        ];
        for stream in &streams {
            let whole = opened(stream, GUESSES[1]).unwrap();
            for guess in GUESSES {
                assert!(opened(stream, guess).unwrap() == whole);
                for cut in [5, stream.len() / 3] {
                    let at = stream.len() - cut;
                    let plain = opened(&stream[..at], GUESSES[1]).ok();
                    assert!(opened(&stream[..at], guess).ok() == plain, "{cut}");
                }
                let more = [&stream[..], b"more"].concat();
                assert!(opened(&more, guess).is_err());
            }
        }
        assert!(opened(&streams[1], GUESSES[0]).unwrap() == text);
        assert!(opened(&streams[4], GUESSES[0]).unwrap() == noise);
    }

    #[test]
    fn streams_are_found_where_they_begin() {
        assert_eq!(find(b"..BZh91AY&SY.."), Some(2));
        assert_eq!(find(b"..BZh91AY&S"), None);
        assert_eq!(find(b"..BZhx1AY&SY"), None);
        let (one, two) = (packed(b"one"), packed(b"two"));
        assert_eq!(find(&[&one[1..], &two].concat()), Some(one.len() - 1));
    }
}
