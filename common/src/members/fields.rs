//! A member as fields, and back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::normal;
use super::texts::{escaped, is_plain, unescaped};
use super::{FORMAT, Fields, Unfit};
use crate::tar::{Kind, Member, Segment, Time, add_record, records};

/// What is known of a stored member.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stored {
    /// The member. Its path has no slash before it, and the target of a hard link is such a path, too.
    pub member: Member,
    /// Its bytes went through a program.
    pub encrypted: bool,
    /// MD5 of its bytes before that.
    pub md5: Option<String>,
}

/// Types, their names, and their bits in a mode.
const TYPES: [(&str, Kind, u32); 8] = [
    ("file", Kind::File, 0o100_000),
    ("sparse", Kind::File, 0o100_000),
    ("dir", Kind::Dir, 0o040_000),
    ("symlink", Kind::Symlink, 0o120_000),
    ("hardlink", Kind::HardLink, 0o100_000),
    ("fifo", Kind::Fifo, 0o010_000),
    ("chardev", Kind::CharDevice, 0o020_000),
    ("blockdev", Kind::BlockDevice, 0o060_000),
];

/// All fields.
const NAMES: [&str; 21] = [
    "filepath",
    "uid",
    "gid",
    "perm_mode",
    "filetype",
    "size",
    "mtime",
    "ctime",
    "encrypted",
    "filename_encoded",
    "symlink_target",
    "md5",
    "s3pipes-member",
    "mtime_ns",
    "owner",
    "group",
    "hardlink_target",
    "device",
    "sparse",
    "pax",
    "s3pipes-more",
];

/// The fields of a member.
///
/// # Errors
/// If it, or the target of a hard link, has a path with a part `..`.
pub fn fields(member: &Member, encrypted: bool, md5: Option<&str>) -> Result<Fields, Unfit> {
    let (mut name, _, bits) = TYPES
        .into_iter()
        .find(|(_, kind, _)| *kind == member.kind)
        .ok_or(Unfit::Type)?;
    if member.segments.is_some() {
        name = "sparse";
    }
    let rooted = |path: &[u8]| Ok([b"/", &normal(path)?[..]].concat());
    let mut texts = vec![("filepath", rooted(&member.path)?)];
    match member.kind {
        Kind::Symlink => texts.push(("symlink_target", member.target.clone())),
        Kind::HardLink => texts.push(("hardlink_target", rooted(&member.target)?)),
        _ => {}
    }
    for (name, text) in [("owner", &member.owner), ("group", &member.group)] {
        if !text.is_empty() {
            texts.push((name, text.clone()));
        }
    }
    let plain = texts.iter().all(|(_, text)| is_plain(text));
    let truth = |is: bool| if is { "True" } else { "False" }.to_owned();
    let mut all = Fields::new();
    let mut say = |name: &str, value: String| drop(all.insert(name.to_owned(), value));
    for (name, text) in texts {
        // What is plain is ASCII.
        let as_it_is = String::from_utf8_lossy(&text).into_owned();
        say(name, if plain { as_it_is } else { escaped(&text) });
    }
    let ctime = member.ctime.unwrap_or(member.mtime);
    say("s3pipes-member", FORMAT.to_owned());
    say("uid", member.uid.to_string());
    say("gid", member.gid.to_string());
    say("perm_mode", format!("0{:o}", bits | member.mode & 0o7777));
    say("filetype", name.to_owned());
    say("size", member.size.to_string());
    say("mtime", member.mtime.seconds.to_string());
    say("ctime", ctime.seconds.to_string());
    say("encrypted", truth(encrypted));
    say("filename_encoded", truth(!plain));
    if let Some(md5) = md5 {
        say("md5", md5.to_owned());
    }
    if member.mtime.nanos > 0 {
        say("mtime_ns", member.mtime.nanos.to_string());
    }
    if matches!(member.kind, Kind::CharDevice | Kind::BlockDevice) {
        say("device", format!("{}:{}", member.device.0, member.device.1));
    }
    if let Some(segments) = &member.segments
        && !segments.is_empty()
    {
        let segments: Vec<String> = segments
            .iter()
            .map(|segment| format!("{}+{}", segment.offset, segment.length))
            .collect();
        say("sparse", segments.join(","));
    }
    if !member.records.is_empty() {
        let mut header = Vec::new();
        for (key, value) in &member.records {
            add_record(&mut header, key, value);
        }
        say("pax", STANDARD.encode(header));
    }
    Ok(all)
}

/// A name of metadata as the page has it: some servers write a dash for a low line.
#[must_use]
pub fn plain_name(name: &str) -> String {
    match name.to_ascii_lowercase() {
        name if name.starts_with("s3pipes") => name,
        name => name.replace('-', "_"),
    }
}

/// True of the name of a field, as a server may have changed it.
#[must_use]
pub fn is_field(name: &str) -> bool {
    NAMES.contains(&&*plain_name(name))
}

