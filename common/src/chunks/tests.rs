use std::io::{self, Read};

use super::*;

fn id() -> Id {
    Id([7; 16])
}

/// A stream of form `new` with two chunks, and the tail that s3put adds.
fn stream(stored: bool) -> Vec<u8> {
    let head = Head {
        id: id(),
        form: Form::New,
    };
    let mut writer = Writer::new(Vec::new(), &head).expect("begin");
    let sealed = Suffix {
        compression: Compression::Zst,
        age: true,
    };
    for number in 0..2 {
        let content = vec![number as u8; 700 * number as usize];
        writer
            .member(Name::Chunk { object: 0, number }, sealed, &content)
            .expect("a chunk");
    }
    writer
        .member(Name::Index, sealed, b"sealed")
        .expect("the index");
    writer
        .member(Name::Refs, Suffix::PLAIN, b"refs")
        .expect("the refs");
    if stored {
        writer
            .member(Name::Toc, Suffix::PLAIN, b"toc")
            .expect("the toc");
        writer
            .member(Name::End, Suffix::PLAIN, &[b'\n'; End::SIZE])
            .expect("the end");
    }
    writer.finish().expect("finish")
}

fn read(bytes: &[u8]) -> Result<Vec<(Member, Vec<u8>)>, Error> {
    let Opened::Chunks(mut reader) = open(bytes)? else {
        return Err(flaw("not a chunk stream"));
    };
    let mut members = Vec::new();
    while let Some(member) = reader.next()? {
        members.push((member, reader.content(1 << 20)?));
    }
    Ok(members)
}

#[test]
fn what_is_written_is_read() {
    for stored in [false, true] {
        let members = read(&stream(stored)).expect("read");
        let names: Vec<String> = members
            .iter()
            .map(|(member, _)| member.to_string())
            .collect();
        let mut wanted = vec![
            "c/0000000000.zst.age",
            "c/0000000001.zst.age",
            "index.zst.age",
            "refs",
        ];
        if stored {
            wanted.extend(["toc", "end"]);
        }
        assert_eq!(names, wanted);
        assert_eq!(members[1].1, [1; 700]);
    }
}

#[test]
fn no_byte_can_be_cut_off_or_added() {
    let whole = stream(true);
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "cut at {length}");
    }
    assert!(read(&[whole.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn a_header_has_one_way_to_be_written() {
    let whole = stream(false);
    for at in (0..HEAD + BLOCK).filter(|at| !(700..HEAD).contains(at)) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        assert!(read(&damaged).is_err(), "changed at {at}");
    }
}

#[test]
fn other_streams_pass_whole() {
    for text in [
        &b""[..],
        b"s",
        b"s3pipes\0",
        b"tar",
        &[0; 3000],
        &stream(false)[..1023],
    ] {
        // Byte by byte, as a terminal would bring them.
        struct Slow<'a>(&'a [u8]);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let most = buffer.len().min(1);
                self.0.read(&mut buffer[..most])
            }
        }
        let Ok(Opened::Other(mut rest)) = open(Slow(text)) else {
            panic!("taken for a chunk stream");
        };
        let mut all = Vec::new();
        rest.read_to_end(&mut all).expect("read");
        assert_eq!(all, text);
    }
}

#[test]
fn another_stream_is_not_waited_for() {
    struct Once(bool);
    impl Read for Once {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            assert!(!std::mem::replace(&mut self.0, true), "asked again");
            buffer[0] = b'x';
            Ok(1)
        }
    }
    assert!(matches!(open(Once(false)), Ok(Opened::Other(_))));
}

#[test]
fn members_come_in_their_order() {
    let chunk = |number| Name::Chunk { object: 0, number };
    let other = Name::Chunk {
        object: 3,
        number: 9,
    };
    let good: [(Form, &[Name]); 8] = [
        (Form::New, &[Name::Index, Name::Refs]),
        (
            Form::New,
            &[chunk(0), chunk(1), Name::Index, Name::Files, Name::Refs],
        ),
        (
            Form::New,
            &[chunk(0), Name::Index, Name::Refs, Name::Toc, Name::End],
        ),
        (Form::Whole, &[Name::Index, chunk(4), other, chunk(4)]),
        (Form::Part, &[other, chunk(1)]),
        (Form::Tail, &[Name::Index, Name::Refs]),
        (
            Form::Tail,
            &[Name::Index, Name::Files, Name::Refs, Name::Toc, Name::End],
        ),
        (Form::Pieces, &[Name::Piece(1), Name::Piece(2)]),
    ];
    let admitted = |form, names: &[Name]| {
        let mut sequence = reader::Sequence::new(form);
        names
            .iter()
            .try_for_each(|name| sequence.admit(*name))
            .and_then(|()| sequence.close())
    };
    for (form, names) in good {
        admitted(form, names).expect("in order");
    }
    let bad: [(Form, &[Name]); 11] = [
        (Form::New, &[]),
        (Form::New, &[chunk(1), Name::Index, Name::Refs]),
        (Form::New, &[chunk(0), chunk(2), Name::Index, Name::Refs]),
        (Form::New, &[chunk(0), chunk(0), Name::Index, Name::Refs]),
        (Form::New, &[other, Name::Index, Name::Refs]),
        (Form::New, &[chunk(0), Name::Refs]),
        (Form::New, &[chunk(0), Name::Index]),
        (Form::New, &[Name::Index, Name::Refs, Name::Toc]),
        (Form::Whole, &[chunk(0)]),
        (Form::Tail, &[Name::Index, chunk(0), Name::Refs]),
        (Form::Pieces, &[Name::Piece(2)]),
    ];
    for (form, names) in bad {
        assert!(admitted(form, names).is_err(), "{form:?} {names:?}");
    }
}

