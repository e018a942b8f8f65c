//! Listings: what a bucket holds, grouped into dumps.
//!
//! An [`Entry`] is one object as the server lists it; a [`Dump`] is all the objects of one name. Whatever is
//! not a dump stays in view as [`Catalogue::others`].

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::names::{DumpName, Piece, parse_key};

/// One object, as a listing shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Key, without the place's prefix.
    pub key: String,
    /// Bytes stored.
    pub size: u64,
    /// When the server took it in, by the server's clock.
    pub modified: Timestamp,
    /// The server's mark of this content.
    pub etag: String,
    /// Storage class, `STANDARD` where the server names none.
    pub class: String,
}

/// One dump: its name and its objects.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dump {
    /// Its name.
    pub name: DumpName,
    /// Its objects, in the order of their bytes; never empty.
    pub pieces: Vec<(Piece, Entry)>,
}

impl Dump {
    /// Key that names the dump.
    #[must_use]
    pub fn key(&self) -> String {
        self.name.to_string()
    }

    /// Bytes stored, all pieces together.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.pieces.iter().map(|(_, entry)| entry.size).sum()
    }

    /// When its last object was taken in.
    #[must_use]
    pub fn modified(&self) -> Timestamp {
        self.pieces
            .iter()
            .map(|(_, entry)| entry.modified)
            .max()
            .unwrap_or(Timestamp::MIN)
    }

    /// Storage class of its first object.
    #[must_use]
    pub fn class(&self) -> &str {
        self.pieces
            .first()
            .map_or("STANDARD", |(_, entry)| entry.class.as_str())
    }

    /// Mark of its first object.
    #[must_use]
    pub fn etag(&self) -> &str {
        self.pieces
            .first()
            .map_or("", |(_, entry)| entry.etag.as_str())
    }

    /// What keeps the pieces from being one whole stream, if anything does.
    #[must_use]
    pub fn flaw(&self) -> Option<String> {
        flaw(
            &self
                .pieces
                .iter()
                .map(|(piece, _)| *piece)
                .collect::<Vec<_>>(),
        )
    }
}

/// What keeps `pieces`, which are in order, from being one whole stream: a gap, or two generations mixed.
fn flaw(pieces: &[Piece]) -> Option<String> {
    let mut expected = 0;
    for piece in pieces {
        match *piece {
            Piece::Whole => expected = 1,
            Piece::Chunk(_) if matches!(pieces[0], Piece::Whole | Piece::Number(_)) => {
                return Some("it is stored in two forms at once".to_owned());
            }
            Piece::Number(0) if pieces[0] == Piece::Whole => {
                return Some("it is stored in two forms at once".to_owned());
            }
            Piece::Number(n) | Piece::Chunk(n) if n == expected => expected = n.saturating_add(1),
            Piece::Number(_) | Piece::Chunk(_) => {
                return Some(format!("its piece {expected} is missing"));
            }
        }
    }
    None
}

/// A bucket's content: dumps in the order of host, file system, level, date; and the rest.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Catalogue {
    /// Every dump.
    pub dumps: Vec<Dump>,
    /// Every object that is not (a piece of) a dump.
    pub others: Vec<Entry>,
}

impl FromIterator<Entry> for Catalogue {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut dumps: BTreeMap<DumpName, Vec<(Piece, Entry)>> = BTreeMap::new();
        let mut others = Vec::new();
        for entry in entries {
            match parse_key(&entry.key) {
                Some((name, piece)) => dumps.entry(name).or_default().push((piece, entry)),
                None => others.push(entry),
            }
        }
        let dumps = dumps
            .into_iter()
            .map(|(name, mut pieces)| {
                pieces.sort_by_key(|(piece, _)| *piece);
                Dump { name, pieces }
            })
            .collect();
        Self { dumps, others }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str) -> Entry {
        Entry {
            key: key.to_owned(),
            size: 1,
            modified: Timestamp::UNIX_EPOCH,
            etag: String::new(),
            class: "STANDARD".to_owned(),
        }
    }

    #[test]
    fn pieces_come_together_in_numeric_order() {
        let keys = [
            "h:f:0:2017-01-01:10",
            "h:f:0:2017-01-01:9",
            "x",
            "h:f:0:2017-01-01:0",
        ];
        let catalogue: Catalogue = keys.into_iter().map(entry).collect();
        assert_eq!(catalogue.others.len(), 1);
        let pieces: Vec<Piece> = catalogue.dumps[0]
            .pieces
            .iter()
            .map(|(piece, _)| *piece)
            .collect();
        assert_eq!(
            pieces,
            [Piece::Number(0), Piece::Number(9), Piece::Number(10)]
        );
        assert_eq!(
            catalogue.dumps[0].flaw().as_deref(),
            Some("its piece 1 is missing")
        );
    }

    #[test]
    fn flaws() {
        use Piece::{Chunk, Number, Whole};
        assert_eq!(flaw(&[Whole]), None);
        assert_eq!(flaw(&[Whole, Number(1), Number(2)]), None);
        assert_eq!(flaw(&[Number(0), Number(1)]), None);
        assert_eq!(flaw(&[Chunk(0), Chunk(1)]), None);
        assert!(flaw(&[Number(1)]).is_some());
        assert!(flaw(&[Whole, Number(2)]).is_some());
        assert!(flaw(&[Whole, Number(0)]).is_some());
        assert!(flaw(&[Number(0), Chunk(0)]).is_some());
        assert!(flaw(&[Chunk(0), Chunk(2)]).is_some());
    }
}
