//! age: a header that ends in a MAC, a nonce, and the content in pieces of 64 KiB, each with a tag of 16 bytes.
//!
//! Source: "The age file encryption format", version 1 (C2SP, age.md): the sections on the header, the payload
//! and ASCII armor.
//!
//! Which piece is the last one only the key tells. So of a binary file only this is checked: that its header is
//! complete up to the MAC, that nonce and at least one piece are there, and that the last piece has a length
//! that it can have. Of all places where such a file can be cut, this finds those in the header and 16 in each
//! 65,552 after it. An armored file has a line at its end, which is looked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Check, EMPTY, FOLLOWED, Flaw, Proof, flaw};

/// The first line of a binary file.
const VERSION: &[u8] = b"age-encryption.org/v1\n";
/// The first line of an armored one.
const BEGIN: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
/// Its last one.
const END: &[u8] = b"-----END AGE ENCRYPTED FILE-----";
/// Characters in a full line of base64.
const COLUMNS: usize = 64;
/// Characters of the MAC.
const MAC: usize = 43;

const NONCE: u64 = 16;
const TAG: u64 = 16;
const PIECE: u64 = (64 << 10) + TAG;

const IN_HEADER: Flaw = flaw("it ends inside the header");
const IN_CONTENT: Flaw = flaw("it ends inside a piece");
const IN_ARMOR: Flaw = flaw("the last line of the armor is missing");
const DAMAGED: Flaw = flaw("its header is damaged");
const ARMOR_DAMAGED: Flaw = flaw("a line of its armor is damaged");
const STRANGE: Flaw = flaw("it does not begin like one");

/// True if a stream that begins with `start` is of this format.
pub(super) fn recognises(start: &[u8]) -> bool {
    start.starts_with(VERSION) || start.starts_with(BEGIN)
}

/// A file of either form.
#[derive(Default)]
pub(super) struct Age {
    form: Form,
}

enum Form {
    /// The first bytes, which both forms may begin with.
    Unknown(Vec<u8>),
    Binary(Binary),
    Armored(Box<Armored>),
}

impl Default for Form {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

impl Check for Age {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Flaw> {
        while let (Form::Unknown(seen), Some((byte, rest))) = (&mut self.form, bytes.split_first())
        {
            seen.push(*byte);
            bytes = rest;
            if seen == VERSION {
                self.form = Form::Binary(Binary::default());
            } else if seen == BEGIN {
                self.form = Form::Armored(Box::default());
            } else if !VERSION.starts_with(seen) && !BEGIN.starts_with(seen) {
                return Err(STRANGE);
            }
        }
        match &mut self.form {
            Form::Unknown(_) => Ok(()),
            Form::Binary(binary) => binary.take(bytes),
            Form::Armored(armored) => armored.take(bytes),
        }
    }

    fn end(&self) -> Result<Proof, Flaw> {
        match &self.form {
            Form::Unknown(seen) if seen.is_empty() => Err(EMPTY),
            Form::Unknown(_) => Err(IN_HEADER),
            Form::Binary(binary) => binary.end().map(|()| Proof::Plausible),
            Form::Armored(armored) => armored.end().map(|()| Proof::Closed),
        }
    }
}

/// How long the header is of the binary file that begins with `start`. Behind it comes the nonce, by which the content
/// is known from any other.
///
/// # Errors
/// If no such file begins so, or `start` ends before the first piece.
pub(super) fn header(start: &[u8]) -> Result<usize, Flaw> {
    let Some(lines) = start.strip_prefix(VERSION) else {
        return Err(if VERSION.starts_with(start) {
            IN_HEADER
        } else {
            STRANGE
        });
    };
    let mut binary = Binary::default();
    for (at, byte) in lines.iter().enumerate() {
        binary.place = binary.header(*byte).ok_or(DAMAGED)?;
        if binary.place == Place::Content {
            let content = &lines[at + 1..];
            let whole = content.len() as u64 > NONCE;
            return if whole {
                Ok(VERSION.len() + at + 1)
            } else {
                Err(IN_CONTENT)
            };
        }
    }
    Err(IN_HEADER)
}

/// Where in the file after its first line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// In a line that begins with `--- ` or `-> `: how many bytes of it were read, and which it is so far.
    Line(usize, Line),
    /// In a line of a recipient's base64: how many characters.
    Body(usize),
    /// After the header.
    Content,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Line {
    Unknown,
    Recipient,
    Mac,
}

/// A binary file after its first line.
struct Binary {
    place: Place,
    recipients: bool,
    /// Bytes after the header.
    content: u64,
}

impl Default for Binary {
    fn default() -> Self {
        Self {
            place: Place::Line(0, Line::Unknown),
            recipients: false,
            content: 0,
        }
    }
}

impl Binary {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        for (at, byte) in bytes.iter().enumerate() {
            if self.place == Place::Content {
                self.content += (bytes.len() - at) as u64;
                break;
            }
            self.place = self.header(*byte).ok_or(DAMAGED)?;
        }
        Ok(())
    }