#[test]
fn names_have_one_way_to_be_written() {
    let header = |name: &str| member::block(name, b'0', 5);
    for name in [
        "c/0000000001.zst",
        "12/0000000000.gz.age",
        "index",
        "files.age",
        "7",
        "c/12345678901",
    ] {
        let member = Member::parse(&header(name))
            .expect("read")
            .expect("a member");
        assert_eq!(member.to_string(), name);
    }
    for name in [
        "",
        "c/1",
        "c/000000001",
        "0/0000000001",
        "01/0000000001",
        "+1/0000000001",
        "refs.age",
        "toc.zst",
        "index.age.zst",
        "index.foo",
        "0",
        "07",
        "c/0000000001/",
        "../c/0000000001",
        "Index",
        "c/00000000001",
    ] {
        assert!(Member::parse(&header(name)).is_err(), "{name}");
    }
}

#[test]
fn texts_come_back() {
    let entry = |number, object| Entry {
        hash: [number as u8; 32],
        length: 9,
        object,
        number,
    };
    let index = Index {
        id: id(),
        key: [3; 32],
        cut: Cut::Average(1 << 20),
        chunks: vec![entry(0, 0), entry(5, 1)],
        length: 18,
        hash: [8; 32],
    };
    let mut text = Vec::new();
    index.write(&mut text).expect("write");
    assert_eq!(Index::read(text.as_slice()).expect("read"), index);
    damaged(&text, |text| Index::read(text).is_err());

    let line = |path: &[u8]| FileLine {
        offset: 512,
        length: 1024,
        path: path.to_vec(),
    };
    let files = Files {
        id: id(),
        files: vec![line(b"a b/\xc3\xbc"), line(b"\n\\\xff\x00")],
    };
    let mut text = Vec::new();
    files.write(&mut text).expect("write");
    assert_eq!(Files::read(text.as_slice()).expect("read"), files);

    let mut runs = Runs::default();
    for (object, number) in [(0, 0), (0, 1), (1, 7), (1, 7), (1, 7), (1, 8), (0, 2)] {
        runs.push(Place { object, number });
    }
    let object = Object {
        id: id(),
        key: "h:home:0:2026-01-01 with blanks".into(),
    };
    let bond = Bond {
        place: "file:///a b".into(),
        until: 12,
        objects: vec![object],
    };
    let refs = Refs {
        id: id(),
        grace: 60,
        bond: Some(bond),
        brought: None,
        runs: runs.finish(),
    };
    assert_eq!(refs.runs.len(), 4);
    assert_eq!(refs.count(), 7);
    assert_eq!(
        refs.places().nth(4),
        Some(Place {
            object: 1,
            number: 7
        })
    );
    let mut text = Vec::new();
    refs.write(&mut text).expect("write");
    assert_eq!(Refs::read(text.as_slice()).expect("read"), refs);
    damaged(&text, |text| Refs::read(text).is_err());

    let toc = Toc {
        sizes: vec![1, 512, 0],
    };
    let mut text = Vec::new();
    toc.write(&mut text).expect("write");
    assert_eq!(Toc::read(text.as_slice()).expect("read"), toc);
    let offsets: Vec<u64> = toc.offsets().collect();
    assert_eq!(offsets, [1024, 2048, 3072, 3584]);

    let span = Span { offset: 1, size: 2 };
    let end = End {
        id: id(),
        chunks: 3,
        index: span,
        files: Span::default(),
        refs: span,
        toc: span,
    };
    assert_eq!(End::parse(&end.encode()).expect("read"), end);
    assert!(End::parse(&end.encode()[1..]).is_err());
}

/// No text can lose the end of a line, or get one more.
fn damaged(text: &[u8], refused: impl Fn(&[u8]) -> bool) {
    assert!(refused(&text[..text.len() - 1]));
    assert!(refused(&[text, b"\n"].concat()));
    assert!(refused(&[text, b"more\n"].concat()));
    assert!(refused(&text[1..]));
    assert!(refused(b""));
}

#[test]
fn refs_name_only_what_they_name() {
    let read = |text: &str| {
        Refs::read(format!("s3pipes-refs/1\nid {}\ngrace 60\n{text}", id()).as_bytes())
    };
    let object = format!("object 1 {} k\n", id());
    assert!(read("run 0 0 1 1\n").is_ok());
    assert!(read(&format!("place p\nuntil 9\n{object}run 1 0 1 1\n")).is_ok());
    for text in [
        "run 1 0 1 1\n",
        "run 0 0 0 1\n",
        "run 0 0 1 0\n",
        "run 0 18446744073709551615 2 1\n",
        "run 0 0 18446744073709551615 2\n",
        "place p\nuntil 9\n",
        &object,
        &format!("place p\n{object}"),
        &format!("place p\nuntil 9\nobject 2 {} k\n", id()),
        &format!("place p\nuntil 9\n{object}place p\nuntil 9\n"),
        &format!("run 0 0 1 1\nplace p\nuntil 9\n{object}"),
        "else\n",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}
