//! Reading an archive member by member.
//!
//! Promised: what comes out is what the archive says, in ustar, pax and GNU's format, with long names, and with holes in
//! each of the four ways in which GNU tar writes them; and `None` comes only after the two blocks of zeros with which an
//! archive ends. What breaks off, or has a header whose checksum is wrong, is an error, and nothing of it comes as a
//! whole member. Members of a kind that can't be anything but a part of something are told apart, and passed over.
//!
//! Sources: as in the module above; libarchive's tar(5) for what other programs write.

use std::collections::HashSet;
use std::io::{self, Read};

use super::member::sum;
use super::records::{records, time};
use super::{
    BLOCK, Block, Kind, Member, SPARSE_MORE, Segment, Time, has_more_map, is_header, is_star,
    is_zero, number, padded, path, text,
};
use crate::error::{Doing, Error, Result};

/// The longest extended headers that are read, those of a member together, and what is kept of those for all: the map of a
/// file with many holes, or attributes of 64 KiB each.
const LONGEST_HEADER: u64 = 64 << 20;
/// The most segments that a sparse file may have here.
const MOST_SEGMENTS: usize = 4 << 20;

/// What an archive brings next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Entry {
    /// A member, whose bytes can be read now.
    Member(Box<Member>),
    /// Something that can't be had: its path, and why.
    Strange(Vec<u8>, &'static str),
}

/// An archive that is being read. Reading from it brings the bytes of the member that came last: of a sparse file those
/// of its segments.
pub struct Reader<R> {
    from: R,
    /// A block that was read ahead.
    ahead: Option<Block>,
    /// Bytes of the member that came last.
    left: u64,
    /// And what fills its last block.
    padding: u64,
    began: bool,
    /// Bytes of the extended headers since the member before.
    extended: u64,
    /// What holds for all members that follow.
    global: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What headers before its own say of a member.
#[derive(Default)]
struct Told {
    records: Vec<(Vec<u8>, Vec<u8>)>,
    long_path: Option<Vec<u8>>,
    long_target: Option<Vec<u8>>,
}

fn broken(why: &str) -> Error {
    Error::permanent("read the archive", why)
}

fn damaged() -> Error {
    broken("a header in it is damaged")
}

fn too_long() -> Error {
    broken("the extended headers in it are too long")
}

impl<R: Read> Reader<R> {
    /// An archive that begins here.
    pub fn new(from: R) -> Self {
        Self {
            from,
            ahead: None,
            left: 0,
            padding: 0,
            began: false,
            extended: 0,
            global: Vec::new(),
        }
    }

    /// What comes next; what is left of the member before is passed over. `None` at the end of the archive, behind which
    /// nothing but zeros came.
    ///
    /// # Errors
    /// If it breaks off, or is damaged, or no archive at all.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        self.pass(self.left + self.padding)?;
        (self.left, self.padding, self.extended) = (0, 0, 0);
        let mut told: Option<Told> = None;
        loop {
            let block = self.header()?;
            if is_zero(&block) {
                if told.is_some() {
                    return Err(broken("an extended header in it belongs to no member"));
                }
                self.end()?;
                return Ok(None);
            }
            if !is_header(&block) {
                return Err(if self.began {
                    damaged()
                } else {
                    strange(&block)
                });
            }
            self.began = true;
            let own = number(&block[124..136]).ok_or_else(damaged)?;
            match block[156] {
                b'x' | b'X' => {
                    let found = self.extended(own)?;
                    told.get_or_insert_default().records.extend(found);
                }
                b'g' => {
                    let found = self.extended(own)?;
                    let others: HashSet<&[u8]> = found.iter().map(|(key, _)| &key[..]).collect();
                    self.global.retain(|(key, _)| !others.contains(&key[..]));
                    self.global.extend(found);
                    let pairs = self.global.iter();
                    let kept: usize = pairs.map(|(key, value)| key.len() + value.len()).sum();
                    if kept as u64 > LONGEST_HEADER {
                        return Err(too_long());
                    }
                }
                b'L' => told.get_or_insert_default().long_path = Some(self.long(own)?),
                b'K' => told.get_or_insert_default().long_target = Some(self.long(own)?),
                _ => {
                    let entry = self.entry(&block, own, told.take().unwrap_or_default())?;
                    if let Some(entry) = entry {
                        return Ok(Some(entry));
                    }
                }
            }
        }
    }

