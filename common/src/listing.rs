//! Listings: what a bucket holds, grouped into dumps.
//!
//! An [`Entry`] is one object as the server lists it; a [`Dump`] is one object, or all the pieces of one name.
//! Whatever is not a dump stays in view as [`Catalogue::others`], and so do pieces beside a dump that is one
//! object: they are never read as part of it, unless the objects themselves say that they continue it. A listing
//! can't tell that: it has [questions](Catalogue::questions), and whoever can look at objects answers them.
//! `KEY.tail` goes with the dump that is the object `KEY`, and is none of its bytes.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::levels::is_borne_out;
use crate::names::{DumpName, Piece, parse_key, tail_of};
use crate::units::total;

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

/// True of a storage class whose objects must be thawed before they can be read.
#[must_use]
pub fn is_cold(class: &str) -> bool {
    matches!(class, "GLACIER" | "DEEP_ARCHIVE")
}

/// What objects say of each other that keeps a dump from being whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Torn {
    /// Another object must follow the last one, and doesn't.
    BreaksOff,
    /// There are more pieces.
    Endless,
    /// The pieces are not all of one dump.
    Mixed,
}

/// One dump: its name and its objects.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dump {
    /// Its name.
    pub name: DumpName,
    /// Its objects, in the order of their bytes; never empty.
    pub pieces: Vec<(Piece, Entry)>,
    /// A copy of its end, which can be read where it must be thawed first.
    pub tail: Option<Entry>,
    /// What keeps it from being whole, as its objects say.
    torn: Option<Torn>,
}

impl Dump {
    /// Key that names the dump.
    #[must_use]
    pub fn key(&self) -> String {
        self.name.to_string()
    }

    /// Every object that is there because of it: those that hold its bytes, in their order, then the tail.
    pub fn objects(&self) -> impl Iterator<Item = &Entry> {
        self.pieces.iter().map(|(_, entry)| entry).chain(&self.tail)
    }

    /// Bytes stored, all pieces together.
    #[must_use]
    pub fn size(&self) -> u64 {
        total(self.pieces.iter().map(|(_, entry)| entry.size))
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
        let pieces: Vec<Piece> = self.pieces.iter().map(|(piece, _)| *piece).collect();
        let gap = flaw(&pieces);
        match self.torn {
            None => gap,
            Some(Torn::BreaksOff) => Some(format!(
                "{}:{}, in which it goes on, is missing or belongs to something else",
                self.key(),
                self.pieces.len()
            )),
            Some(Torn::Endless) => gap.or_else(|| Some("its last piece is missing".to_owned())),
            Some(Torn::Mixed) => Some("its pieces are not all of one dump".to_owned()),
        }
    }
}

/// What keeps `pieces`, which are in order, from being one whole stream: a gap, or two generations mixed.
fn flaw(pieces: &[Piece]) -> Option<String> {
    for (expected, piece) in (0..).zip(pieces) {
        let number = match (*piece, pieces[0]) {
            (Piece::Whole, _) => expected,
            (Piece::Number(n), Piece::Number(_))
            | (Piece::Chunk(n), Piece::Chunk(_))
            | (Piece::Next(n), Piece::Whole) => n,
            _ => return Some("it is stored in two forms at once".to_owned()),
        };
        if number != expected {
            return Some(format!("its piece {expected} is missing"));
        }
    }
    None
}

/// Takes from the objects of one name, which are in order, those that are not part of the dump.
///
/// A dump that has an object of its own name is all there. Whoever may write, but not replace anything, must not be able to
/// add to it, or to spoil it: pieces beside it are strays. The other way round an object planted beside an
/// older dump in pieces must not pass for that dump. There the server's clock tells: if it bears out the date
/// of a piece and not that of the object, they stay together, as two forms of which neither is believed.
fn strays(name: &DumpName, pieces: &mut Vec<(Piece, Entry)>) -> Vec<(Piece, Entry)> {
    let own = pieces
        .iter()
        .take_while(|(piece, _)| matches!(piece, Piece::Whole | Piece::Next(_)))
        .count();
    let (Some((Piece::Whole, whole)), beside) = (pieces.first(), &pieces[own..]) else {
        return Vec::new();
    };
    let is_borne_out = |entry: &Entry| is_borne_out(&name.date, entry.modified);
    if !is_borne_out(whole) && beside.iter().any(|(_, entry)| is_borne_out(entry)) {
        return Vec::new();
    }
    pieces.split_off(own)
}

