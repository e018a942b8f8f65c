//! Properties: any bytes, of any length near the edges of pieces and batches, read in any portions, come back the
//! same; the `age` crate opens what was sealed here and the other way round; nothing changed is ever opened.

mod compression;

use std::io::{Read, Write};

use age::secrecy::ExposeSecret;
use common::Result;
use proptest::prelude::*;

use crate::flow::Bytes;
use crate::header::{self, Header, MAGIC};
use crate::input::Peeked;
use crate::pool::Pool;
use crate::seal::emit;
use crate::secrets;
use crate::stream::{self, PIECE, TAG};

const BATCH: usize = 16 * PIECE;

/// Gives its bytes in portions of these sizes, over and over.
struct Portions {
    bytes: Vec<u8>,
    at: usize,
    sizes: Vec<usize>,
    turn: usize,
}

impl Read for Portions {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()];
        self.turn += 1;
        let count = size.min(buffer.len()).min(self.bytes.len() - self.at);
        buffer[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

fn portions(bytes: &[u8], sizes: &[usize]) -> Portions {
    Portions {
        bytes: bytes.to_vec(),
        at: 0,
        sizes: sizes.to_vec(),
        turn: 0,
    }
}

fn pool() -> Pool {
    Pool::with_threads(3).unwrap()
}

fn collect(bytes: Bytes) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    emit(bytes, &mut all)?;
    Ok(all)
}

fn identity() -> age::x25519::Identity {
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
        .parse()
        .unwrap()
}

fn seal(content: &[u8], sizes: &[usize]) -> Vec<u8> {
    let key = secrets::new_file_key().unwrap();
    let recipient = identity().to_public();
    let header = Header::wrap(&key, [&recipient as _], false).unwrap();
    let nonce = secrets::new_nonce().unwrap();
    let mut input = portions(content, sizes);
    let payload = stream::seal(
        secrets::payload_key(&key, &nonce).unwrap(),
        pool(),
        move |sealing| sealing.write_all_of(&mut input),
    );
    [
        header.bytes,
        nonce.to_vec(),
        collect(payload.unwrap()).unwrap(),
    ]
    .concat()
}

/// What was opened, and what was released before something was found wrong.
fn open(sealed: &[u8], sizes: &[usize]) -> (Vec<u8>, Result<()>) {
    let mut released = Vec::new();
    let outcome = (|| {
        let mut input = Peeked::new(portions(sealed, sizes));
        let key = Header::read(&mut input)?.unlock([&identity() as _])?;
        let nonce = secrets::read_nonce(&mut input)?;
        let opened = stream::open(secrets::payload_key(&key, &nonce)?, pool(), input)?;
        emit(opened, &mut released)
    })();
    (released, outcome)
}

fn seal_with_age(content: &[u8]) -> Vec<u8> {
    let recipient = identity().to_public();
    let mut sealed = Vec::new();
    let mut writer = age::Encryptor::with_recipients([&recipient as _].into_iter())
        .unwrap()
        .wrap_output(&mut sealed)
        .unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap();
    sealed
}

fn open_with_age(sealed: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    age::Decryptor::new(sealed)
        .ok()?
        .decrypt([&identity() as _].into_iter())
        .ok()?
        .read_to_end(&mut content)
        .ok()?;
    Some(content)
}

/// Bytes in which anything lost, doubled or moved shows.
fn sample(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| (n ^ n >> 8 ^ n >> 16).wrapping_mul(31) as u8)
        .collect()
}

/// Lengths near the edges, and others.
fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![
        (0_usize..4, 0_usize..5).prop_map(|(n, off)| (n * PIECE + off).saturating_sub(2)),
        (1_usize..3, 0_usize..5).prop_map(|(n, off)| n * BATCH + off - 2),
        0_usize..3 * PIECE,
    ]
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(
        prop_oneof![Just(1_usize), 1_usize..5000, Just(PIECE), Just(1 << 20)],
        1..4,
    )
    // Single bytes only would take all day.
    .prop_map(|mut sizes| {
        sizes.push(100_000);
        sizes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_sealed_here_opens_here_and_with_age(
        length in lengths(), reads in sizes(), rereads in sizes()
    ) {
        let content = sample(length);
        let sealed = seal(&content, &reads);
        let (opened, outcome) = open(&sealed, &rereads);
        prop_assert!(outcome.is_ok());
        prop_assert!(opened == content);
        prop_assert!(open_with_age(&sealed).unwrap() == content);
    }

    #[test]
    fn what_age_sealed_opens_here(length in lengths(), reads in sizes()) {
        let content = sample(length);
        let (opened, outcome) = open(&seal_with_age(&content), &reads);
        prop_assert!(outcome.is_ok());
        prop_assert!(opened == content);
    }

    #[test]
    fn nothing_changed_is_opened(
        length in lengths(), at in any::<prop::sample::Index>(), bit in 0..8, what in 0..5
    ) {
        let content = sample(length);
        let sealed = seal(&content, &[1 << 20]);
        let start = sealed.len() - payload_length(length);
        let at = at.index(sealed.len());
        let mut changed = sealed.clone();
        match what {
            0 => changed[at] ^= 1_u8 << bit,
            1 => changed.truncate(at),
            2 => changed.extend(&sealed[at..]),
            3 => changed.insert(at, 7),
            _ => {
                // Two pieces change places, or the first is doubled.
                let rest = changed.split_off(start);
                let mut pieces: Vec<&[u8]> = rest.chunks(PIECE + TAG).collect();
                let last = pieces.len() - 1;
                if last > 0 { pieces.swap(0, last) } else { pieces.push(pieces[0]) }
                changed.extend(pieces.concat());
            }
        }
        prop_assume!(changed != sealed);
        let (released, outcome) = open(&changed, &[1 << 20]);
        prop_assert!(outcome.is_err());
        prop_assert!(outcome.unwrap_err().class() == common::Class::Permanent);
        prop_assert!(content.starts_with(&released));
        prop_assert!(released.len() < content.len().max(1) || released.is_empty() || what == 2);
    }

    /// Age reads more generously: it takes stanzas in a form that beta versions wrote.
    #[test]
    fn a_header_that_is_understood_here_is_understood_by_age(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), what in 0..4
    ) {
        let sealed = seal(b"content", &[100]);
        let end = sealed.len() - payload_length(7) - secrets::NONCE;
        let mut changed = sealed[..end].to_vec();
        let at = at.index(end);
        match what {
            0 => changed[at] = byte,
            1 => drop(changed.remove(at)),
            2 => changed.insert(at, byte),
            _ => changed.insert(at, b'\n'),
        }
        if Header::parse(&changed).is_ok() {
            changed.extend(&sealed[end..]);
            prop_assert!(age::Decryptor::new(&changed[..]).is_ok());
        }
    }
}