    /// The archive's bytes, from here on.
    pub fn into_inner(self) -> R {
        self.from
    }

    fn header(&mut self) -> Result<Block> {
        if let Some(block) = self.ahead.take() {
            return Ok(block);
        }
        let mut block = [0; BLOCK];
        match self.filled(&mut block)? {
            BLOCK => Ok(block),
            0 if !self.began => Err(broken("there is none: the stream is empty")),
            0 => Err(broken(
                "it breaks off: the two blocks of zeros that end an archive are missing",
            )),
            _ if !self.began => Err(strange(&block)),
            _ => Err(broken("it breaks off inside a header")),
        }
    }

    /// Bytes that came, up to the length of `buffer`.
    fn filled(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut count = 0;
        while count < buffer.len() {
            match self.from.read(&mut buffer[count..]) {
                Ok(0) => break,
                Ok(some) => count += some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).doing("read the archive"),
            }
        }
        Ok(count)
    }

    fn pass(&mut self, mut count: u64) -> Result<()> {
        let mut buffer = vec![0; usize::try_from(count.min(256 << 10)).unwrap_or(256 << 10)];
        while count > 0 {
            let most = usize::try_from(count.min(buffer.len() as u64)).unwrap_or(buffer.len());
            match self.filled(&mut buffer[..most])? {
                0 => return Err(broken("it breaks off inside a member")),
                some => count -= some as u64,
            }
        }
        Ok(())
    }

    /// Bytes that are all to be here.
    fn exactly(&mut self, count: u64) -> Result<Vec<u8>> {
        let count = usize::try_from(count).map_err(|_| damaged())?;
        let mut bytes = Vec::new();
        // What a header says is not believed before it comes.
        while bytes.len() < count {
            let before = bytes.len();
            bytes.resize((before + (1 << 20)).min(count), 0);
            if self.filled(&mut bytes[before..])? < bytes.len() - before {
                return Err(broken("it breaks off inside a header"));
            }
        }
        Ok(bytes)
    }

    fn content(&mut self, size: u64) -> Result<Vec<u8>> {
        self.extended = self.extended.saturating_add(size);
        if self.extended > LONGEST_HEADER {
            return Err(too_long());
        }
        let bytes = self.exactly(size)?;
        self.pass(padded(size).unwrap_or(size) - size)?;
        Ok(bytes)
    }

    fn extended(&mut self, size: u64) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let bytes = self.content(size)?;
        records(&bytes).ok_or_else(|| broken("an extended header in it is damaged"))
    }

    fn long(&mut self, size: u64) -> Result<Vec<u8>> {
        Ok(text(&self.content(size)?))
    }

    /// After the first block of zeros.
    fn end(&mut self) -> Result<()> {
        let mut block = [0; BLOCK];
        match self.filled(&mut block)? {
            BLOCK if is_zero(&block) => {}
            BLOCK => return Err(broken("a lone block of zeros is in it")),
            _ => {
                return Err(broken(
                    "it breaks off: of the two blocks of zeros that end an archive one is missing",
                ));
            }
        }
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = self.filled(&mut buffer)?;
            if buffer[..count].iter().any(|byte| *byte != 0) {
                return Err(broken("something follows its end"));
            }
            if count < buffer.len() {
                return Ok(());
            }
        }
    }

    /// What a header is about that begins a member; nothing where it is only a label.
    fn entry(&mut self, block: &Block, own: u64, told: Told) -> Result<Option<Entry>> {
        let about = About::of(block, told, &self.global)?;
        let size = match about.size {
            Some(size) => size,
            None => own,
        };
        let strange = |path, why| Ok(Some(Entry::Strange(path, why)));
        let kind = match block[156] {
            b'0' | 0 | b'7' if about.member.path.ends_with(b"/") && !about.is_sparse() => Kind::Dir,
            b'0' | 0 | b'7' | b'S' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'3' => Kind::CharDevice,
            b'4' => Kind::BlockDevice,
            b'5' | b'D' => Kind::Dir,
            b'6' => Kind::Fifo,
            b'V' => {
                self.data(size)?;
                return Ok(None);
            }
            b'M' => {
                self.data(size)?;
                return strange(
                    about.member.path,
                    "it is the rest of a file of another volume",
                );
            }
            _ => {
                self.data(size)?;
                return strange(about.member.path, "it is of a kind that is not known");
            }
        };
        let mut member = Member {
            kind,
            ..about.member
        };
        if kind != Kind::File {
            if block[156] == b'D' {
                // A list of what is in it.
                self.data(size)?;
            } else if size > 0 {
                self.perhaps_data(size)?;
            }
            if kind == Kind::Dir || kind == Kind::Fifo {
                member.target = Vec::new();
            }
            member.size = 0;
            return Ok(Some(Entry::Member(Box::new(member))));
        }
        member.target = Vec::new();
        let (mut size, mut real, mut segments) = (size, about.real, about.segments);
        let mut taken = 0;
        if block[156] == b'S' {
            if is_star(block) {
                self.skip_map(block, size)?;
                return strange(member.path, "its holes are described as only star does it");
            }
            segments = Some(self.old_map(block)?);
            real = Some(number(&block[483..495]).ok_or_else(damaged)?);
        } else if about.map_in_data {
            let (found, count) = self.map_in_data(size)?;
            segments = Some(found);
            taken = count;
        }
        let fill =
            padded(size).ok_or_else(|| broken("a member in it has an impossible size"))? - size;
        size -= taken;
        member.size = size;
        if let Some(mut segments) = segments {
            let real = real.ok_or_else(damaged)?;
            segments.retain(|segment| segment.length > 0);
            let fits = segments
                .last()
                .is_none_or(|last| last.end().is_some_and(|end| end <= real));
            if !fits || sum(&segments) != Some(size) {
                return Err(broken("the map of a sparse file in it is damaged"));
            }
            member.size = real;
            let is_whole = size == real;
            member.segments = (!is_whole).then_some(segments);
        }
        (self.left, self.padding) = (size, fill);
        Ok(Some(Entry::Member(Box::new(member))))
    }

    fn data(&mut self, size: u64) -> Result<()> {
        let size = padded(size).ok_or_else(|| broken("a member in it has an impossible size"))?;
        self.pass(size)
    }

    /// Some programs give a size to what has no data.
    fn perhaps_data(&mut self, size: u64) -> Result<()> {
        let block = self.header()?;
        if is_zero(&block) || is_header(&block) {
            self.ahead = Some(block);
            return Ok(());
        }
        let size = padded(size).ok_or_else(|| broken("a member in it has an impossible size"))?;
        self.pass(size.saturating_sub(BLOCK as u64))
    }

    fn skip_map(&mut self, block: &Block, size: u64) -> Result<()> {
        let mut more = has_more_map(block);
        while more {
            more = self.header()?[SPARSE_MORE] != 0;
        }
        self.data(size)
    }

    /// The map in a header of GNU tar's old format, and in the blocks that follow it.
    fn old_map(&mut self, block: &Block) -> Result<Vec<Segment>> {
        let mut segments = Vec::new();
        old_segments(&block[386..482], &mut segments)?;
        let mut more = block[482] != 0;
        while more {
            let block = self.header()?;
            old_segments(&block[..504], &mut segments)?;
            more = block[SPARSE_MORE] != 0;
            if segments.len() > MOST_SEGMENTS {
                return Err(broken("a file in it has too many holes"));
            }
        }
        Ok(segments)
    }

    /// A map that comes before the data, and how many bytes it took.
    fn map_in_data(&mut self, size: u64) -> Result<(Vec<Segment>, u64)> {
        let (mut bytes, mut at, mut taken) = (Vec::new(), 0usize, 0u64);
        let mut next = |reader: &mut Self| -> Result<u64> {
            let mut value = 0u64;
            for digits in 0.. {
                if at == bytes.len() {
                    taken += BLOCK as u64;
                    if taken > size {
                        return Err(damaged());
                    }
                    bytes = reader.exactly(BLOCK as u64)?;
                    at = 0;
                }
                let byte = bytes[at];
                at += 1;
                match byte {
                    b'\n' if digits > 0 => break,
                    b'0'..=b'9' => {
                        value = value
                            .checked_mul(10)
                            .and_then(|value| value.checked_add(u64::from(byte - b'0')))
                            .ok_or_else(damaged)?;
                    }
                    _ => return Err(damaged()),
                }
            }
            Ok(value)
        };
        let count = next(self)?;
        if count > MOST_SEGMENTS as u64 {
            return Err(broken("a file in it has too many holes"));
        }
        let mut segments = Vec::new();
        for _ in 0..count {
            let (offset, length) = (next(self)?, next(self)?);
            segments.push(Segment { offset, length });
        }
        Ok((segments, taken))
    }
}

