use proptest::prelude::*;

use super::*;

/// A header whose checksum is right.
fn header(name: &[u8], kind: u8, size: u64) -> Block {
    let mut block = [0; BLOCK];
    let shown = name.len().min(100);
    block[..shown].copy_from_slice(&name[..shown]);
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    block
}

fn seal(block: &mut Block) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn padded_with(mut bytes: Vec<u8>, content: &[u8]) -> Vec<u8> {
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

fn pax(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let mut length = rest.len() + 1;
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    [length.to_string().as_bytes(), &rest].concat()
}

/// How a path gets into an archive.
#[derive(Clone, Copy, Debug)]
enum Way {
    Plain,
    Gnu,
    Pax,
    Sparse,
}

fn member(path: &[u8], way: Way, content: &[u8]) -> Vec<u8> {
    let size = content.len() as u64;
    let extended = |kind, data: Vec<u8>| {
        let head = header(b"an extended header", kind, data.len() as u64);
        padded_with(head.to_vec(), &data)
    };
    let before = match way {
        Way::Plain => Vec::new(),
        Way::Gnu => extended(b'L', [path, b"\0"].concat()),
        // Two of them, of which each says something else.
        Way::Pax => [
            extended(b'g', pax("comment", b"x")),
            extended(b'x', pax("path", path)),
        ]
        .concat(),
        Way::Sparse => extended(
            b'x',
            [
                pax("path", b"GNUSparseFile.0/x"),
                pax("GNU.sparse.name", path),
            ]
            .concat(),
        ),
    };
    let head = header(path, b'0', size).to_vec();
    [before, padded_with(head, content)].concat()
}

fn seen(archive: &[u8], sizes: &[usize]) -> Result<Vec<FileLine>, Flaw> {
    let mut members = Members::default();
    let (mut rest, mut turn) = (archive, 0);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(sizes[turn % sizes.len()].min(rest.len()));
        members.take(now);
        rest = later;
        turn += 1;
    }
    members.finish()
}

fn whole(archive: &[u8]) -> Result<Vec<FileLine>, Flaw> {
    seen(archive, &[archive.len().max(1)])
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        Just(Way::Plain),
        Just(Way::Gnu),
        Just(Way::Pax),
        Just(Way::Sparse)
    ]
}

proptest! {
    #[test]
    fn members_are_found(
        members in prop::collection::vec(("[a-z]{1,20}", way(), 0..2000usize), 0..8),
        end in 0..4usize,
        sizes in prop::collection::vec(1..1500usize, 1..4),
    ) {
        let (mut archive, mut wanted) = (Vec::new(), Vec::new());
        for (path, way, size) in members {
            let path = if matches!(way, Way::Plain) { path } else { format!("{path}/").repeat(30) };
            let bytes = member(path.as_bytes(), way, &vec![0x55; size]);
            wanted.push(FileLine {
                offset: archive.len() as u64,
                length: bytes.len() as u64,
                path: path.into_bytes(),
            });
            archive.extend(bytes);
        }
        archive.resize(archive.len() + end * BLOCK, 0);
        prop_assert_eq!(seen(&archive, &sizes), Ok(wanted));
    }

    #[test]
    fn nonsense_is_no_archive(at: prop::sample::Index, byte: u8, length in 0..4000usize) {
        let mut archive = [member(b"a", Way::Pax, &[1; 700]), member(b"b", Way::Gnu, b"")].concat();
        archive.resize(archive.len() + 1024, 0);
        let at = at.index(archive.len());
        archive[at] = byte;
        archive.truncate(length.max(1));
        if let Ok(found) = whole(&archive) {
            let end: u64 = found.iter().map(|file| file.length).sum();
            prop_assert!(end <= archive.len() as u64);
        }
        prop_assert_eq!(whole(&archive), seen(&archive, &[7, 600]));
    }
}

#[test]
fn what_breaks_off_has_no_list() {
    let archive = [
        member(b"a", Way::Pax, &[1; 700]),
        member(b"b", Way::Gnu, &[2; 700]),
    ]
    .concat();
    let boundaries: Vec<usize> = whole(&archive)
        .unwrap()
        .iter()
        .map(|file| usize::try_from(file.offset).unwrap())
        .collect();
    for length in 1..archive.len() {
        let is_boundary = boundaries.contains(&length);
        assert_eq!(whole(&archive[..length]).is_ok(), is_boundary, "{length}");
    }
    assert_eq!(whole(b"").unwrap(), []);
    assert_eq!(whole(b"no archive"), Err("it breaks off inside a member"));
    assert_eq!(whole(&[b'x'; 1000]), Err("it is not a tar archive"));
}

#[test]
fn sizes_of_all_kinds() {
    // A link with a size, and nothing behind it.
    let link = header(b"link", b'1', 9999).to_vec();
    let end = member(b"end", Way::Plain, b"");
    let archive = [link, end.clone(), vec![0; 1024]].concat();
    let found = whole(&archive).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].length, 512);
    // A binary size, and one that stands before the header.
    let mut large = header(b"large", b'0', 0);
    large[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1]);
    seal(&mut large);
    let archive = [padded_with(large.to_vec(), &[7; 513]), end.clone()].concat();
    assert_eq!(whole(&archive).unwrap()[1].offset, 3 * 512);
    let told = pax("size", b"513");
    let told = padded_with(header(b"x", b'x', told.len() as u64).to_vec(), &told);
    let archive = [
        told,
        padded_with(header(b"told", b'0', 0).to_vec(), &[7; 513]),
        end,
    ]
    .concat();
    let found = whole(&archive).unwrap();
    assert_eq!(
        (found[0].length, &found[1].path[..]),
        (5 * 512, &b"end"[..])
    );
    // One that no archive can have.
    let told = pax("size", b"18446744073709551615");
    let told = padded_with(header(b"x", b'x', told.len() as u64).to_vec(), &told);
    let archive = [told, header(b"told", b'0', 0).to_vec()].concat();
    assert_eq!(
        whole(&archive),
        Err("a member in it has an impossible size")
    );
}

#[test]
fn what_comes_after_the_end() {
    let one = member(b"one", Way::Plain, b"1");
    let two = member(b"two", Way::Plain, b"2");
    // Archives that were joined, and what is no archive.
    let joined = [one.clone(), vec![0; 10_240 - 1024], two, vec![0; 1024]].concat();
    let found = whole(&joined).unwrap();
    assert_eq!((found[0].length, found[1].offset), (1024, 10_240));
    let followed = [one, vec![0; 1024], b"anything".repeat(200)].concat();
    assert_eq!(whole(&followed).unwrap().len(), 1);
}
