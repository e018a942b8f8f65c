//! Streams of a few small chunks, whole and damaged, read in pieces of any size.

use common::chunks::{
    BLOCK, Bond, Compression, End, HEAD, Member, Name, Object, Place, Refs, Runs, Suffix, Toc,
    Writer,
};

use super::*;

const ID: Id = Id([7; 16]);
const SEALED: Suffix = Suffix {
    compression: Compression::Zst,
    age: true,
};

/// Hands out at most `step` bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = buffer.len().min(self.1);
        self.0.read(&mut buffer[..end])
    }
}

fn refs(bond: Option<Bond>) -> Refs {
    let mut runs = Runs::default();
    for number in [0, 1, 2, 2, 0] {
        runs.push(Place { object: 0, number });
    }
    if bond.is_some() {
        runs.push(Place {
            object: 1,
            number: 9,
        });
    }
    Refs {
        id: ID,
        grace: 86_400,
        bond,
        brought: None,
        runs: runs.finish(),
    }
}

fn bond() -> Bond {
    Bond {
        place: "s3://b".to_owned(),
        until: 1_795_000_000,
        objects: vec![Object {
            id: Id([9; 16]),
            key: "h:f:0:2026-11-01".to_owned(),
        }],
    }
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Vec<u8> {
    let mut text = Vec::new();
    write(&mut text).unwrap();
    text
}

/// A stream of chunks of these sizes, as s3chunk and s3seal make it.
fn stream(sizes: &[usize], refs: &Refs, files: bool) -> Vec<u8> {
    let head = Head {
        id: ID,
        form: Form::New,
    };
    let mut to = Writer::new(Vec::new(), &head).unwrap();
    for (number, size) in (0..).zip(sizes) {
        let name = Name::Chunk { object: 0, number };
        to.member(name, SEALED, &vec![b'x'; *size]).unwrap();
    }
    to.member(Name::Index, SEALED, b"the index").unwrap();
    if files {
        to.member(Name::Files, Suffix::PLAIN, b"the files").unwrap();
    }
    let content = text(|to| refs.write(to));
    to.member(Name::Refs, Suffix::PLAIN, &content).unwrap();
    to.finish().unwrap()
}

fn read(input: &[u8], step: usize, keeps: bool) -> (Vec<u8>, Chunks) {
    let chunks = Chunks::new(Arc::default(), Pieces::default(), Unfit::default(), keeps);
    let mut out = Vec::new();
    let mut from = chunks.completed(Trickle(input, step));
    let mut buffer = vec![0; step.max(1)];
    loop {
        match from.read(&mut buffer).unwrap() {
            0 => break,
            count => out.extend_from_slice(&buffer[..count]),
        }
    }
    assert_eq!(from.read(&mut buffer).unwrap(), 0, "an end stays one");
    (out, chunks)
}

/// What is stored of `input`, and what it was.
fn stored(input: &[u8], step: usize) -> (Vec<u8>, Option<ChunkStream>) {
    let (out, chunks) = read(input, step, false);
    chunks.stopped("k").unwrap();
    let stream = chunks.whole("k").unwrap().chunks;
    assert_eq!(chunks.id.get(), stream.as_ref().map(|_| &ID));
    (out, stream)
}

fn refusal(chunks: &Chunks) -> Error {
    match chunks.whole("k") {
        Ok(_) => panic!("it is approved"),
        Err(error) => error,
    }
}

fn complaint(input: &[u8]) -> String {
    let (_, chunks) = read(input, 1000, false);
    let error = refusal(&chunks).to_string();
    error
        .strip_prefix("could not store k: ")
        .unwrap_or(&error)
        .to_owned()
}

#[test]
fn it_gets_a_toc_and_an_end_that_are_right() {
    for (files, bond) in [(false, None), (true, Some(bond()))] {
        let input = stream(&[5, 512, 700], &refs(bond.clone()), files);
        let (out, known) = stored(&input, 100_000);
        let known = known.unwrap();
        assert_eq!((known.id, known.new, &known.bond), (ID, 3, &bond));
        assert_eq!(known.total, 5 + u64::from(bond.is_some()));
        // It is the input up to its closing zeros, and then what is new.
        let kept = input.len() - 2 * BLOCK;
        assert_eq!(out[..kept], input[..kept]);
        assert_eq!(out.len() % BLOCK, 0);
        let at = |span: common::chunks::Span| {
            let start = usize::try_from(span.offset).unwrap();
            &out[start..start + usize::try_from(span.size).unwrap()]
        };
        let end = out.len() - usize::try_from(End::FROM_END).unwrap();
        let end = End::parse(&out[end + BLOCK..end + 2 * BLOCK]).unwrap();
        assert_eq!((end.id, end.chunks), (ID, 3));
        assert_eq!(at(end.index), b"the index");
        assert_eq!(at(end.files), if files { b"the files" } else { &b""[..] });
        assert_eq!(Refs::read(at(end.refs)).unwrap(), refs(bond));
        let toc = Toc::read(at(end.toc)).unwrap();
        assert_eq!(toc.sizes, [5, 512, 700]);
        for (number, (offset, size)) in (0..).zip(toc.offsets().zip(&toc.sizes)) {
            let start = usize::try_from(offset).unwrap();
            let header: [u8; BLOCK] = out[start..start + BLOCK].try_into().unwrap();
            let member = Member::parse(&header).unwrap().unwrap();
            assert_eq!(
                (member.name, member.size),
                (Name::Chunk { object: 0, number }, *size)
            );
        }
    }
}

#[test]
fn how_it_is_read_makes_no_difference() {
    let input = stream(&[5, 512, 700], &refs(Some(bond())), true);
    let whole = stored(&input, 100_000);
    for step in [1, 7, 511, 512, 513, 1023, 1024, 1025, 4096] {
        assert!(stored(&input, step) == whole, "{step}");
    }
}

#[test]
fn what_is_complete_stays_as_it_is() {
    for sizes in [&[][..], &[5, 512, 700]] {
        let mut refs = refs(None);
        if sizes.is_empty() {
            refs.runs.clear();
        }
        let (out, known) = stored(&stream(sizes, &refs, false), 1000);
        assert!(stored(&out, 1000) == (out.clone(), known));
    }
}

#[test]
fn what_is_no_chunk_stream_passes_as_it_is() {
    let begun = stream(&[5], &refs(None), false);
    let mut other = begun.clone();
    other[0] = b'S';
    for input in [&b""[..], b"x", &[0; 5000], &begun[..HEAD - 1], &other] {
        for step in [1, 1000] {
            assert!(stored(input, step) == (input.to_vec(), None));
        }
    }
}

#[test]
fn what_ends_early_is_refused_wherever_that_is() {
    let plain = stream(&[5, 512, 700], &refs(None), true);
    let (complete, _) = stored(&plain, 1000);
    for input in [plain, complete] {
        for end in HEAD..input.len() {
            let (_, chunks) = read(&input[..end], 1 << 16, false);
            // Whoever wrote it is to be asked first.
            chunks.stopped("k").unwrap();
            let error = refusal(&chunks);
            let text = "could not store k: it breaks off before its end";
            assert_eq!(
                (error.to_string(), error.class()),
                (text.to_owned(), Class::Permanent),
                "{end}"
            );
        }
    }
}

#[test]
fn one_wrong_byte_outside_of_contents_is_refused() {
    let (input, _) = stored(&stream(&[5, 700], &refs_of(2), false), 1000);
    let mut at = HEAD;
    let mut frame = Vec::new();
    while at + BLOCK <= input.len() {
        let header: [u8; BLOCK] = input[at..at + BLOCK].try_into().unwrap();
        frame.extend(at..at + BLOCK);
        let size = match Member::parse(&header).unwrap() {
            Some(member) => usize::try_from(member.size).unwrap(),
            None => 0,
        };
        let next = at + BLOCK + size.next_multiple_of(BLOCK);
        frame.extend(at + BLOCK + size..next);
        at = next;
    }
    assert_eq!(at, input.len());
    for at in frame {
        let mut input = input.clone();
        input[at] ^= 1;
        let (_, chunks) = read(&input, 1 << 16, false);
        assert!(chunks.whole("k").is_err(), "{at}");
    }
}

fn refs_of(chunks: u64) -> Refs {
    let mut runs = Runs::default();
    (0..chunks).for_each(|number| runs.push(Place { object: 0, number }));
    Refs {
        runs: runs.finish(),
        ..refs(None)
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let more = stream(&[5, 5, 5, 5], &refs(None), false);
    assert_eq!(
        complaint(&more),
        "its refs name 3 chunks of its own, and it holds 4"
    );
    let other = Refs {
        id: Id([8; 16]),
        ..refs(None)
    };
    let other = stream(&[5, 5, 5], &other, false);
    assert_eq!(complaint(&other), "its refs are those of another stream");
    let mut behind = stream(&[5, 5, 5], &refs(None), false);
    behind.push(0);
    assert_eq!(complaint(&behind), "something comes after its end");
    // The members of one that was complete, after another chunk was taken for the first.
    let (complete, _) = stored(&stream(&[5, 5], &refs_of(2), false), 1000);
    let (longer, _) = stored(&stream(&[6, 5], &refs_of(2), false), 1000);
    let toc = complete.len() - 6 * BLOCK;
    let mixed = [&longer[..toc], &complete[toc..]].concat();
    assert_eq!(complaint(&mixed), "its toc is not that of its chunks");
    let end = complete.len() - usize::try_from(End::FROM_END).unwrap();
    let mut wrong = End::parse(&complete[end + BLOCK..end + 2 * BLOCK]).unwrap();
    wrong.index.offset += 1;
    let wrong = [
        &complete[..end + BLOCK],
        &wrong.encode(),
        &complete[end + 2 * BLOCK..],
    ]
    .concat();
    assert_eq!(complaint(&wrong), "its end is not its own");
}

#[test]
fn other_forms_are_refused_at_their_beginning() {
    for form in [Form::Whole, Form::Part, Form::Tail] {
        let mut input = Head { id: ID, form }.encode().to_vec();
        input.extend([0; 2 * BLOCK]);
        let (out, chunks) = read(&input, 1000, false);
        assert!(out.is_empty());
        let error = chunks.stopped("k").unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        assert!(
            error.advice().is_some() && chunks.id.get().is_none(),
            "{error}"
        );
    }
    let unfit = Error::usage("--this says nothing of a chunk stream");
    let refused = Unfit {
        chunks: Some(unfit.clone()),
        pieces: None,
    };
    let chunks = Chunks::new(Arc::default(), Pieces::default(), refused, false);
    let input = stream(&[5, 5, 5], &refs(None), false);
    let mut out = Vec::new();
    chunks
        .completed(input.as_slice())
        .read_to_end(&mut out)
        .unwrap();
    assert_eq!((chunks.stopped("k"), out.len()), (Err(unfit), 0));
}

/// A stream of pieces of these sizes, and what was cut.
fn pieces(sizes: &[usize]) -> (Vec<u8>, Vec<u8>) {
    let head = Head {
        id: ID,
        form: Form::Pieces,
    };
    let mut to = Writer::new(Vec::new(), &head).unwrap();
    let mut all = Vec::new();
    for (number, size) in (1..).zip(sizes) {
        let piece = vec![b'0' + u8::try_from(number % 10).unwrap(); *size];
        to.member(Name::Piece(number), Suffix::PLAIN, &piece)
            .unwrap();
        all.extend(piece);
    }
    (to.finish().unwrap(), all)
}

#[test]
fn of_pieces_the_contents_pass() {
    for sizes in [&[][..], &[1], &[512, 512], &[700, 700, 3]] {
        let (input, all) = pieces(sizes);
        for step in [1, 511, 10_000] {
            assert_eq!(stored(&input, step), (all.clone(), None));
        }
    }
}

#[test]
fn pieces_that_break_off_or_are_empty_are_refused() {
    let (input, _) = pieces(&[700, 700, 3]);
    for length in [1024, 1100, 2000, 2560, input.len() - 1] {
        let said = complaint(&input[..length]);
        assert_eq!(said, "it breaks off before its end", "{length}");
    }
    let (input, _) = pieces(&[3, 0, 3]);
    assert_eq!(complaint(&input), "piece 2 of it is empty");
}

#[test]
fn a_failure_to_read_is_what_it_is() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let input = stream(&[5, 512, 700], &refs(None), false);
    for end in [0, 3, HEAD, HEAD + 10, HEAD + BLOCK + 2, input.len()] {
        let chunks = Chunks::default();
        let error = chunks
            .completed(input[..end].chain(Broken))
            .read_to_end(&mut Vec::new())
            .unwrap_err();
        assert_eq!(error.to_string(), "the disk is gone", "{end}");
    }
}

#[test]
fn the_tail_is_what_follows_the_chunks() {
    for size in [700, 5 << 20] {
        let mut refs = refs_of(2);
        // So that it is more than stays in memory.
        refs.bond = Some(Bond {
            objects: (0..size / 50)
                .map(|number| Object {
                    id: Id([9; 16]),
                    key: format!("h:f:0:{number}"),
                })
                .collect(),
            ..bond()
        });
        let (out, chunks) = read(&stream(&[700, 800], &refs, true), 1 << 16, true);
        let mut tail = chunks.whole("k").unwrap().tail.unwrap();
        let mut bytes = Vec::new();
        tail.read_to_end(&mut bytes).unwrap();
        let head = Head {
            id: ID,
            form: Form::Tail,
        };
        let after = HEAD + 2 * BLOCK + 2 * 1024;
        assert!(bytes == [&head.encode(), &out[after..]].concat());
        // And it is a chunk stream.
        let Opened::Chunks(mut reader) = chunks::open(bytes.as_slice()).unwrap() else {
            panic!("it is none");
        };
        let mut names = Vec::new();
        while let Some(member) = reader.next().unwrap() {
            names.push(member.name);
        }
        assert_eq!(
            names,
            [Name::Index, Name::Files, Name::Refs, Name::Toc, Name::End]
        );
    }
    let (_, chunks) = read(&stream(&[], &refs_of(0), true), 1000, false);
    assert!(chunks.whole("k").unwrap().tail.is_none());
    let (_, chunks) = read(b"something else", 1000, true);
    assert!(chunks.whole("k").unwrap().tail.is_none());
}
