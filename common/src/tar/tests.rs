use std::io::Read as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::read::{Entry, Reader};
use super::write::{END, filling, headers};
use super::{BLOCK, Kind, Member, Segment, Time};

/// An archive of these members, whose bytes are all the same letter.
fn archive(members: &[Member]) -> Vec<u8> {
    let mut all = Vec::new();
    for member in members {
        all.extend(headers(member));
        let stored = member.stored().unwrap();
        all.resize(all.len() + usize::try_from(stored).unwrap(), b'x');
        all.resize(all.len() + filling(stored), 0);
    }
    all.extend(END);
    all
}

/// What is in an archive, with the number of bytes that came with each member.
fn read(bytes: &[u8]) -> crate::Result<Vec<(Entry, u64)>> {
    let mut reader = Reader::new(bytes);
    let mut all = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut content = Vec::new();
        reader.read_to_end(&mut content).unwrap();
        all.push((entry, content.len() as u64));
    }
    Ok(all)
}

fn segments() -> impl Strategy<Value = (u64, Option<Vec<Segment>>)> {
    let pieces = prop::collection::vec((1u64..5000, 1u64..2000), 0..40);
    prop_oneof![
        (0u64..5000).prop_map(|size| (size, None)),
        (pieces, 0u64..2).prop_map(|(pieces, tail)| {
            let (mut end, mut all) = (0, Vec::new());
            for (hole, length) in pieces {
                all.push(Segment {
                    offset: end + hole,
                    length,
                });
                end += hole + length;
            }
            // A file of one hole, or one that ends in one.
            (end + tail + u64::from(all.is_empty()), Some(all))
        })
    ]
}

fn member() -> impl Strategy<Value = Member> {
    let bytes = |range| prop::collection::vec(1u8.., range);
    let kind = prop_oneof![
        4 => Just(Kind::File),
        1 => Just(Kind::Dir),
        1 => Just(Kind::Symlink),
        1 => Just(Kind::HardLink),
        1 => Just(Kind::Fifo),
        1 => Just(Kind::CharDevice),
        1 => Just(Kind::BlockDevice),
    ];
    let records = prop::collection::vec((any::<u32>(), prop::collection::vec(0u8.., 0..200)), 0..3);
    let numbers = (
        0u32..0o10000,
        any::<u64>(),
        any::<u64>(),
        (any::<i32>(), 0u32..1_000_000_000),
        any::<Option<i32>>(),
    );
    let names = (bytes(1..200), bytes(0..40), bytes(0..40), bytes(1..150));
    (
        kind,
        names,
        numbers,
        records,
        segments(),
        (0u32..1 << 20, 0u32..1 << 20),
    )
        .prop_map(
            |(kind, names, numbers, records, (size, segments), device)| {
                let (mut path, owner, group, target) = names;
                path.retain(|byte| *byte != b'/');
                path.push(b'n');
                if kind == Kind::Dir {
                    path.push(b'/');
                }
                let (mode, uid, gid, (seconds, nanos), ctime) = numbers;
                let is_file = kind == Kind::File;
                let is_link = matches!(kind, Kind::Symlink | Kind::HardLink);
                let is_device = matches!(kind, Kind::CharDevice | Kind::BlockDevice);
                let mut known = std::collections::BTreeMap::new();
                for (name, value) in records {
                    known.insert(format!("SCHILY.xattr.user.{name}").into_bytes(), value);
                }
                Member {
                    path,
                    kind,
                    mode,
                    uid,
                    gid,
                    owner,
                    group,
                    mtime: Time {
                        seconds: seconds.into(),
                        nanos,
                    },
                    ctime: ctime.map(|seconds| Time {
                        seconds: seconds.into(),
                        nanos: 0,
                    }),
                    size: if is_file { size } else { 0 },
                    segments: segments.filter(|_| is_file),
                    target: if is_link { target } else { Vec::new() },
                    device: if is_device { device } else { (0, 0) },
                    records: known.into_iter().collect(),
                }
            },
        )
}

