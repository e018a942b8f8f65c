//! Chunk streams: their beginning. Whoever stores one checks the rest anyway, and that it has its end.

use common::chunks::{HEAD, Head};

use super::{Check, EMPTY, Flaw, Proof, flaw};

/// True of what begins as a chunk stream does.
pub(super) fn recognises(start: &[u8]) -> bool {
    start.starts_with(b"s3pipes\0") && start.get(156) == Some(&b'g')
}

/// A chunk stream, as far as it has come.
#[derive(Default)]
pub(super) struct Chunks {
    first: Vec<u8>,
}

impl Chunks {
    fn begins(&self) -> Result<(), Flaw> {
        match Head::parse(&self.first) {
            Some(Ok(_)) => Ok(()),
            _ if self.first.is_empty() => Err(EMPTY),
            _ => Err(flaw("it does not begin as one")),
        }
    }
}

impl Check for Chunks {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        let missing = HEAD - self.first.len();
        if missing == 0 {
            return Ok(());
        }
        self.first.extend(bytes.iter().take(missing));
        if self.first.len() == HEAD {
            self.begins()
        } else {
            Ok(())
        }
    }

    fn end(&self) -> Result<Proof, Flaw> {
        self.begins()?;
        Ok(Proof::Closed)
    }
}
