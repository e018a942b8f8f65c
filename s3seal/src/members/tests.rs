//! Any stream comes back as it was; each member is a whole age file; whatever is wrong with one of them is refused.

use std::io::{Cursor, Read};
use std::path::Path;

use common::args::Voice;
use common::chunks::{
    Compression, Form, Head, Id, LONGEST, Member, Name, Opened, Reader, Suffix, Writer, open,
};
use common::run::Streams;
use common::{Class, Result};
use proptest::prelude::*;

use super::{HowOpened, HowSealed, Keys, Lock};
use crate::compress::whole::SMALL;
use crate::fuzz::IDENTITIES;
use crate::header::Header;
use crate::input::Peeked;
use crate::keys::{Identities, Recipients};
use crate::passphrase::Asker;
use crate::pool::Pool;

type Content = (Name, Suffix, Vec<u8>);

fn pool() -> Pool {
    Pool::with_threads(3).unwrap()
}

fn asker() -> Asker {
    Asker::new(None, voice()).unwrap()
}

fn voice() -> common::run::Speaker {
    Streams::standard("s3seal", Voice::default()).voice()
}

fn identities(text: &str) -> Identities {
    let mut identities = Identities::new(asker(), voice());
    if !text.is_empty() {
        identities.add_lines(Path::new("keys"), text).unwrap();
    }
    identities
}

/// The identity for which the tests seal.
fn own() -> &'static str {
    IDENTITIES
        .lines()
        .find(|line| line.starts_with("AGE-SECRET-KEY-1"))
        .unwrap()
}

fn recipients(identity: &str) -> Recipients {
    let identity: age::x25519::Identity = identity.parse().unwrap();
    let mut recipients = Recipients::new(asker(), voice());
    recipients.add(&identity.to_public().to_string()).unwrap();
    recipients
}

fn lock() -> Lock {
    Lock::new(&mut recipients(own()), false).unwrap()
}

fn stream(form: Form, members: &[Content]) -> Vec<u8> {
    let head = Head {
        id: Id([3; 16]),
        form,
    };
    let mut writer = Writer::new(Vec::new(), &head).unwrap();
    for (name, suffix, content) in members {
        writer.member(*name, *suffix, content).unwrap();
    }
    writer.finish().unwrap()
}

fn reader(bytes: &[u8]) -> Result<Reader<Cursor<Vec<u8>>>> {
    match open(Cursor::new(bytes.to_vec()))? {
        Opened::Chunks(reader) => Ok(reader),
        Opened::Other(_) => Err(common::Error::permanent("read", "no chunk stream")),
    }
}

fn members(bytes: &[u8]) -> Vec<Content> {
    let mut reader = reader(bytes).unwrap();
    let mut members = Vec::new();
    while let Some(Member { name, suffix, size }) = reader.next().unwrap() {
        members.push((name, suffix, reader.content(size).unwrap()));
    }
    members
}

fn seal_as(bytes: &[u8], method: &str, pad: bool, lock: Option<Lock>) -> Result<Vec<u8>> {
    let how = HowSealed {
        method: method.parse().unwrap(),
        pad,
        lock,
    };
    let mut sealed = Vec::new();
    super::seal(reader(bytes)?, how, &pool(), &mut sealed)?;
    Ok(sealed)
}

fn seal(bytes: &[u8]) -> Vec<u8> {
    seal_as(bytes, "zstd", false, Some(lock())).unwrap()
}

fn open_by(bytes: &[u8], keys: &str, how: HowOpened<'_>) -> Result<Vec<u8>> {
    let keys = || Keys::new(identities(keys));
    let mut opened = Vec::new();
    let outcome = super::open(reader(bytes)?, keys(), how, pool(), Some(&mut opened));
    // What only checks finds the same.
    let checked = super::open(reader(bytes)?, keys(), how, pool(), None::<&mut Vec<u8>>);
    assert_eq!(outcome.is_ok(), checked.is_ok());
    outcome.map(|()| opened)
}

