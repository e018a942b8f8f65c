//! tar: headers, for those who walk from member to member; members with all that is told of them, read and written.
//!
//! Sources: POSIX.1-2024, pax, "ustar Interchange Format"; the GNU tar manual, "Basic Tar Format" and "Storing Sparse
//! Files"; star(5). Nothing is believed of a block whose checksum is wrong.

mod member;
pub mod read;
mod records;
pub mod write;

pub use self::member::{Kind, Member, Segment, Time};
pub use self::records::{add_record, first_record, records};

/// The unit of everything.
pub const BLOCK: usize = 512;

/// A header, or anything else of that size.
pub type Block = [u8; BLOCK];

/// In a block of an old sparse map, the byte that says whether another one follows.
pub const SPARSE_MORE: usize = 504;

/// True if a map of holes follows the header of a sparse file: GNU tar and star say so in different places.
#[must_use]
pub fn has_more_map(block: &Block) -> bool {
    block[if is_star(block) { 355 } else { 482 }] != 0
}

fn is_star(block: &Block) -> bool {
    &block[508..] == b"tar\0"
}

/// The bytes that a content of so many bytes takes; `None` if there can't be so many.
#[must_use]
pub fn padded(size: u64) -> Option<u64> {
    size.checked_next_multiple_of(BLOCK as u64)
}

/// True of a block with which the end of an archive begins.
#[must_use]
pub fn is_zero(block: &Block) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// True if the checksum is right: the sum of all bytes, its own field counting as blanks. Some old programs
/// took the bytes for signed ones.
#[must_use]
pub fn is_header(block: &Block) -> bool {
    let field = 148..156;
    let Some(said) = octal(&block[field.clone()]) else {
        return false;
    };
    let blanks = 8 * i64::from(b' ');
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| i64::from(*byte)).sum::<i64>();
    let signed = |bytes: &[u8]| {
        let bytes = bytes.iter().map(|byte| i64::from(byte.cast_signed()));
        bytes.sum::<i64>()
    };
    let said = i64::try_from(said).unwrap_or(-1);
    said == sum(block) - sum(&block[field.clone()]) + blanks
        || said == signed(block) - signed(&block[field]) + blanks
}

/// A size: octal digits, or, if the first bit is set, a binary number (GNU tar, star). `None` if it is neither.
#[must_use]
pub fn number(field: &[u8]) -> Option<u64> {
    match *field.first()? {
        first if first & 0x80 == 0 => octal(field),
        // Negative.
        first if first & 0x40 != 0 => None,
        first => field[1..]
            .iter()
            .try_fold(u64::from(first & 0x3f), |sum, byte| {
                Some(sum.checked_mul(256)? | u64::from(*byte))
            }),
    }
}

/// Octal digits after blanks, up to a blank or a NUL. A field of blanks and NULs only is 0.
fn octal(field: &[u8]) -> Option<u64> {
    let text = field.trim_ascii_start();
    let end = text
        .iter()
        .position(|byte| matches!(byte, b' ' | 0))
        .unwrap_or(text.len());
    text[..end].iter().try_fold(0u64, |sum, byte| {
        let digit = (b'0'..=b'7').contains(byte).then(|| byte - b'0')?;
        sum.checked_mul(8)?.checked_add(u64::from(digit))
    })
}

/// The path of a member, as its header has it: extended headers before it may say otherwise.
#[must_use]
pub fn path(block: &Block) -> Vec<u8> {
    let name = text(&block[..100]);
    // GNU tar's own format, with blanks here, has other things in the place of the prefix.
    if &block[257..263] != b"ustar\0" {
        return name;
    }
    let prefix = text(&block[345..if is_star(block) { 476 } else { 500 }]);
    if prefix.is_empty() {
        name
    } else {
        [prefix, b"/".to_vec(), name].concat()
    }
}

/// What a field holds before the first NUL.
fn text(field: &[u8]) -> Vec<u8> {
    let end = field.iter().position(|byte| *byte == 0);
    field[..end.unwrap_or(field.len())].to_vec()
}

#[cfg(test)]
mod tests;
