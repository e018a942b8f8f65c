//! Parts that memory can't hold twice lie in files: one is sent while the next one is written.
//!
//! The files have no name ([`crate::scratch`]).

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::scratch::nameless;

/// One is being filled, and one sent.
const FILES: usize = 2;

/// Files that come back.
pub(super) struct Scratch {
    place: PathBuf,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    free: Vec<Arc<File>>,
    lent: usize,
}

impl Scratch {
    /// Files in the directory `place`; none is made before it is needed.
    pub(super) fn new(place: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            place,
            state: Mutex::default(),
            returned: Condvar::new(),
        })
    }

    /// Where they are.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// A file to write over, as soon as one is not in use.
    ///
    /// # Errors
    /// If none can be made.
    pub(super) fn take(self: &Arc<Self>) -> io::Result<Sheet> {
        let mut state = self
            .returned
            .wait_while(self.lock(), |state| state.lent >= FILES)
            .unwrap_or_else(PoisonError::into_inner);
        let file = match state.free.pop() {
            Some(file) => file,
            None => Arc::new(nameless(&self.place)?),
        };
        state.lent += 1;
        drop(state);
        Ok(Sheet {
            file,
            home: Arc::clone(self),
            spoiled: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file on loan: it goes back when the last request that sends it is done.
pub(super) struct Sheet {
    file: Arc<File>,
    home: Arc<Scratch>,
    spoiled: bool,
}

impl Sheet {
    /// Gives the file up, and the room that it takes.
    pub(super) fn spoil(mut self) {
        self.spoiled = true;
    }
}

impl AsRef<File> for Sheet {
    fn as_ref(&self) -> &File {
        &self.file
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        let mut state = self.home.lock();
        state.lent -= 1;
        if !self.spoiled {
            state.free.push(Arc::clone(&self.file));
        }
        drop(state);
        self.home.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt as _, MetadataExt as _};

    use super::*;

    #[test]
    fn files_have_no_name_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(folder.path().to_owned());
        let (one, two) = (scratch.take().unwrap(), scratch.take().unwrap());
        one.as_ref().write_all_at(b"one", 0).unwrap();
        let number = |sheet: &Sheet| sheet.as_ref().metadata().unwrap().ino();
        let (first, second) = (number(&one), number(&two));
        assert_ne!(first, second);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        drop(one);
        let again = scratch.take().unwrap();
        assert_eq!(number(&again), first);
        again.spoil();
        assert!(scratch.lock().free.is_empty());
    }

    #[test]
    fn no_place_no_file() {
        let scratch = Scratch::new("/no/such/place".into());
        assert!(scratch.take().is_err());
        assert_eq!(scratch.lock().lent, 0);
    }
}