fn unseal(bytes: &[u8]) -> Result<Vec<u8>> {
    open_by(bytes, own(), HowOpened::default())
}

fn chunk(number: u64) -> Name {
    Name::Chunk { object: 0, number }
}

/// Bytes of which half shrink.
fn sample(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    (0..length)
        .map(|n| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            if n >> 12 & 1 == 0 {
                (state >> 56) as u8
            } else {
                n as u8
            }
        })
        .collect()
}

/// A stream of form `new`; what `s3put` adds to it if it was `stored`.
fn contents(lengths: &[usize], stored: bool) -> Vec<Content> {
    let plain = |name, content| (name, Suffix::PLAIN, content);
    let chunks = (0..)
        .zip(lengths)
        .map(|(number, length)| plain(chunk(number), sample(number, *length)));
    let tail = [
        plain(Name::Index, b"the index\n".repeat(lengths.len() + 1)),
        plain(Name::Files, b"the files".to_vec()),
        plain(Name::Refs, b"the refs".to_vec()),
    ];
    let more = [
        plain(Name::Toc, b"toc".to_vec()),
        plain(Name::End, vec![b'\n'; 512]),
    ];
    chunks
        .chain(tail)
        .chain(more.into_iter().filter(|_| stored))
        .collect()
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![
        1_usize..5,
        1_usize..70_000,
        Just(64 << 10),
        300_000_usize..2_000_000,
    ];
    prop::collection::vec(length, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_stream_comes_back(
        lengths in lengths(), stored in any::<bool>(), method in 0_usize..5, padded in any::<bool>(), plain in any::<bool>()
    ) {
        let methods: [&str; 5] = ["zstd", "zstd:19", "bzip2:1", "none", "cmd:gzip -1"];
        let method = methods[method];
        let before = stream(Form::New, &contents(&lengths, stored));
        let wanted = stream(Form::New, &contents(&lengths, false));
        let pad = padded && method.starts_with("zstd");
        let sealed = seal_as(&before, method, pad, (!plain).then(lock)).unwrap();
        let how = HowOpened { plain, decompress: None };
        let keys = if plain { "" } else { own() };
        prop_assert!(open_by(&sealed, keys, how).unwrap() == wanted);
        for (name, suffix, content) in members(&sealed) {
            prop_assert_eq!(suffix.age, name.is_sealed() && !plain);
            prop_assert!(!suffix.age || content.starts_with(b"age-encryption.org/v1\n"));
        }
    }

    #[test]
    fn what_is_done_to_a_member_is_seen(
        lengths in prop::collection::vec(1_usize..100_000, 1..4),
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0..8, what in 0..4
    ) {
        let mut all = members(&seal(&stream(Form::New, &contents(&lengths, false))));
        // All but the last, which is not sealed.
        let which = which.index(all.len() - 1);
        let (_, _, content) = &mut all[which];
        let at = at.index(content.len());
        match what {
            0 => content[at] ^= 1_u8 << bit,
            1 => content.truncate(at),
            2 => content.push(7),
            _ => drop(content.remove(at)),
        }
        let error = unseal(&stream(Form::New, &all)).unwrap_err();
        prop_assert_eq!(error.class(), Class::Permanent);
    }

    #[test]
    fn what_is_done_to_the_stream_is_seen(
        lengths in prop::collection::vec(1_usize..3000, 1..4), at in any::<prop::sample::Index>(), bit in 0..8
    ) {
        let sealed = seal(&stream(Form::New, &contents(&lengths, false)));
        let at = at.index(sealed.len());
        prop_assert!(unseal(&sealed[..at]).is_err());
        let mut changed = sealed.clone();
        changed[at] ^= 1_u8 << bit;
        if let Ok(opened) = unseal(&changed) {
            // Only where nothing is sealed: in the head, which is another one then, and in refs.
            let same = contents(&lengths, false);
            let found = members(&opened);
            prop_assert!(same.iter().zip(&found).all(|(a, b)| a == b || a.0 == Name::Refs));
            prop_assert!(at < 1024 || at > sealed.len() - 2048);
        }
    }
}

/// One header, another nonce each, and age opens each of them.
#[test]
fn a_member_is_a_whole_age_file() {
    let before = contents(&[10, 200_000, 70_000], false);
    let sealed = members(&seal(&stream(Form::New, &before)));
    let (_, _, first) = &sealed[0];
    let length = Header::read(&mut Peeked::new(&first[..]))
        .unwrap()
        .bytes
        .len();
    let identity: age::x25519::Identity = own().parse().unwrap();
    let mut nonces = std::collections::HashSet::new();
    for ((name, suffix, content), (.., plain)) in sealed.iter().zip(&before) {
        if !suffix.age {
            assert_eq!(*name, Name::Refs);
            continue;
        }
        assert_eq!(suffix.to_string(), ".zst.age");
        assert_eq!(content[..length], first[..length]);
        assert!(nonces.insert(content[length..length + 16].to_vec()));
        let decryptor = age::Decryptor::new(&content[..]).unwrap();
        let mut packed = Vec::new();
        decryptor
            .decrypt([&identity as _].into_iter())
            .unwrap()
            .read_to_end(&mut packed)
            .unwrap();
        assert!(zstd::decode_all(&packed[..]).unwrap() == *plain);
    }
    assert_eq!(nonces.len(), 5);
}

/// Members that are longer than one thread works on, and lengths around that.
#[test]
fn long_members_come_back() {
    for method in ["zstd", "bzip2", "none", "cmd:zstd -q -1"] {
        let lengths = [SMALL, SMALL + 1, 100, 2 * SMALL + 5];
        let before = stream(Form::New, &contents(&lengths, false));
        for lock in [Some(lock()), None] {
            let keys = if lock.is_some() { own() } else { "" };
            let sealed = seal_as(&before, method, method == "zstd", lock).unwrap();
            let how = HowOpened {
                plain: keys.is_empty(),
                decompress: None,
            };
            assert!(open_by(&sealed, keys, how).unwrap() == before, "{method}");
            for cut in [5000, SMALL, sealed.len() - 3000] {
                assert!(open_by(&sealed[..sealed.len() - cut], keys, how).is_err());
            }
            let mut changed = sealed.clone();
            // In the last chunk, which is long.
            let at = sealed.len() - 8192;
            changed[at] ^= 1;
            assert!(!keys.is_empty() && open_by(&changed, keys, how).is_err() || keys.is_empty());
        }
    }
}

#[test]
fn dumps_with_different_headers_open_together() {
    let parts: Vec<Vec<Content>> = (0..3)
        .map(|_| members(&seal(&stream(Form::New, &contents(&[500, 900], false)))))
        .collect();
    let mut whole = vec![parts[0][2].clone()];
    for turn in 0..6 {
        let (_, suffix, content) = parts[turn % 3][turn % 2].clone();
        let object = u32::try_from(turn % 3).unwrap();
        whole.push((
            Name::Chunk {
                object,
                number: turn as u64 % 2,
            },
            suffix,
            content,
        ));
    }
    for form in [Form::Whole, Form::Part] {
        let all = if form == Form::Part {
            &whole[1..]
        } else {
            &whole[..]
        };
        let opened = members(&unseal(&stream(form, all)).unwrap());
        assert_eq!(opened.len(), all.len());
        let last = &opened[all.len() - 1];
        assert!(last.2 == sample(1, 900) && last.0.to_string() == "2/0000000001");
    }
    let mut tail = parts[0][2..].to_vec();
    tail.push((Name::Toc, Suffix::PLAIN, b"toc".to_vec()));
    tail.push((Name::End, Suffix::PLAIN, vec![b'\n'; 512]));
    let opened = members(&unseal(&stream(Form::Tail, &tail)).unwrap());
    assert_eq!(opened.len(), 3);
    assert_eq!(opened[1].2, b"the files");
}

fn refused(bytes: &[u8], keys: &str, how: HowOpened<'_>) -> String {
    let error = open_by(bytes, keys, how).unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    error.to_string()
}

#[test]
fn names_are_held_to() {
    let before = stream(Form::New, &contents(&[100], false));
    let sealed = members(&seal(&before));
    let named = |suffix: Suffix, content: &[u8]| {
        let mut all = sealed.clone();
        (all[0].1, all[0].2) = (suffix, content.to_vec());
        stream(Form::New, &all)
    };
    let as_it_is = HowOpened::default();
    let is = |compression, age| Suffix { compression, age };
    for compression in [
        Compression::Bz2,
        Compression::Gz,
        Compression::Xz,
        Compression::Lzo,
    ] {
        let error = refused(&named(is(compression, true), &sealed[0].2), own(), as_it_is);
        assert!(error.starts_with("could not open c/0000000000"), "{error}");
        assert!(
            error.ends_with("compressed in another way than it is"),
            "{error}"
        );
    }
    // Without the word that it is sealed nobody takes it for what was sealed.
    let error = refused(
        &named(is(Compression::Zst, false), &sealed[0].2),
        own(),
        as_it_is,
    );
    assert!(
        error.ends_with("it is not sealed, though keys were given"),
        "{error}"
    );
    let error = refused(
        &named(is(Compression::None, true), b"not sealed"),
        own(),
        as_it_is,
    );
    assert!(
        error.ends_with("its name says that it is sealed, and it is not"),
        "{error}"
    );
    let error = refused(&before, "", as_it_is);
    assert!(
        error.ends_with("it is neither sealed nor compressed"),
        "{error}"
    );
    let error = refused(&seal(&before), "", as_it_is);
    assert!(error.ends_with("no key was given"), "{error}");
    let other = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    let error = refused(&seal(&before), other, as_it_is);
    assert_eq!(
        error,
        "could not open c/0000000000.zst.age: it is not for any of these keys"
    );
}

/// What has no name of a compression stays as it is, whatever it looks like.
#[test]
fn content_that_looks_compressed_stays() {
    let content = zstd::encode_all(&b"text"[..], 3).unwrap();
    let all = [
        (chunk(0), Suffix::PLAIN, content),
        (Name::Index, Suffix::PLAIN, vec![]),
        (Name::Refs, Suffix::PLAIN, vec![]),
    ];
    let before = stream(Form::New, &all);
    let sealed = seal_as(&before, "none", false, Some(lock())).unwrap();
    assert!(unseal(&sealed).unwrap() == before);
}

#[test]
fn what_was_compressed_before_is_only_sealed() {
    let before = stream(Form::New, &contents(&[100, 50_000], false));
    let packed = seal_as(&before, "bzip2", false, None).unwrap();
    let sealed = seal_as(&packed, "zstd", false, Some(lock())).unwrap();
    assert_eq!(members(&sealed)[1].1.to_string(), ".bz2.age");
    assert!(unseal(&sealed).unwrap() == before);
    // Only the seal comes off.
    let how = HowOpened {
        decompress: Some("none"),
        plain: false,
    };
    assert!(open_by(&sealed, own(), how).unwrap() == packed);
    let how = HowOpened {
        decompress: Some("bzip2 -d"),
        plain: false,
    };
    assert!(open_by(&sealed, own(), how).unwrap() == before);
    let error = seal_as(&packed, "zstd", true, Some(lock())).unwrap_err();
    assert!(error.to_string().starts_with("could not pad the chunks"));
}

#[test]
fn what_is_not_sealed() {
    let before = stream(Form::New, &contents(&[100], false));
    let error = seal_as(&seal(&before), "zstd", false, Some(lock())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not seal c/0000000000.zst.age: it is sealed already"
    );
    let error = seal_as(&before, "cmd:cat", false, Some(lock())).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("could not compress the chunks by 'cat'"),
        "{error}"
    );
    let error = seal_as(&before, "cmd:gzip; exit 3", false, None).unwrap_err();
    assert!(
        error.to_string().ends_with("it ended with status 3"),
        "{error}"
    );
    let pieces = stream(
        Form::Pieces,
        &[(Name::Piece(1), Suffix::PLAIN, b"piece".to_vec())],
    );
    assert!(seal_as(&pieces, "zstd", false, Some(lock())).is_err());
    assert!(unseal(&pieces).is_err());
    assert!(seal_as(&before[..before.len() - 1], "zstd", false, None).is_err());
}