proptest! {
    #[test]
    fn what_is_written_is_read(members in prop::collection::vec(member(), 0..6)) {
        let bytes = archive(&members);
        let found = read(&bytes).map(|found| found.into_iter().unzip::<_, _, Vec<_>, Vec<_>>());
        if members.is_empty() {
            // Two blocks of zeros are an archive of nothing.
            prop_assert_eq!(found.unwrap().0, vec![]);
        } else {
            let (entries, sizes) = found.unwrap();
            let expected: Vec<Entry> = members.iter().cloned().map(|member| Entry::Member(Box::new(member))).collect();
            prop_assert_eq!(entries, expected);
            let stored: Vec<u64> = members.iter().map(|member| member.stored().unwrap()).collect();
            prop_assert_eq!(sizes, stored);
        }
    }

    #[test]
    fn what_breaks_off_is_an_error(members in prop::collection::vec(member(), 1..4), cut in any::<prop::sample::Index>()) {
        let bytes = archive(&members);
        let cut = cut.index(bytes.len());
        let mut reader = Reader::new(&bytes[..cut]);
        let outcome = loop {
            match reader.next_entry() {
                Ok(Some(_)) => {}
                other => break other,
            }
        };
        prop_assert!(outcome.is_err());
    }

    #[test]
    fn nonsense_is_refused_and_nothing_more(members in prop::collection::vec(member(), 1..3), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = archive(&members);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = read(&bytes);
    }
}

/// What GNU tar makes of a folder that `script` fills.
fn tar(script: &str, options: &str) -> Vec<(Entry, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("set -e; cd {}; {script}", folder.path().display());
    assert!(
        Command::new("bash")
            .args(["-c", &script])
            .status()
            .unwrap()
            .success()
    );
    let output = Command::new("bash")
        .args([
            "-c",
            &format!(
                "tar c {options} --sort=name -C {} .",
                folder.path().display()
            ),
        ])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let mut reader = Reader::new(&output.stdout[..]);
    let mut all = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        let mut content = Vec::new();
        reader.read_to_end(&mut content).unwrap();
        all.push((entry, content));
    }
    all
}

fn only(found: &[(Entry, Vec<u8>)], name: &str) -> (Member, Vec<u8>) {
    let path = format!("./{name}");
    let mut named = found.iter().filter_map(|(entry, content)| match entry {
        Entry::Member(member) if member.path == path.as_bytes() => {
            Some(((**member).clone(), content.clone()))
        }
        _ => None,
    });
    named
        .next()
        .unwrap_or_else(|| panic!("no {path} in {found:?}"))
}

#[test]
fn holes_in_all_four_forms() {
    let script = "truncate -s 3M holes
        for at in $(seq 1 90); do printf mark | dd of=holes bs=32768 seek=$at conv=notrunc status=none; done
        truncate -s 5M empty; seq 1000 >plain";
    for options in [
        "--format=gnu",
        "--format=pax --sparse-version=0.0",
        "--format=pax --sparse-version=0.1",
        "--format=pax --sparse-version=1.0",
    ] {
        let found = tar(script, &format!("{options} --sparse --hole-detection=raw"));
        let (holes, content) = only(&found, "holes");
        assert_eq!(holes.size, 3 << 20, "{options}");
        let segments = holes.segments.unwrap();
        assert_eq!(segments.len(), 90, "{options}");
        assert!(segments.iter().all(|segment| segment.offset % 512 == 0));
        let mut whole = vec![0; 3 << 20];
        let mut from = &content[..];
        for segment in segments {
            let (now, later) = from.split_at(usize::try_from(segment.length).unwrap());
            whole[usize::try_from(segment.offset).unwrap()..][..now.len()].copy_from_slice(now);
            from = later;
        }
        assert_eq!(
            whole.windows(4).filter(|bytes| bytes == b"mark").count(),
            90,
            "{options}"
        );
        let (empty, content) = only(&found, "empty");
        assert_eq!(
            (empty.size, empty.segments, content.len()),
            (5 << 20, Some(Vec::new()), 0),
            "{options}"
        );
        assert_eq!(only(&found, "plain").0.segments, None, "{options}");
    }
}