fn known(fields: &Fields) -> Fields {
    let pairs = fields.iter();
    pairs
        .map(|(name, value)| (plain_name(name), value.clone()))
        .collect()
}

/// The digits of what didn't fit, if an object with this metadata has a second one.
#[must_use]
pub fn more_of(metadata: &Fields) -> Option<&str> {
    metadata.get("s3pipes-more").map(String::as_str)
}

/// What these fields tell of a member.
///
/// # Errors
/// If they are not those of a member, or make no sense.
pub fn stored(metadata: &Fields) -> Result<Stored, Unfit> {
    let fields = known(metadata);
    let field = |name: &'static str| fields.get(name).ok_or(Unfit::Foreign(name));
    let ours = match fields.get("s3pipes-member").map(String::as_str) {
        None => false,
        Some(FORMAT) => true,
        Some(_) => return Err(Unfit::Format),
    };
    field("filepath")?;
    let is = |name| field(name).map(|value| value.eq_ignore_ascii_case("true"));
    let is_escaped = is("filename_encoded")?;
    let text = |name: &'static str, is_escaped: bool| {
        let value = field(name)?;
        if is_escaped {
            unescaped(value).ok_or(Unfit::Damaged(name))
        } else {
            Ok(value.clone().into_bytes())
        }
    };
    let number = |name| field(name)?.parse().map_err(|_| Unfit::Damaged(name));
    let moment = |name| field(name)?.parse().map_err(|_| Unfit::Damaged(name));
    let path = text("filepath", is_escaped)?;
    let (uid, gid): (u64, u64) = (number("uid")?, number("gid")?);
    let mode = field("perm_mode")?.trim_start_matches("0o");
    let mode = u32::from_str_radix(mode, 8).map_err(|_| Unfit::Damaged("perm_mode"))?;
    let word = field("filetype")?;
    let size = number("size")?;
    let (mtime, ctime): (i64, i64) = (moment("mtime")?, moment("ctime")?);
    let encrypted = is("encrypted")?;
    let (_, kind, _) = TYPES
        .into_iter()
        .find(|(name, _, _)| name == word)
        .ok_or(Unfit::Type)?;
    let nanos: u32 = match fields.get("mtime_ns") {
        None => 0,
        Some(text) => text.parse().map_err(|_| Unfit::Damaged("mtime_ns"))?,
    };
    if nanos >= 1_000_000_000 {
        return Err(Unfit::Damaged("mtime_ns"));
    }
    let name = |name: &'static str| match fields.get(name) {
        Some(_) if ours => text(name, is_escaped),
        _ => Ok(Vec::new()),
    };
    let is_file = kind == Kind::File;
    let segments = if word == "sparse" {
        Some(segments(
            fields.get("sparse").map_or("", String::as_str),
            size,
        )?)
    } else {
        None
    };
    let target = match kind {
        // s3backuptool escapes none of these.
        Kind::Symlink => text("symlink_target", ours && is_escaped)?,
        Kind::HardLink => normal(&text("hardlink_target", is_escaped)?)?,
        _ => Vec::new(),
    };
    let device = match kind {
        Kind::CharDevice | Kind::BlockDevice => {
            let numbers = field("device")?.split_once(':');
            numbers
                .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
                .ok_or(Unfit::Damaged("device"))?
        }
        _ => (0, 0),
    };
    let records = match fields.get("pax") {
        None => Vec::new(),
        Some(text) => {
            let bytes = STANDARD.decode(text).ok();
            bytes
                .and_then(|bytes| records(&bytes))
                .ok_or(Unfit::Damaged("pax"))?
        }
    };
    let mtime = Time {
        seconds: mtime,
        nanos,
    };
    let member = Member {
        path: normal(&path)?,
        kind,
        mode: mode & 0o7777,
        uid,
        gid,
        owner: name("owner")?,
        group: name("group")?,
        mtime,
        ctime: (ctime != mtime.seconds).then_some(Time {
            seconds: ctime,
            nanos: 0,
        }),
        size: if is_file { size } else { 0 },
        segments,
        target,
        device,
        records,
    };
    Ok(Stored {
        member,
        encrypted: encrypted && is_file,
        md5: fields
            .get("md5")
            .filter(|text| text.len() == 32)
            .map(|text| text.to_ascii_lowercase()),
    })
}

fn segments(text: &str, size: u64) -> Result<Vec<Segment>, Unfit> {
    let mut segments = Vec::new();
    let mut end = 0;
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let segment = pair.split_once('+').and_then(|(offset, length)| {
            let (offset, length) = (offset.parse().ok()?, length.parse().ok()?);
            Some(Segment { offset, length })
        });
        let segment = segment.filter(|segment| segment.offset >= end && segment.length > 0);
        let segment = segment.ok_or(Unfit::Damaged("sparse"))?;
        end = segment
            .end()
            .filter(|end| *end <= size)
            .ok_or(Unfit::Damaged("sparse"))?;
        segments.push(segment);
    }
    Ok(segments)
}