    fn header(&mut self, byte: u8) -> Option<Place> {
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        Some(match (self.place, byte) {
            (Place::Line(0, _), b'-') => Place::Line(1, Line::Unknown),
            (Place::Line(1, _), b'>') => Place::Line(2, Line::Recipient),
            (Place::Line(1, _), b'-') if self.recipients => Place::Line(2, Line::Mac),
            (Place::Line(2, Line::Mac), b'-') => Place::Line(3, Line::Mac),
            (Place::Line(3, Line::Mac), b' ') => Place::Line(4, Line::Mac),
            (Place::Line(at, Line::Mac), byte) if (4..4 + MAC).contains(&at) && is_base64(byte) => {
                Place::Line(at + 1, Line::Mac)
            }
            (Place::Line(at, Line::Mac), b'\n') if at == 4 + MAC => Place::Content,
            (Place::Line(2, Line::Recipient), b' ') => Place::Line(3, Line::Recipient),
            (Place::Line(at, Line::Recipient), b'!'..=b'~') if at >= 3 => {
                Place::Line(4, Line::Recipient)
            }
            (Place::Line(4, Line::Recipient), b' ') => Place::Line(3, Line::Recipient),
            (Place::Line(4, Line::Recipient), b'\n') => {
                self.recipients = true;
                Place::Body(0)
            }
            // The last line is shorter than the others, perhaps empty.
            (Place::Body(COLUMNS), b'\n') => Place::Body(0),
            (Place::Body(_), b'\n') => Place::Line(0, Line::Unknown),
            (Place::Body(at), byte) if at < COLUMNS && is_base64(byte) => Place::Body(at + 1),
            _ => return None,
        })
    }

    fn end(&self) -> Result<(), Flaw> {
        if self.place != Place::Content {
            return Err(IN_HEADER);
        }
        // Only an empty file has a piece that holds nothing.
        let pieces = self.content.checked_sub(NONCE).ok_or(IN_CONTENT)?;
        let last = pieces % PIECE;
        if pieces == TAG || last > TAG || (last == 0 && pieces > 0) {
            Ok(())
        } else {
            Err(IN_CONTENT)
        }
    }
}

/// An armored file after `-----BEGIN AGE ENCRYPTED FILE-----`.
struct Armored {
    /// A line, as far as it came.
    line: Vec<u8>,
    state: Armor,
    inner: Age,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Armor {
    /// The rest of the first line.
    First,
    Lines,
    /// A line that wasn't full was seen: only the last one may come.
    LastLine,
    Ended,
}

impl Default for Armored {
    fn default() -> Self {
        Self {
            line: Vec::with_capacity(COLUMNS + 2),
            state: Armor::First,
            inner: Age::default(),
        }
    }
}

impl Armored {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Flaw> {
        while !bytes.is_empty() {
            if self.state == Armor::Ended {
                return if bytes.iter().all(u8::is_ascii_whitespace) {
                    Ok(())
                } else {
                    Err(FOLLOWED)
                };
            }
            let length = memchr::memchr(b'\n', bytes);
            let (some, rest) = bytes.split_at(length.unwrap_or(bytes.len()));
            if self.line.len() + some.len() > COLUMNS + 1 {
                return Err(ARMOR_DAMAGED);
            }
            self.line.extend_from_slice(some);
            bytes = rest;
            if length.is_some() {
                bytes = &bytes[1..];
                let line = std::mem::take(&mut self.line);
                self.whole_line(line.strip_suffix(b"\r").unwrap_or(&line))?;
                self.line = line;
                self.line.clear();
            }
        }
        Ok(())
    }

    fn whole_line(&mut self, line: &[u8]) -> Result<(), Flaw> {
        match self.state {
            Armor::First if line.is_empty() => self.state = Armor::Lines,
            Armor::Lines | Armor::LastLine if line == END => self.end_armor()?,
            Armor::Lines => {
                if line.len() < COLUMNS || line.ends_with(b"=") {
                    self.state = Armor::LastLine;
                }
                let mut plain = [0; COLUMNS];
                let length = STANDARD
                    .decode_slice(line, &mut plain)
                    .map_err(|_| ARMOR_DAMAGED)?;
                if length == 0 {
                    return Err(ARMOR_DAMAGED);
                }
                self.inner.take(plain.get(..length).unwrap_or_default())?;
            }
            Armor::First | Armor::LastLine | Armor::Ended => return Err(ARMOR_DAMAGED),
        }
        Ok(())
    }

    fn end_armor(&mut self) -> Result<(), Flaw> {
        // Armor in armor is no age file.
        let Form::Binary(inner) = &self.inner.form else {
            return Err(DAMAGED);
        };
        inner.end()?;
        self.state = Armor::Ended;
        Ok(())
    }

    fn end(&self) -> Result<(), Flaw> {
        // The last line may lack its line feed.
        if self.state == Armor::Ended {
            return Ok(());
        }
        let is_last = matches!(self.state, Armor::Lines | Armor::LastLine) && self.line == END;
        match &self.inner.form {
            Form::Binary(inner) if is_last => inner.end(),
            _ => Err(IN_ARMOR),
        }
    }
}