#[test]
fn names_links_and_times_in_every_format() {
    let script = r#"long=$(printf 'n%.0s' $(seq 1 150)); echo a >"$long"; ln "$long" zlink; ln -s "$long/$long" soft
        mkdir dir; mkfifo fifo; echo old >old; touch -d '1960-02-03 04:05:06.25Z' old; chmod 4750 old
        echo odd >$'new\nline'; echo odd >$'\xff'"#;
    let long = "n".repeat(150);
    for format in ["gnu", "pax"] {
        let found = tar(script, &format!("--format={format}"));
        assert_eq!(only(&found, &long).1, b"a\n");
        let (link, _) = only(&found, "zlink");
        assert_eq!(
            (link.kind, link.target),
            (Kind::HardLink, format!("./{long}").into_bytes())
        );
        let (soft, _) = only(&found, "soft");
        assert_eq!(
            (soft.kind, soft.target),
            (Kind::Symlink, format!("{long}/{long}").into_bytes())
        );
        assert_eq!(only(&found, "dir/").0.kind, Kind::Dir);
        assert_eq!(only(&found, "fifo").0.kind, Kind::Fifo);
        let (old, _) = only(&found, "old");
        assert_eq!(old.mode, 0o4750);
        let nanos = if format == "pax" { 250_000_000 } else { 0 };
        let seconds = -312_753_294;
        assert_eq!(old.mtime, Time { seconds, nanos }, "{format}");
        assert_eq!(only(&found, "new\nline").1, b"odd\n");
        let raw = found
            .iter()
            .any(|(entry, _)| matches!(entry, Entry::Member(member) if member.path == b"./\xff"));
        assert!(raw, "{format}");
    }
}

/// An extended header with a record of 1 MiB of that key.
fn mebibyte(kind: u8, key: &str) -> Vec<u8> {
    let mut member = Member::named(b"a");
    member.records = vec![(key.into(), vec![b'v'; 1 << 20])];
    let mut bytes = headers(&member);
    bytes.truncate(bytes.len() - BLOCK);
    bytes[156] = kind;
    bytes[148..156].fill(b' ');
    let sum: u32 = bytes[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
    bytes[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    bytes
}

#[test]
fn extended_headers_have_an_end_together() {
    let last = archive(&[Member::named(b"a")]);
    let one = headers(&Member::named(b"b"));
    let too_long = |bytes: &[u8]| {
        let error = read(bytes).unwrap_err().to_string();
        assert!(
            error.ends_with("the extended headers in it are too long"),
            "{error}"
        );
    };
    // Of one member.
    let own = mebibyte(b'x', "SCHILY.xattr.user.x");
    assert_eq!(
        read(&[own.repeat(63), last.clone()].concat())
            .unwrap()
            .len(),
        1
    );
    too_long(&[own.repeat(64), last.clone()].concat());
    // Of several.
    let several = [own.repeat(40), one.clone()].concat().repeat(2);
    assert_eq!(read(&[several, last.clone()].concat()).unwrap().len(), 3);
    // Of all: the same one again and again, and more and more.
    let same = [mebibyte(b'g', "a"), one.clone()].concat().repeat(70);
    assert_eq!(read(&[same, last.clone()].concat()).unwrap().len(), 71);
    let mut more = Vec::new();
    for number in 0..70 {
        more.extend([mebibyte(b'g', &format!("k{number}")), one.clone()].concat());
    }
    too_long(&[more, last].concat());
}

#[test]
fn what_is_no_archive_says_what_it_is() {
    let cause = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    assert_eq!(
        cause(b""),
        "could not read the archive: there is none: the stream is empty"
    );
    assert_eq!(
        cause(&[b'x'; 700]),
        "could not read the archive: it does not begin like a tar archive"
    );
    let packed = read(&[&[0x1f, 0x8b][..], &[0; 600]].concat()).unwrap_err();
    assert_eq!(packed.advice(), Some("put 'gzip -d' before s3put"));
    let whole = archive(&[Member::named(b"a")]);
    assert!(cause(&whole[..512]).contains("the two blocks of zeros"));
    assert!(cause(&whole[..1024]).contains("one is missing"));
    assert!(cause(&[&whole[..], &whole].concat()).contains("something follows"));
}
