//! The tail of a chunk stream, kept while the stream passes: what follows its chunks, as a stream of the form `tail`.
//!
//! It is in memory as long as it is small, then in a file without a name. It is only a copy: if there is no room for it,
//! it is lost, and the dump isn't.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, Write};

use common::chunks::{Form, Head, Id};
use common::scratch;

/// As much stays in memory.
const IN_MEMORY: usize = 4 << 20;

/// Takes what is to be kept.
pub(super) struct Keeper {
    kept: io::Result<Kept>,
}

enum Kept {
    Memory(Vec<u8>),
    File(File),
}

impl Keeper {
    /// Of the stream with this id.
    pub(super) fn new(id: Id) -> Self {
        let head = Head {
            id,
            form: Form::Tail,
        };
        Self {
            kept: Ok(Kept::Memory(head.encode().to_vec())),
        }
    }

    /// The next bytes.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        let kept = match &mut self.kept {
            Ok(Kept::Memory(memory)) if memory.len() + bytes.len() <= IN_MEMORY => {
                memory.extend_from_slice(bytes);
                return;
            }
            Ok(Kept::Memory(memory)) => {
                let file = scratch::nameless(&scratch::place());
                file.and_then(|mut file| {
                    file.write_all(memory)?;
                    file.write_all(bytes)?;
                    Ok(file)
                })
            }
            Ok(Kept::File(file)) => match file.write_all(bytes) {
                Ok(()) => return,
                Err(error) => Err(error),
            },
            Err(_) => return,
        };
        self.kept = kept.map(Kept::File);
    }

    /// All of it.
    pub(super) fn tail(self) -> Tail {
        Tail(self.kept)
    }
}

/// A whole tail, or why there is none.
pub(crate) struct Tail(io::Result<Kept>);

impl Tail {
    /// Its bytes.
    ///
    /// # Errors
    /// If they could not be kept.
    pub(crate) fn bytes(self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self.0? {
            Kept::Memory(memory) => Box::new(Cursor::new(memory)),
            Kept::File(mut file) => {
                file.rewind()?;
                Box::new(file)
            }
        })
    }
}
