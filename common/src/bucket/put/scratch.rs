//! Parts that memory can't hold twice lie in files: one is sent while the next one is written.
//!
//! The files have no name, so that nothing stays behind however we end, and nobody else can open them. They
//! are in `$TMPDIR`, or else in `/var/tmp`: `/tmp` is often memory.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;

/// One is being filled, and one sent.
const FILES: usize = 2;

/// Where the files are.
pub(super) fn place() -> PathBuf {
    std::env::var_os("TMPDIR")
        .filter(|value| !value.is_empty())
        .map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from)
}

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

/// A new file that has no name.
fn nameless(place: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    match options
        .clone()
        .custom_flags(OFlags::TMPFILE.bits().cast_signed())
        .open(place)
    {
        // Some file systems can't: NFS, and those of other systems. There it has a name for a moment.
        Err(error)
            if error.kind() == io::ErrorKind::Unsupported
                || error.kind() == io::ErrorKind::IsADirectory =>
        {
            let name = format!(".s3put-{:016x}", crate::bucket::random());
            let path = place.join(name);
            let file = options
                .create_new(true)
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(file)
        }
        other => other,
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