/// Few bytes can stand for very many.
#[test]
fn a_chunk_that_grows_too_long_is_refused() {
    let length = LONGEST + 1;
    let whole = zstd::encode_all(std::io::repeat(0).take(length), 1).unwrap();
    let mut sized = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    sized.set_pledged_src_size(Some(length)).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(length), &mut sized).unwrap();
    let most = zstd::encode_all(std::io::repeat(0).take(LONGEST), 1).unwrap();
    for (content, fits) in [
        (whole, false),
        (sized.finish().unwrap(), false),
        (most, true),
    ] {
        let suffix = Suffix {
            compression: Compression::Zst,
            age: false,
        };
        let bytes = stream(Form::Part, &[(chunk(0), suffix, content)]);
        let outcome = open_by(&bytes, "", HowOpened::default());
        assert_eq!(outcome.is_ok(), fits);
        assert!(
            fits || outcome
                .unwrap_err()
                .to_string()
                .ends_with("longer than such a member may be")
        );
    }
}

#[test]
fn new_recipients_for_every_member() {
    let before = stream(Form::New, &contents(&[100, SMALL + 10], true));
    let sealed = seal(&before);
    let other = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    let mut both = recipients(other);
    let own_too: age::x25519::Identity = own().parse().unwrap();
    both.add(&own_too.to_public().to_string()).unwrap();
    let mut rewrapped = Vec::new();
    let keys = || Keys::new(identities(own()));
    super::rewrap(
        reader(&sealed).unwrap(),
        keys(),
        both,
        false,
        &mut rewrapped,
    )
    .unwrap();
    assert!(unseal(&rewrapped).unwrap() == unseal(&sealed).unwrap());
    let opened = open_by(&rewrapped, other, HowOpened::default()).unwrap();
    assert!(opened == unseal(&sealed).unwrap());
    // All behind the headers is what it was.
    for ((.., old), (.., new)) in members(&sealed).iter().zip(members(&rewrapped)) {
        let end = old.len().min(50);
        assert!(old[old.len() - end..] == new[new.len() - end..]);
    }
    for bytes in [&before[..], &sealed[..sealed.len() - 1]] {
        let outcome = super::rewrap(
            reader(bytes).unwrap(),
            keys(),
            recipients(other),
            false,
            &mut Vec::new(),
        );
        assert_eq!(outcome.unwrap_err().class(), Class::Permanent);
    }
}

/// Whoever has to ask for a passphrase asks once for each header, however many members have it.
#[test]
fn a_header_is_opened_once() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Counted(age::x25519::Identity, Arc<AtomicUsize>);
    impl age::Identity for Counted {
        fn unwrap_stanza(
            &self,
            stanza: &age_core::format::Stanza,
        ) -> Option<Result<age_core::format::FileKey, age::DecryptError>> {
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.unwrap_stanza(stanza)
        }
    }

    let part = |seed: usize| members(&seal(&stream(Form::New, &contents(&[seed; 9], false))));
    let (one, two) = (part(5), part(6));
    let mixed: Vec<Content> = (0..18)
        .map(|n| {
            if n % 2 == 0 {
                one[n / 2].clone()
            } else {
                two[n / 2].clone()
            }
        })
        .collect();
    let count = Arc::new(AtomicUsize::new(0));
    let mut identities = identities("");
    identities.add(Box::new(Counted(
        own().parse().unwrap(),
        Arc::clone(&count),
    )));
    let bytes = stream(Form::Part, &mixed);
    super::open(
        reader(&bytes).unwrap(),
        Keys::new(identities),
        HowOpened::default(),
        pool(),
        None::<&mut Vec<u8>>,
    )
    .unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 2);
}