fn payload_length(content: usize) -> usize {
    content + content.div_ceil(PIECE).max(1) * TAG
}

#[test]
fn a_header_is_read_without_a_byte_too_many() {
    let sealed = seal(b"content", &[100]);
    let mut input = Peeked::new(&sealed[..]);
    let header = Header::read(&mut input).unwrap();
    assert!(header.bytes.starts_with(MAGIC));
    let mut rest = Vec::new();
    input.read_to_end(&mut rest).unwrap();
    assert_eq!([header.bytes, rest].concat(), sealed);
}

#[test]
fn a_header_without_an_end_is_not_read_for_ever() {
    let error = Header::read(&mut Peeked::new(MAGIC.chain(std::io::repeat(b'x'))))
        .map(|_| ())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not read the header of the sealed stream: it has no end"
    );
}

/// A seal that only others could open is not made.
#[test]
fn a_header_that_would_not_be_read_is_not_made() {
    let key = secrets::new_file_key().unwrap();
    let one = crate::pq::Identity::generate().unwrap().to_recipient();
    let all = |count: usize| std::iter::repeat_n(&one as &dyn age::Recipient, count);
    let single = Header::wrap(&key, all(1), false).unwrap().bytes.len();
    let two = Header::wrap(&key, all(2), false).unwrap().bytes.len();
    let most = (header::LONGEST - single) / (two - single) + 1;
    let header = Header::wrap(&key, all(most), false).unwrap();
    let read = Header::read(&mut Peeked::new(&header.bytes[..])).unwrap();
    assert_eq!(read.stanzas.len(), most);
    let error = Header::wrap(&key, all(most + 1), false).map(|_| ());
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("there are too many recipients"),
        "{error}"
    );
}

#[test]
fn recipients_that_disagree_are_mixed_only_on_demand() {
    let key = secrets::new_file_key().unwrap();
    let classical = identity().to_public();
    let quantum = crate::pq::Identity::generate().unwrap();
    let recipient = quantum.to_recipient();
    let both: [&dyn age::Recipient; 2] = [&classical, &recipient];
    assert!(Header::wrap(&key, both, false).is_err());
    let header = Header::wrap(&key, both, true).unwrap();
    for opener in [&identity() as &dyn age::Identity, &quantum] {
        let found = header.unlock([opener]).unwrap();
        assert_eq!(found.expose_secret(), key.expose_secret());
    }
}

/// What the fuzzer starts from is what it should be, and so is the function that it calls.
#[test]
fn vectors_through_the_entry_for_fuzzing() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/seal");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "vector") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let end = bytes.windows(2).position(|two| two == b"\n\n").unwrap();
        let facts = std::str::from_utf8(&bytes[..end]).unwrap();
        let opens = facts.contains("expect: success") && !facts.contains("passphrase: ");
        let outcome = crate::fuzz::opener(bytes[end + 2..].to_vec());
        assert_eq!(outcome.is_ok(), opens, "{}", path.display());
        count += 1;
    }
    assert!(count > 70);
}

proptest! {
    #[test]
    fn any_bytes_are_content_or_an_error(
        mut bytes in prop::collection::vec(any::<u8>(), 0..3000), start in 0_usize..6
    ) {
        let starts: [&[u8]; 6] = [
            b"", MAGIC, b"\x28\xb5\x2f\xfd", b"BZh91AY&SY", b"\x50\x2a\x4d\x18",
            b"-----BEGIN AGE ENCRYPTED FILE-----\n",
        ];
        bytes.splice(..0, starts[start].iter().copied());
        let _ = crate::fuzz::header(&bytes);
        let _ = crate::fuzz::opener(bytes);
    }
}
