//! Which chunks hold the members that somebody wants, and which bytes of them.
//!
//! A path that is asked for is that of a member, or of a folder: then what is below it is meant, too. What is in no list
//! is refused, so that a typing error doesn't restore nothing with success.

use std::ops::Range;

use common::chunks::{FileLine, Index};
use common::{Error, Result};

use crate::join::{Tail, refuse};

/// Parts of a stream.
pub struct Selection {
    /// Bytes: ascending, apart from each other.
    pub ranges: Vec<Range<u64>>,
    /// The chunks that they are in: where each comes in the stream, and at which byte it begins.
    pub chunks: Vec<(usize, u64)>,
}

impl Selection {
    /// What these paths name.
    ///
    /// # Errors
    /// If there is no list of files, or one of the paths is not in it.
    pub fn of(tail: &Tail, paths: &[Vec<u8>]) -> Result<Self> {
        let files = tail.files()?;
        let mut found = vec![false; paths.len()];
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for file in files {
            let mut wanted = false;
            for (path, found) in paths.iter().zip(&mut found) {
                if is_below(&file.path, path) {
                    *found = true;
                    wanted = true;
                }
            }
            if wanted {
                add(&mut ranges, file)?;
            }
        }
        if let Some(missing) = found.iter().position(|found| !found) {
            let path = String::from_utf8_lossy(&paths[missing]);
            return Err(
                Error::nothing(format!("nothing in the dump is called {path}"))
                    .hint("--files lists what is in it"),
            );
        }
        if ranges
            .last()
            .is_some_and(|last| last.end > tail.index.length)
        {
            return Err(damaged());
        }
        let chunks = chunks(&tail.index, &ranges);
        Ok(Self { ranges, chunks })
    }

    /// The positions of the chunks as `0-3,17`.
    #[must_use]
    pub fn positions(&self) -> String {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (position, _) in &self.chunks {
            match runs.last_mut() {
                Some(run) if run.end == *position => run.end += 1,
                _ => runs.push(*position..position + 1),
            }
        }
        let words = runs.iter().map(|run| match run.len() {
            1 => run.start.to_string(),
            _ => format!("{}-{}", run.start, run.end - 1),
        });
        words.collect::<Vec<_>>().join(",")
    }
}

/// True if `path` is `wanted`, or below it. `./` before and `/` behind a path say nothing.
fn is_below(path: &[u8], wanted: &[u8]) -> bool {
    let (path, wanted) = (plain(path), plain(wanted));
    let rest = path.strip_prefix(wanted);
    rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || wanted.is_empty())
}

fn plain(path: &[u8]) -> &[u8] {
    let mut path = path;
    while let Some(rest) = path.strip_prefix(b"./") {
        path = rest;
    }
    while let Some(rest) = path.strip_suffix(b"/") {
        path = rest;
    }
    if path == b"." { b"" } else { path }
}

fn add(ranges: &mut Vec<Range<u64>>, file: &FileLine) -> Result<()> {
    let range = file.offset..file.offset + file.length;
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        Some(last) if last.end > range.start => return Err(damaged()),
        _ => ranges.push(range),
    }
    Ok(())
}

fn damaged() -> Error {
    refuse("its list of files is damaged")
}

fn chunks(index: &Index, ranges: &[Range<u64>]) -> Vec<(usize, u64)> {
    let mut ranges = ranges.iter().filter(|range| !range.is_empty()).peekable();
    let mut wanted = Vec::new();
    let mut begin = 0;
    for (position, entry) in index.chunks.iter().enumerate() {
        let end = begin + u64::from(entry.length);
        while ranges.peek().is_some_and(|range| range.end <= begin) {
            ranges.next();
        }
        if ranges.peek().is_some_and(|range| range.start < end) {
            wanted.push((position, begin));
        }
        begin = end;
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, wanted, is) in [
            ("home/a", "home/a", true),
            ("home/a/b", "home/a", true),
            ("home/a/b", "home/a/", true),
            ("./home/a/", "home/a", true),
            ("home/a", "./home", true),
            ("/home/a", "/home", true),
            ("home/ab", "home/a", false),
            ("home/a", "home/a/b", false),
            ("/home/a", "home", false),
            ("anything/at all", ".", true),
            ("anything", "./", true),
        ] {
            assert_eq!(
                is_below(path.as_bytes(), wanted.as_bytes()),
                is,
                "{path} {wanted}"
            );
        }
    }

    #[test]
    fn positions_are_ranges() {
        let of = |positions: &[usize]| Selection {
            ranges: Vec::new(),
            chunks: positions.iter().map(|position| (*position, 0)).collect(),
        };
        assert_eq!(of(&[0, 1, 2, 3, 17]).positions(), "0-3,17");
        assert_eq!(of(&[5]).positions(), "5");
        assert_eq!(of(&[1, 3, 4]).positions(), "1,3-4");
    }
}
