//! Writing an archive in the pax format.
//!
//! Promised: whatever [`super::read`] reads comes out so that it reads the same again, and GNU tar and bsdtar extract it. What a
//! plain header can't hold (long names, large numbers, fractions of seconds, all that is not ASCII) goes to an extended
//! one before it. Holes are described as in version 1.0 of GNU tar's pax formats.

use super::records::{add_record, time_text};
use super::{BLOCK, Block, Kind, Member, Time, padded};

/// The largest number in a field of eight, or of twelve bytes.
const OCTAL_7: u64 = 0o7_777_777;
const OCTAL_11: u64 = 0o77_777_777_777;

/// The two blocks of zeros that end an archive.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// All that comes before the bytes of `member`; of a sparse file its map, too. What follows are the bytes, and as many
/// zeros as [`filling`] says.
#[must_use]
pub fn headers(member: &Member) -> Vec<u8> {
    let mut extended = Vec::new();
    let mut path = member.path.clone();
    if member.kind == Kind::Dir && !path.ends_with(b"/") {
        path.push(b'/');
    }
    let map = member.segments.is_some().then(|| map(member));
    let mut shown = path.clone();
    if map.is_some() {
        shown = beside(&path, b"GNUSparseFile.0");
        add_record(&mut extended, b"GNU.sparse.major", b"1");
        add_record(&mut extended, b"GNU.sparse.minor", b"0");
        add_record(&mut extended, b"GNU.sparse.name", &path);
        let real = member.size.to_string();
        add_record(&mut extended, b"GNU.sparse.realsize", real.as_bytes());
        if !fits(&shown, 100) {
            add_record(&mut extended, b"path", &shown);
        }
    } else if !fits(&path, 100) {
        add_record(&mut extended, b"path", &path);
    }
    if !fits(&member.target, 100) {
        add_record(&mut extended, b"linkpath", &member.target);
    }
    if !fits(&member.owner, 32) {
        add_record(&mut extended, b"uname", &member.owner);
    }
    if !fits(&member.group, 32) {
        add_record(&mut extended, b"gname", &member.group);
    }
    let size = map.as_ref().map_or(0, Vec::len) as u64 + member.stored().unwrap_or(0);
    for (key, value, most) in [
        (&b"size"[..], size, OCTAL_11),
        (b"uid", member.uid, OCTAL_7),
        (b"gid", member.gid, OCTAL_7),
    ] {
        if value > most {
            add_record(&mut extended, key, value.to_string().as_bytes());
        }
    }
    let Time { seconds, nanos } = member.mtime;
    let plain = u64::try_from(seconds).ok().filter(|it| *it <= OCTAL_11);
    if plain.is_none() || nanos > 0 {
        let mtime = time_text(member.mtime);
        add_record(&mut extended, b"mtime", mtime.as_bytes());
    }
    if let Some(ctime) = member.ctime {
        add_record(&mut extended, b"ctime", time_text(ctime).as_bytes());
    }
    for (key, value) in &member.records {
        add_record(&mut extended, key, value);
    }
    let mut all = Vec::new();
    if !extended.is_empty() {
        let name = beside(&path, b"PaxHeaders");
        let length = extended.len() as u64;
        let header = Member {
            mtime: Time {
                seconds: seconds.max(0),
                nanos: 0,
            },
            ..Member::named(&name)
        };
        all.extend_from_slice(&block(&header, &name, length, b'x'));
        all.extend_from_slice(&extended);
        all.resize(all.len() + filling(length), 0);
    }
    let kind = match member.kind {
        Kind::File => b'0',
        Kind::HardLink => b'1',
        Kind::Symlink => b'2',
        Kind::CharDevice => b'3',
        Kind::BlockDevice => b'4',
        Kind::Dir => b'5',
        Kind::Fifo => b'6',
    };
    let length = if member.kind == Kind::File { size } else { 0 };
    all.extend_from_slice(&block(member, &shown, length, kind));
    all.extend_from_slice(&map.unwrap_or_default());
    all
}

/// Zeros after so many bytes.
#[must_use]
pub fn filling(size: u64) -> usize {
    let fill = padded(size).map_or(0, |all| all - size);
    usize::try_from(fill).unwrap_or(0)
}

/// The map of a sparse file, as it comes before the data.
fn map(member: &Member) -> Vec<u8> {
    let segments = member.segments.as_deref().unwrap_or_default();
    let end = segments
        .last()
        .and_then(|last| last.end())
        .unwrap_or_default();
    // Where a file ends with a hole, an empty segment says so: GNU tar needs it.
    let tail = (end < member.size).then_some((member.size, 0));
    let pairs: Vec<(u64, u64)> = segments
        .iter()
        .map(|segment| (segment.offset, segment.length))
        .chain(tail)
        .collect();
    let mut text = format!("{}\n", pairs.len());
    for (offset, length) in pairs {
        text.push_str(&format!("{offset}\n{length}\n"));
    }
    let mut bytes = text.into_bytes();
    bytes.resize(bytes.len() + filling(bytes.len() as u64), 0);
    bytes
}

/// True of a text that a field of `width` bytes can hold as everybody reads it.
fn fits(text: &[u8], width: usize) -> bool {
    text.len() <= width && text.is_ascii() && !text.contains(&0)
}

/// The path with a folder put before its last part, as tar does it for what is not the member itself.
fn beside(path: &[u8], folder: &[u8]) -> Vec<u8> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let cut = path.iter().rposition(|byte| *byte == b'/');
    let (before, last) = match cut {
        Some(at) => path.split_at(at + 1),
        None => (&b""[..], path),
    };
    [before, folder, b"/", last].concat()
}

/// A header that says what it can of `member`.
fn block(member: &Member, path: &[u8], size: u64, kind: u8) -> Block {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, width: usize, bytes: &[u8]| {
        let count = bytes.len().min(width);
        block[at..at + count].copy_from_slice(&bytes[..count]);
    };
    let octal = |value: u64, digits: usize| format!("{value:0digits$o}");
    let seven = |value: u64| octal(if value > OCTAL_7 { 0 } else { value }, 7);
    let eleven = |value: u64| octal(if value > OCTAL_11 { 0 } else { value }, 11);
    put(0, 100, path);
    put(100, 8, octal(u64::from(member.mode & 0o7777), 7).as_bytes());
    put(108, 8, seven(member.uid).as_bytes());
    put(116, 8, seven(member.gid).as_bytes());
    put(124, 12, eleven(size).as_bytes());
    let seconds = u64::try_from(member.mtime.seconds).unwrap_or(0);
    put(136, 12, eleven(seconds).as_bytes());
    put(148, 8, b"        ");
    put(156, 1, &[kind]);
    put(157, 100, &member.target);
    put(257, 8, b"ustar\x0000");
    put(265, 32, &member.owner);
    put(297, 32, &member.group);
    if matches!(member.kind, Kind::CharDevice | Kind::BlockDevice) {
        put(329, 8, seven(u64::from(member.device.0)).as_bytes());
        put(337, 8, seven(u64::from(member.device.1)).as_bytes());
    } else {
        put(329, 8, b"0000000");
        put(337, 8, b"0000000");
    }
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}
