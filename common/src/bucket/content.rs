//! The bytes of a part: in memory, or in a file without a name. Each attempt to send them reads them anew.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;

/// A part's bytes. Clones share them; they are given up with the last one.
#[derive(Clone)]
pub(super) enum Content {
    /// One piece after the other.
    Memory(Arc<[Bytes]>),
    /// The first so many bytes of a file.
    File(Arc<dyn AsRef<File> + Send + Sync>, u64),
}

impl Content {
    /// How many bytes they are.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Memory(pieces) => pieces.iter().map(|piece| piece.len() as u64).sum(),
            Self::File(_, length) => *length,
        }
    }

    /// The bytes, from the first one on.
    pub(super) fn read(&self) -> Reading {
        Reading {
            content: self.clone(),
            left: self.len(),
            at: 0,
            piece: 0,
        }
    }
}

/// How far a content has been read.
pub(super) struct Reading {
    content: Content,
    left: u64,
    /// Of the file, or of the piece in memory that is being read.
    at: u64,
    piece: usize,
}

impl Reading {
    /// Bytes still to come.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// How many bytes [`Self::take`] can bring at once: `most`, or fewer where a piece ends.
    pub(super) fn next(&mut self, most: usize) -> usize {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let here = match &self.content {
            Content::File(..) => left,
            Content::Memory(pieces) => {
                let at = usize::try_from(self.at).unwrap_or(usize::MAX);
                pieces
                    .get(self.piece)
                    .map_or(0, |piece| piece.len().saturating_sub(at))
            }
        };
        most.min(left).min(here)
    }

    /// The next `count` bytes, which are at most what [`Self::next`] said. From a file they are read now: a
    /// few hundred kilobytes, mostly from the system's memory, hold nobody up for long.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(super) fn take(&mut self, count: usize) -> io::Result<Bytes> {
        let count = self.next(count);
        let bytes = match &self.content {
            Content::File(file, _) => {
                let mut buffer = vec![0; count];
                (**file).as_ref().read_exact_at(&mut buffer, self.at)?;
                self.at += count as u64;
                Bytes::from(buffer)
            }
            Content::Memory(pieces) => {
                let at = usize::try_from(self.at).unwrap_or(usize::MAX);
                let piece = pieces
                    .get(self.piece)
                    .map_or_else(Bytes::new, |piece| piece.slice(at..at + count));
                self.at += count as u64;
                if pieces
                    .get(self.piece)
                    .is_some_and(|piece| piece.len() as u64 == self.at)
                {
                    (self.piece, self.at) = (self.piece + 1, 0);
                }
                piece
            }
        };
        self.left -= count as u64;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    struct Named(File);

    impl AsRef<File> for Named {
        fn as_ref(&self) -> &File {
            &self.0
        }
    }

    fn all(content: &Content, most: usize) -> Vec<u8> {
        let mut reading = content.read();
        let mut seen = Vec::new();
        while reading.left() > 0 {
            let count = reading.next(most);
            assert!(count > 0);
            seen.extend_from_slice(&reading.take(count).unwrap());
        }
        seen
    }

    proptest! {
        #[test]
        fn all_bytes_come_again_and_again(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..5), most in 1usize..30) {
            let whole = pieces.concat();
            let memory = Content::Memory(pieces.into_iter().map(Bytes::from).collect());
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&whole).unwrap();
            file.write_all(b"and more").unwrap();
            let file = Content::File(Arc::new(Named(file)), whole.len() as u64);
            for content in [memory, file] {
                prop_assert_eq!(content.len(), whole.len() as u64);
                prop_assert_eq!(&all(&content, most), &whole);
                prop_assert_eq!(&all(&content, most), &whole);
            }
        }
    }
}