/// What only a look at an object can tell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The dump that it is about.
    pub name: DumpName,
    /// The object to look at.
    pub key: String,
    /// What about it.
    pub asked: Asked,
}

/// What an object is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asked {
    /// It has the dump's own name: is it continued?
    Continued,
    /// It is `KEY:0`: how many pieces are there? The highest number is this.
    Pieces(u32),
    /// What comes before it is missing: does it continue something?
    Remains,
}

/// What a look at the objects of a name has told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bond {
    /// `KEY` is continued, by `KEY:1` up to this number; whole if no other one must follow.
    Continued {
        /// The number of the last one.
        by: u32,
        /// Nothing is missing.
        whole: bool,
    },
    /// Pieces that count themselves: those up to this number are the dump; whole if the last one is among them.
    Numbered {
        /// The number of the last one.
        by: u32,
        /// Nothing is missing at the end.
        whole: bool,
    },
    /// The first piece says nothing of others, and others do.
    Mixed,
    /// They continue an object that isn't there: a run that failed at its very end, or a removal.
    Orphans,
}

/// The answers to a catalogue's questions, as far as there are any.
pub type Bonds = BTreeMap<DumpName, Bond>;

/// A bucket's content: dumps in the order of host, file system, level, date; and the rest.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Catalogue {
    /// Every dump.
    pub dumps: Vec<Dump>,
    /// Every object that is not (a piece of) a dump, in the order of keys.
    pub others: Vec<Entry>,
}

impl Catalogue {
    /// What these entries leave open: whether `KEY` is continued, where there is a `KEY:N`; how many pieces a dump in
    /// numbered pieces has; and whether what looks like a dump without its first pieces is left over from one that was
    /// continued.
    #[must_use]
    pub fn questions(entries: &[Entry]) -> Vec<Question> {
        let mut names: BTreeMap<DumpName, Vec<(Piece, &Entry)>> = BTreeMap::new();
        for entry in entries {
            if let Some((name, piece)) = parse_key(&entry.key) {
                names.entry(name).or_default().push((piece, entry));
            }
        }
        names
            .into_iter()
            .filter_map(|(name, mut pieces)| {
                pieces.sort_by_key(|(piece, _)| *piece);
                let &(first, entry) = pieces.first()?;
                let numbers = pieces.iter().filter_map(|(piece, _)| match piece {
                    Piece::Number(number) => Some(*number),
                    _ => None,
                });
                let highest = numbers.max();
                let asked = match first {
                    Piece::Whole if highest > Some(0) => Asked::Continued,
                    Piece::Number(0) => Asked::Pieces(highest.unwrap_or(0)),
                    Piece::Number(_) => Asked::Remains,
                    _ => return None,
                };
                let key = entry.key.clone();
                Some(Question { name, key, asked })
            })
            .collect()
    }

    /// The catalogue of `entries`, and of what is known besides.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = Entry>, bonds: &Bonds) -> Self {
        let mut dumps: BTreeMap<DumpName, Vec<(Piece, Entry)>> = BTreeMap::new();
        let mut tails: BTreeMap<DumpName, Entry> = BTreeMap::new();
        let mut others = Vec::new();
        for entry in entries {
            match (parse_key(&entry.key), tail_of(&entry.key)) {
                (Some((name, piece)), _) => dumps.entry(name).or_default().push((piece, entry)),
                (None, Some(name)) => others.extend(tails.insert(name, entry)),
                (None, None) => others.push(entry),
            }
        }
        let dumps = dumps
            .into_iter()
            .filter_map(|(name, mut pieces)| {
                let bond = bonds.get(&name);
                if let Some(Bond::Continued { by, .. }) = bond {
                    for (piece, _) in &mut pieces {
                        match *piece {
                            Piece::Number(number) if (1..=*by).contains(&number) => {
                                *piece = Piece::Next(number);
                            }
                            _ => {}
                        }
                    }
                }
                pieces.sort_by_key(|(piece, _)| *piece);
                others.extend(
                    strays(&name, &mut pieces)
                        .into_iter()
                        .map(|(_, entry)| entry),
                );
                if let Some(&Bond::Numbered { by, whole: true }) = bond {
                    let beyond = |(piece, _): &mut (Piece, Entry)| matches!(piece, Piece::Number(number) if *number > by);
                    others.extend(pieces.extract_if(.., beyond).map(|(_, entry)| entry));
                }
                if bond == Some(&Bond::Orphans) {
                    others.extend(pieces.drain(..).map(|(_, entry)| entry));
                }
                let torn = match bond {
                    Some(Bond::Continued { whole: false, .. }) => Some(Torn::BreaksOff),
                    Some(Bond::Numbered { whole: false, .. }) => Some(Torn::Endless),
                    Some(Bond::Mixed) => Some(Torn::Mixed),
                    _ => None,
                };
                // The older forms have none.
                let tail = match pieces.first() {
                    Some((Piece::Whole, _)) => tails.remove(&name),
                    _ => None,
                };
                (!pieces.is_empty()).then_some(Dump {
                    name,
                    pieces,
                    tail,
                    torn,
                })
            })
            .collect();
        others.extend(tails.into_values());
        others.sort_by(|one: &Entry, other| one.key.cmp(&other.key));
        Self { dumps, others }
    }
}

