//! Members of an archive as objects of their own: keys and metadata. The page is doc/format/members.md.
//!
//! Promised: different paths have different keys, and whatever a member is, it comes back from its fields as it was, but
//! for what the page says. Fields that others wrote are believed only as far as they make sense, and a path that leads
//! out of the place where the members go is refused.

mod fields;
mod key;
mod texts;

use std::collections::BTreeMap;

pub use self::fields::{Stored, fields, is_field, more_of, plain_name, stored};
pub use self::key::{key, namesakes, normal};

use crate::bucket::crc64;
use crate::error::{Error, Result};

/// What the metadata of an object is, by name.
pub type Fields = BTreeMap<String, String>;

/// The format, as objects name it.
const FORMAT: &str = "members/1";
/// What an object's metadata may take, names and values together.
const MOST_METADATA: usize = 2048;
/// What every name of user metadata begins with.
const BEFORE_NAMES: usize = "x-amz-meta-".len();
/// What other metadata of ours takes: token, parts, limit.
const OTHERS: usize = 200;
/// The most that the second object of a member may hold.
pub const MOST_MORE: u64 = 16 << 20;

/// Why something can't be a member.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unfit {
    /// Its path has a part `..`.
    Climbs,
    /// Its key would be too long.
    LongKey,
    /// So much isn't kept of one member.
    TooMuch,
    /// A field is missing that every member has: the first one.
    Foreign(&'static str),
    /// A field makes no sense.
    Damaged(&'static str),
    /// The format is another one.
    Format,
    /// The type is one that isn't known.
    Type,
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Climbs => f.write_str("its path has a part '..'"),
            Self::LongKey => f.write_str("its key would be longer than 1024 bytes"),
            Self::TooMuch => f.write_str("there is too much metadata"),
            Self::Foreign(field) => write!(f, "it is no member: it has no metadata {field}"),
            Self::Damaged(field) => write!(f, "its metadata {field} makes no sense"),
            Self::Format => f.write_str("it is in a newer format"),
            Self::Type => f.write_str("it is of a type that is not known"),
        }
    }
}

/// The metadata of a member as it is sent: what goes with the object, and what did not fit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parcel {
    /// On the object itself.
    pub metadata: Vec<(String, String)>,
    /// What the key of the second object adds to that of the first, and its bytes.
    pub more: Option<(String, Vec<u8>)>,
}

/// Divides `fields` so that what goes with the object fits, beside `others` that the user adds to it.
///
/// # Errors
/// If what doesn't fit is too much.
pub fn parcel(mut fields: Fields, others: &[(String, String)]) -> Result<Parcel, Unfit> {
    let cost = |name: &str, value: &str| BEFORE_NAMES + name.len() + value.len();
    let room = others
        .iter()
        .fold(MOST_METADATA - OTHERS, |room, (name, value)| {
            room.saturating_sub(cost(name, value))
        });
    let taken = |fields: &Fields| {
        fields
            .iter()
            .map(|(name, value)| cost(name, value))
            .sum::<usize>()
    };
    if taken(&fields) <= room {
        return Ok(Parcel {
            metadata: fields.into_iter().collect(),
            more: None,
        });
    }
    let room = room.saturating_sub(cost("s3pipes-more", "0123456789abcdef"));
    let mut more = Fields::new();
    while taken(&fields) > room {
        // The format stays with the object: it says how to read the rest.
        let longest = fields
            .iter()
            .filter(|(name, _)| *name != "s3pipes-member")
            .max_by_key(|(_, value)| value.len())
            .map(|(name, _)| name.clone());
        let Some((name, value)) = longest.and_then(|name| fields.remove_entry(&name)) else {
            return Err(Unfit::TooMuch);
        };
        more.insert(name, value);
    }
    let bytes = serde_json::to_vec(&more).map_err(|_| Unfit::TooMuch)?;
    if bytes.len() as u64 > MOST_MORE {
        return Err(Unfit::TooMuch);
    }
    let digits = format!("{:016x}", crc64(&bytes));
    fields.insert("s3pipes-more".to_owned(), digits.clone());
    Ok(Parcel {
        metadata: fields.into_iter().collect(),
        more: Some((format!(".{digits}.META"), bytes)),
    })
}

/// What the key of the second object adds to that of the first, by the digits that the first one has.
#[must_use]
pub fn more_suffix(digits: &str) -> String {
    format!(".{digits}.META")
}

/// True of the key of a second object.
#[must_use]
pub fn is_more(key: &str) -> bool {
    let digits = key
        .strip_suffix(".META")
        .and_then(|rest| rest.len().checked_sub(17).and_then(|at| rest.get(at..)));
    digits.is_some_and(|digits| {
        digits.starts_with('.') && digits[1..].bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// The fields in the bytes of a second object, whose digits are these.
///
/// # Errors
/// If they are others.
pub fn unpacked(digits: &str, bytes: &[u8]) -> Result<Fields, Unfit> {
    if format!("{:016x}", crc64(bytes)) != digits {
        return Err(Unfit::Damaged("s3pipes-more"));
    }
    serde_json::from_slice(bytes).map_err(|_| Unfit::Damaged("s3pipes-more"))
}

/// The prefix of members, as it is used: without slashes at its end.
///
/// # Errors
/// If nothing is left.
pub fn prefix(text: &str) -> Result<&str> {
    let prefix = text.trim_end_matches('/');
    if prefix.is_empty() {
        return Err(Error::usage("a prefix of members can't be empty"));
    }
    Ok(prefix)
}

#[cfg(test)]
mod tests;
