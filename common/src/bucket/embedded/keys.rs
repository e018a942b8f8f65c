//! Where a key lies on disk, and back.
//!
//! [`record_path`] is one-to-one for every key and never leaves its directory; [`kind`] and [`unescape`] are
//! its inverse, one directory entry at a time. [`own_path`] says whether a body can lie under its own name.

/// A piece of an escaped segment is at most this long, so that its suffix fits in a file name too.
const PIECE: usize = 200;
/// The directory that holds everything but bodies.
pub(super) const INNER: &str = ".s3pipes";

/// The path of a key's record, relative to the directory of records.
pub(super) fn record_path(key: &str) -> String {
    let mut path = String::with_capacity(key.len() + 16);
    let mut segments = key.split('/').peekable();
    while let Some(segment) = segments.next() {
        escape(segment, &mut path);
        path.push_str(if segments.peek().is_some() {
            "%d/"
        } else {
            "%o"
        });
    }
    path
}

fn escape(segment: &str, path: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut start = path.len();
    for (at, letter) in segment.char_indices() {
        let plain = !(letter.is_ascii_control() || letter == '%' || (letter == '.' && at == 0));
        let length = if plain { letter.len_utf8() } else { 3 };
        if path.len() - start + length > PIECE {
            path.push_str("%c/");
            start = path.len();
        }
        if plain {
            path.push(letter);
        } else {
            let byte = letter as u32 as u8;
            path.push('%');
            path.push(char::from(HEX[usize::from(byte >> 4)]));
            path.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// What a directory entry among the records stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A record: the last segment of a key.
    Object,
    /// A directory: a segment with more behind it.
    Directory,
    /// The beginning of a segment that was too long for one name.
    Piece,
}

/// Takes a directory entry's name apart: its kind and the escaped text. `None` for what isn't ours.
pub(super) fn kind(name: &[u8]) -> Option<(Kind, &[u8])> {
    let (text, suffix) = name.split_at_checked(name.len().checked_sub(2)?)?;
    match suffix {
        b"%o" => Some((Kind::Object, text)),
        b"%d" => Some((Kind::Directory, text)),
        b"%c" => Some((Kind::Piece, text)),
        _ => None,
    }
}

/// Appends the unescaped text; false if it isn't one that [`record_path`] writes.
pub(super) fn unescape(text: &[u8], into: &mut Vec<u8>) -> bool {
    // Most names have no escapes, and a listing sees a hundred thousand of them.
    let mut runs = text.split(|&byte| byte == b'%');
    into.extend_from_slice(runs.next().unwrap_or_default());
    for run in runs {
        let [high, low, plain @ ..] = run else {
            return false;
        };
        let (Some(high), Some(low)) = (nibble(*high), nibble(*low)) else {
            return false;
        };
        into.push(high << 4 | low);
        into.extend_from_slice(plain);
    }
    true
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The path of a key's body under its own name, if such a path is possible at all.
pub(super) fn own_path(key: &str) -> Option<&str> {
    let fits = |segment: &str| {
        (1..=255).contains(&segment.len())
            && segment != "."
            && segment != ".."
            && !segment.bytes().any(|byte| byte.is_ascii_control())
    };
    let first = key.split('/').next().unwrap_or_default();
    let possible = key.split('/').all(fits) && !first.eq_ignore_ascii_case(INNER);
    possible.then_some(key)
}

/// Where bodies lie that can't lie under their own name.
const SPARE: &str = ".s3pipes/bodies/";

/// The path of a body that can't lie under its own name.
pub(super) fn spare_path(id: &str) -> String {
    format!("{SPARE}{id}")
}

/// True for a path that [`spare_path`] makes.
pub(super) fn is_spare(body: &str) -> bool {
    body.strip_prefix(SPARE).is_some_and(|id| {
        id.len() == 32
            && id
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// True where the body of `key` may lie: under its own name, or where the others are.
pub(super) fn may_hold(body: &str, key: &str) -> bool {
    own_path(key) == Some(body) || is_spare(body)
}

/// True for a path that stays below the directory it is taken from.
pub(super) fn stays_inside(path: &str) -> bool {
    path.split('/')
        .all(|segment| !matches!(segment, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The inverse, by way of the pieces that a walk sees.
    fn back(path: &str) -> Option<String> {
        let mut key = Vec::new();
        for name in path.split('/') {
            let (kind, text) = kind(name.as_bytes())?;
            assert!(unescape(text, &mut key));
            if kind == Kind::Directory {
                key.push(b'/');
            }
        }
        String::from_utf8(key).ok()
    }

    #[test]
    fn the_table_of_the_format_page() {
        for (key, path) in [
            ("host:home:0:2026-01-31", "host:home:0:2026-01-31%o"),
            ("a", "a%o"),
            ("a/b", "a%d/b%o"),
            ("a/", "a%d/%o"),
            ("//x", "%d/%d/x%o"),
            ("../etc", "%2E.%d/etc%o"),
            ("100%", "100%25%o"),
        ] {
            assert_eq!(record_path(key), path);
            assert_eq!(back(path).as_deref(), Some(key));
        }
    }

    #[test]
    fn long_segments_are_cut_between_characters() {
        let key = "é".repeat(512);
        let path = record_path(&key);
        assert!(path.split('/').all(|name| name.len() <= PIECE + 2));
        assert_eq!(back(&path), Some(key));
        assert_eq!(
            record_path(&"x".repeat(200)),
            format!("{}%o", "x".repeat(200))
        );
        assert_eq!(
            record_path(&"x".repeat(201)),
            format!("{}%c/x%o", "x".repeat(200))
        );
    }

    #[test]
    fn own_paths() {
        for key in ["a", "a b/c:d", "ä/ö", ".hidden", "x/.s3pipes", "...", "%o"] {
            assert_eq!(own_path(key), Some(key), "{key}");
        }
        for key in [
            "",
            "/a",
            "a/",
            "a//b",
            ".",
            "a/../b",
            "a/.",
            ".s3pipes",
            ".S3Pipes/format",
            "a\nb",
            "\u{7f}",
        ] {
            assert_eq!(own_path(key), None, "{key}");
        }
        assert_eq!(own_path(&"x".repeat(256)), None);
    }

    fn odd_key() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("/".to_owned()),
            Just(".".to_owned()),
            Just("%".to_owned()),
            Just("%o".to_owned()),
            Just("%d".to_owned()),
            Just("\u{1}".to_owned()),
            Just("e\u{301}".to_owned()),
            Just("é".to_owned()),
            Just("x".repeat(150)),
            any::<char>().prop_map(String::from),
            "[a-c]{1,3}".prop_map(String::from),
        ];
        prop::collection::vec(piece, 1..60).prop_map(|pieces| {
            let mut key = pieces.concat();
            while key.len() > 1024 {
                key.pop();
            }
            key
        })
    }

    proptest! {
        #[test]
        fn every_key_comes_back(key in odd_key()) {
            let path = record_path(&key);
            prop_assert!(path.len() <= 3 * key.len() + 40);
            prop_assert!(path.split('/').all(|name| name.len() <= PIECE + 2 && name != "." && name != ".."));
            prop_assert!(path.bytes().all(|byte| !byte.is_ascii_control()));
            prop_assert_eq!(back(&path), Some(key));
        }

        #[test]
        fn different_keys_have_different_paths(one in odd_key(), other in odd_key()) {
            prop_assert_eq!(one == other, record_path(&one) == record_path(&other));
        }
    }
}