/// The catalogue of entries as far as their names tell.
impl FromIterator<Entry> for Catalogue {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self::new(entries, &Bonds::new())
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
    fn pieces_beside_a_whole_dump_are_not_part_of_it() {
        let keys = [
            "h:f:0:2017-01-01",
            "h:f:0:2017-01-01/chunk_000000",
            "h:f:0:2017-01-01:0",
            "h:f:0:2017-01-01:1",
            "x",
        ];
        // Also where the date is as true or untrue of all of them.
        for taken in ["2017-01-01T12:00:00Z", "2026-01-01T12:00:00Z"] {
            let entries = keys.map(|key| Entry {
                modified: taken.parse().unwrap(),
                ..entry(key)
            });
            let catalogue: Catalogue = entries.into_iter().rev().collect();
            let [dump] = catalogue.dumps.as_slice() else {
                panic!("{:?}", catalogue.dumps);
            };
            assert_eq!((dump.size(), dump.flaw()), (1, None));
            let others: Vec<&str> = catalogue
                .others
                .iter()
                .map(|one| one.key.as_str())
                .collect();
            assert_eq!(others, keys[1..]);
        }
    }

    #[test]
    fn an_object_planted_beside_older_pieces_does_not_pass_for_the_dump() {
        let taken = |key, taken: &str| Entry {
            modified: taken.parse().unwrap(),
            ..entry(key)
        };
        let (then, later) = ("2017-01-01T12:00:00Z", "2026-01-01T12:00:00Z");
        let both = |whole, pieces| -> Catalogue {
            let keys = ["h:f:0:2017-01-01:0", "h:f:0:2017-01-01:1"].map(|key| taken(key, pieces));
            keys.into_iter()
                .chain([taken("h:f:0:2017-01-01", whole)])
                .collect()
        };
        let planted = both(later, then);
        assert_eq!(
            planted.dumps[0].flaw().as_deref(),
            Some("it is stored in two forms at once")
        );
        assert!(planted.others.is_empty());
        let strays = both(then, later);
        assert_eq!((strays.dumps[0].flaw(), strays.others.len()), (None, 2));
    }

    #[test]
    fn what_continues_a_dump_is_part_of_it_and_nothing_else_is() {
        let keys = [
            "h:f:0:2017-01-01",
            "h:f:0:2017-01-01:0",
            "h:f:0:2017-01-01:1",
            "h:f:0:2017-01-01:10",
            "h:f:0:2017-01-01:2",
            "h:f:1:2017-01-02:1",
            "h:f:1:2017-01-03",
            "h:f:1:2017-01-03:2",
            "h:f:1:2017-01-04:0",
            "x",
        ];
        let entries = || keys.map(entry).to_vec();
        let questions: Vec<(String, Asked)> = Catalogue::questions(&entries())
            .into_iter()
            .map(|question| (question.key, question.asked))
            .collect();
        assert_eq!(
            questions,
            [
                ("h:f:0:2017-01-01".to_owned(), Asked::Continued),
                ("h:f:1:2017-01-02:1".to_owned(), Asked::Remains),
                ("h:f:1:2017-01-03".to_owned(), Asked::Continued),
                ("h:f:1:2017-01-04:0".to_owned(), Asked::Pieces(0)),
            ]
        );
        let name = |key| DumpName::parse(key).unwrap();
        let catalogue = |by, whole| {
            let bonds = Bonds::from([
                (name("h:f:0:2017-01-01"), Bond::Continued { by, whole }),
                (name("h:f:1:2017-01-02"), Bond::Orphans),
            ]);
            Catalogue::new(entries(), &bonds)
        };
        let keys_of = |dump: &Dump| {
            let keys = dump.pieces.iter().map(|(_, entry)| entry.key.clone());
            keys.collect::<Vec<_>>()
        };
        let whole = catalogue(2, true);
        assert_eq!(keys_of(&whole.dumps[0]), [keys[0], keys[2], keys[4]]);
        assert_eq!((whole.dumps[0].flaw(), whole.dumps.len()), (None, 3));
        let others: Vec<&str> = whole.others.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(others, [keys[1], keys[3], keys[5], keys[7], keys[9]]);
        let torn = catalogue(1, false);
        assert_eq!(keys_of(&torn.dumps[0]), [keys[0], keys[2]]);
        assert_eq!(
            torn.dumps[0].flaw().as_deref(),
            Some(
                "h:f:0:2017-01-01:2, in which it goes on, is missing or belongs to something else"
            )
        );
    }

