//! From the path of a member to the key of its object.

use super::Unfit;
use crate::names::MAX_KEY;
use crate::tar::Kind;

/// What a key ends in, besides that of a directory.
const SUFFIXES: [&str; 6] = [
    ".SYMLINK",
    ".HARDLINK",
    ".FIFO",
    ".CHARDEV",
    ".BLOCKDEV",
    ".META",
];
/// What is added to the name of a file that ends like something else.
const FILE: &str = ".FILE";

/// A path without the slashes at its ends, without empty parts and parts `.`.
///
/// # Errors
/// If it has a part `..`.
pub fn normal(path: &[u8]) -> Result<Vec<u8>, Unfit> {
    let parts = path
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".");
    let parts: Vec<&[u8]> = parts.collect();
    if parts.contains(&&b".."[..]) {
        return Err(Unfit::Climbs);
    }
    Ok(parts.join(&b'/'))
}

/// The key of a member with this path below `prefix`.
///
/// # Errors
/// If it has a part `..`, or the key would be too long.
pub fn key(prefix: &str, path: &[u8], kind: Kind) -> Result<String, Unfit> {
    let path = normal(path)?;
    let suffix = match kind {
        // The empty path has a slash behind it already.
        Kind::Dir if path.is_empty() => "",
        Kind::Dir => "/",
        Kind::File if is_taken(&path) => FILE,
        Kind::File => "",
        Kind::Symlink => SUFFIXES[0],
        Kind::HardLink => SUFFIXES[1],
        Kind::Fifo => SUFFIXES[2],
        Kind::CharDevice => SUFFIXES[3],
        Kind::BlockDevice => SUFFIXES[4],
    };
    let key = format!("{prefix}/{}{suffix}", escaped(&path));
    if key.len() > MAX_KEY {
        return Err(Unfit::LongKey);
    }
    Ok(key)
}

/// The keys of all types that have the same path as this one, which is among them; none of the key of a plain file.
#[must_use]
pub fn namesakes(key: &str) -> Vec<String> {
    let types = || SUFFIXES.iter().take(5).chain(&["/"]);
    let kept = key
        .strip_suffix(FILE)
        .filter(|rest| is_taken(rest.as_bytes()));
    let base = kept.or_else(|| types().find_map(|suffix| key.strip_suffix(suffix)));
    let Some(base) = base else {
        return Vec::new();
    };
    let file = if is_taken(base.as_bytes()) { FILE } else { "" };
    std::iter::once(&file)
        .chain(types())
        .map(|suffix| format!("{base}{suffix}"))
        .collect()
}

/// True of a path that ends like the key of something else than a file, or like one that got [`FILE`].
fn is_taken(mut path: &[u8]) -> bool {
    while let Some(rest) = path.strip_suffix(FILE.as_bytes()) {
        path = rest;
    }
    SUFFIXES
        .iter()
        .any(|suffix| path.ends_with(suffix.as_bytes()))
}

/// As UTF-8 without control characters.
fn escaped(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            let is_escape = c == '%'
                && after.len() >= 2
                && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
            if c.is_ascii_control() || is_escape {
                out.push_str(&format!("%{:02X}", u32::from(c)));
            } else {
                out.push(c);
            }
            rest = after;
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const KINDS: [Kind; 7] = [
        Kind::File,
        Kind::Dir,
        Kind::Symlink,
        Kind::HardLink,
        Kind::Fifo,
        Kind::CharDevice,
        Kind::BlockDevice,
    ];

    /// The inverse of [`escaped`].
    fn plain(key: &str) -> Vec<u8> {
        let (mut bytes, mut rest) = (Vec::new(), key.as_bytes());
        while let Some((byte, after)) = rest.split_first() {
            let digits = after
                .get(..2)
                .and_then(|digits| std::str::from_utf8(digits).ok());
            match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(code) if *byte == b'%' && after[..2].iter().all(u8::is_ascii_hexdigit) => {
                    bytes.push(code);
                    rest = &after[2..];
                }
                _ => {
                    bytes.push(*byte);
                    rest = after;
                }
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn keys_tell_paths_apart(path in prop::collection::vec(prop_oneof![Just(b'%'), Just(b'F'), Just(b'4'), Just(b'\n'), any::<u8>()], 0..12)) {
            let text = escaped(&path);
            prop_assert!(!text.chars().any(|c| c.is_ascii_control()));
            prop_assert_eq!(plain(&text), path);
        }

        #[test]
        fn types_tell_keys_apart(paths in prop::collection::vec("(a|b)(\\.SYMLINK|\\.FILE|\\.META|\\.FIFO|/x){0,3}", 2..8)) {
            let mut seen: HashMap<String, (Vec<u8>, Kind)> = HashMap::new();
            for path in &paths {
                let all: Vec<String> = KINDS.map(|kind| key("p", path.as_bytes(), kind).unwrap()).into();
                let mut same = namesakes(&all[1]);
                same.sort();
                for kind in KINDS {
                    let key = key("p", path.as_bytes(), kind).unwrap();
                    prop_assert!(same.contains(&key), "{} {:?}", key, same);
                    let mut others = namesakes(&key);
                    others.sort();
                    // Of a plain file nothing tells.
                    prop_assert!(others == same || (others.is_empty() && kind == Kind::File));
                    let it = (path.clone().into_bytes(), kind);
                    if let Some(before) = seen.insert(key, it.clone()) {
                        prop_assert_eq!(before, it);
                    }
                }
            }
        }
    }

    #[test]
    fn keys_are_those_of_the_page() {
        let key = |path: &str, kind| key("ember", path.as_bytes(), kind).unwrap();
        assert_eq!(key("home/me/notes", Kind::File), "ember/home/me/notes");
        assert_eq!(key("/home//me/./x/", Kind::Dir), "ember/home/me/x/");
        assert_eq!(key("./", Kind::Dir), "ember/");
        assert_eq!(key("./l", Kind::Symlink), "ember/l.SYMLINK");
        assert_eq!(key("l.SYMLINK", Kind::File), "ember/l.SYMLINK.FILE");
        assert_eq!(key("l.FILE", Kind::File), "ember/l.FILE");
        assert_eq!(key("100% of 5%2F", Kind::File), "ember/100% of 5%252F");
        assert_eq!(key("a\nb", Kind::File), "ember/a%0Ab");
        assert_eq!(super::key("p", b"\xff", Kind::File).unwrap(), "p/%FF");
        assert_eq!(super::key("p", b"a/../b", Kind::File), Err(Unfit::Climbs));
        assert_eq!(
            super::key("p", &[b'n'; 1023], Kind::File),
            Err(Unfit::LongKey)
        );
    }
}