impl<R: Read> Read for Reader<R> {
    /// Bytes of the member that came last. Where they end too early that is an error.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if most == 0 {
            return Ok(0);
        }
        match self.from.read(&mut buffer[..most])? {
            0 => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it breaks off inside a member",
            )),
            count => {
                self.left -= count as u64;
                Ok(count)
            }
        }
    }
}

/// What it is instead of an archive.
fn strange(block: &Block) -> Error {
    let packed = [
        (&[0x1f, 0x8b][..], "gzip"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
        (&[0xfd, b'7', b'z', b'X', b'Z'], "xz"),
        (b"BZh", "bzip2"),
    ];
    let error = broken("it does not begin like a tar archive");
    match packed.iter().find(|(magic, _)| block.starts_with(magic)) {
        Some((_, name)) => broken("it is compressed").hint(format!("put '{name} -d' before s3put")),
        None => error,
    }
}

fn old_segments(bytes: &[u8], segments: &mut Vec<Segment>) -> Result<()> {
    for pair in bytes.chunks_exact(24) {
        if pair[12] == 0 {
            break;
        }
        segments.push(Segment {
            offset: number(&pair[..12]).ok_or_else(damaged)?,
            length: number(&pair[12..]).ok_or_else(damaged)?,
        });
    }
    Ok(())
}

/// What all headers of a member tell together.
struct About {
    member: Member,
    /// As an extended header has it.
    size: Option<u64>,
    /// The size of a sparse file.
    real: Option<u64>,
    segments: Option<Vec<Segment>>,
    map_in_data: bool,
}

impl About {
    fn is_sparse(&self) -> bool {
        self.segments.is_some() || self.map_in_data
    }

    fn of(block: &Block, told: Told, global: &[(Vec<u8>, Vec<u8>)]) -> Result<Self> {
        let mut about = Self::of_block(block)?;
        if let Some(path) = told.long_path {
            about.member.path = path;
        }
        if let Some(target) = told.long_target {
            about.member.target = target;
        }
        let (mut map, mut offset, mut major, mut name) = (Vec::new(), None, None, None);
        for (key, value) in global.iter().cloned().chain(told.records) {
            let whole = || decimal(&value).ok_or_else(damaged);
            let member = &mut about.member;
            match &key[..] {
                // An empty value takes back what a global header said.
                _ if value.is_empty() && !key.starts_with(b"SCHILY.") => {}
                b"path" => member.path = value,
                b"linkpath" => member.target = value,
                b"size" => about.size = Some(whole()?),
                b"uid" => member.uid = whole()?,
                b"gid" => member.gid = whole()?,
                b"uname" => member.owner = value,
                b"gname" => member.group = value,
                b"mtime" => member.mtime = time(&value).ok_or_else(damaged)?,
                b"ctime" => member.ctime = Some(time(&value).ok_or_else(damaged)?),
                b"GNU.sparse.size" | b"GNU.sparse.realsize" | b"SCHILY.realsize" => {
                    about.real = Some(whole()?);
                }
                b"GNU.sparse.name" => name = Some(value),
                b"GNU.sparse.major" => major = Some(whole()?),
                b"GNU.sparse.offset" => offset = Some(whole()?),
                b"GNU.sparse.numbytes" => {
                    let (offset, length) = (offset.take().ok_or_else(damaged)?, whole()?);
                    map.push(Segment { offset, length });
                    about.segments = Some(Vec::new());
                }
                b"GNU.sparse.map" => {
                    map = pairs(&value).ok_or_else(damaged)?;
                    about.segments = Some(Vec::new());
                }
                b"GNU.sparse.numblocks" => about.segments = Some(Vec::new()),
                b"atime" | b"comment" | b"charset" | b"hdrcharset" | b"GNU.sparse.minor"
                | b"SCHILY.dev" | b"SCHILY.ino" | b"SCHILY.nlink" | b"SCHILY.filetype"
                | b"GNU.dumpdir" => {}
                _ => {
                    member.records.retain(|(other, _)| *other != key);
                    member.records.push((key, value));
                }
            }
        }
        if map.len() > MOST_SEGMENTS {
            return Err(broken("a file in it has too many holes"));
        }
        if major.is_some_and(|major| major > 0) {
            if major != Some(1) {
                return Err(broken(
                    "the holes of a file in it are described in a new way",
                ));
            }
            about.map_in_data = true;
            about.segments = None;
        } else if about.segments.is_some() {
            about.segments = Some(map);
        }
        if let Some(name) = name {
            about.member.path = name;
        }
        Ok(about)
    }

    fn of_block(block: &Block) -> Result<Self> {
        let unsigned = |field: &[u8]| number(field).ok_or_else(damaged);
        let is_ustar = &block[257..262] == b"ustar";
        let is_gnu = &block[257..265] == b"ustar  \0";
        let named = |field: &[u8]| if is_ustar { text(field) } else { Vec::new() };
        let device = |field: &[u8]| {
            // What is no device may have anything there.
            let value = if is_ustar { number(field) } else { None };
            value
                .and_then(|value| u32::try_from(value).ok())
                .unwrap_or(0)
        };
        let mode = unsigned(&block[100..108])?;
        let ctime = is_gnu
            .then(|| signed(&block[357..369]))
            .flatten()
            .filter(|seconds| *seconds != 0);
        let member = Member {
            path: path(block),
            kind: Kind::File,
            mode: u32::try_from(mode & 0o7777).unwrap_or(0),
            uid: unsigned(&block[108..116])?,
            gid: unsigned(&block[116..124])?,
            owner: named(&block[265..297]),
            group: named(&block[297..329]),
            mtime: Time {
                seconds: signed(&block[136..148]).ok_or_else(damaged)?,
                nanos: 0,
            },
            ctime: ctime.map(|seconds| Time { seconds, nanos: 0 }),
            size: 0,
            segments: None,
            target: text(&block[157..257]),
            device: (device(&block[329..337]), device(&block[337..345])),
            records: Vec::new(),
        };
        Ok(Self {
            member,
            size: None,
            real: None,
            segments: None,
            map_in_data: false,
        })
    }
}

fn decimal(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// A number that may be negative: then it is binary, in two's complement.
fn signed(field: &[u8]) -> Option<i64> {
    if field.first()? & 0xc0 != 0xc0 {
        return number(field).and_then(|value| i64::try_from(value).ok());
    }
    field.iter().try_fold(-1i64, |sum, byte| {
        Some(sum.checked_mul(256)? | i64::from(*byte))
    })
}

/// `OFFSET,LENGTH,OFFSET,LENGTH`.
fn pairs(value: &[u8]) -> Option<Vec<Segment>> {
    let numbers: Option<Vec<u64>> = value.split(|byte| *byte == b',').map(decimal).collect();
    let numbers = numbers?;
    let (pairs, rest) = numbers.as_chunks::<2>();
    let segment = |[offset, length]: &[u64; 2]| Segment {
        offset: *offset,
        length: *length,
    };
    rest.is_empty().then(|| pairs.iter().map(segment).collect())
}