    #[test]
    fn pieces_that_count_themselves_end_where_they_say() {
        let keys = [
            "h:f:0:2026-01-01:0",
            "h:f:0:2026-01-01:1",
            "h:f:0:2026-01-01:10",
            "h:f:0:2026-01-01:2",
        ];
        let asked: Vec<Asked> = Catalogue::questions(&keys.map(entry))
            .into_iter()
            .map(|question| question.asked)
            .collect();
        assert_eq!(asked, [Asked::Pieces(10)]);
        let catalogue = |keys: &[&str], by, whole| {
            let name = DumpName::parse("h:f:0:2026-01-01").unwrap();
            let bonds = Bonds::from([(name, Bond::Numbered { by, whole })]);
            let catalogue = Catalogue::new(keys.iter().map(|key| entry(key)), &bonds);
            let others = catalogue.others.into_iter().map(|other| other.key);
            (catalogue.dumps[0].flaw(), others.collect::<Vec<_>>())
        };
        let beyond = keys[2].to_owned();
        assert_eq!(catalogue(&keys, 2, true), (None, vec![beyond.clone()]));
        assert_eq!(
            catalogue(&keys[..2], 1, false),
            (Some("its last piece is missing".to_owned()), vec![])
        );
        let gap = Some("its piece 1 is missing".to_owned());
        assert_eq!(
            catalogue(&[keys[0], keys[2], keys[3]], 2, true),
            (gap.clone(), vec![beyond])
        );
        assert_eq!(catalogue(&[keys[0], keys[3]], 2, false), (gap, vec![]));
    }

    #[test]
    fn a_tail_goes_with_its_dump_and_with_nothing_else() {
        let keys = [
            "h:f:0:2017-01-01",
            "h:f:0:2017-01-01.tail",
            "h:f:0:2017-01-01:1.tail",
            "h:f:0:2017-01-02:0",
            "h:f:0:2017-01-02.tail",
            "h:f:0:2017-01-03.tail",
        ];
        let catalogue: Catalogue = keys.into_iter().map(entry).collect();
        let objects = |dump: &Dump| {
            let keys = dump.objects().map(|entry| entry.key.clone());
            (dump.size(), keys.collect::<Vec<_>>())
        };
        let [one, two] = catalogue.dumps.as_slice() else {
            panic!("{:?}", catalogue.dumps);
        };
        assert_eq!(objects(one), (1, vec![keys[0].into(), keys[1].into()]));
        assert_eq!(objects(two), (1, vec![keys[3].into()]));
        let others = catalogue.others.iter().map(|one| one.key.as_str());
        assert_eq!(others.collect::<Vec<_>>(), [keys[2], keys[4], keys[5]]);
    }

    #[test]
    fn flaws() {
        use Piece::{Chunk, Next, Number, Whole};
        assert_eq!(flaw(&[Whole]), None);
        assert_eq!(flaw(&[Whole, Next(1), Next(2)]), None);
        assert!(flaw(&[Whole, Next(2)]).is_some());
        assert_eq!(flaw(&[Number(0), Number(1)]), None);
        assert_eq!(flaw(&[Chunk(0), Chunk(1)]), None);
        assert!(flaw(&[Number(1)]).is_some());
        assert!(flaw(&[Whole, Number(0)]).is_some());
        assert!(flaw(&[Whole, Number(1)]).is_some());
        assert!(flaw(&[Whole, Chunk(0)]).is_some());
        assert!(flaw(&[Number(0), Chunk(0)]).is_some());
        assert!(flaw(&[Chunk(0), Chunk(2)]).is_some());
    }
}
