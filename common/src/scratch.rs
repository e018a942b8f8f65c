//! Files without a name: nothing stays behind however we end, and nobody else can open them.
//!
//! They are in `$TMPDIR`, or else in `/var/tmp`: `/tmp` is often memory.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// Where the files are.
#[must_use]
pub fn place() -> PathBuf {
    std::env::var_os("TMPDIR")
        .filter(|value| !value.is_empty())
        .map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from)
}

/// A new file that has no name, in the directory `place`, to be read and written.
///
/// # Errors
/// If none can be made there.
pub fn nameless(place: &Path) -> io::Result<File> {
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
            let name = format!(".s3pipes-{}", crate::chunks::Id::random());
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
