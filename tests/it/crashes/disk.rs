//! Full and read-only disks under `file://`: a clear error, nothing visible, and the same command works when there is room.
//!
//! The disk is a small tmpfs of our own, so this takes root.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::missing;
use tests::tools::{Ran, Workshop};

use crate::conformance::answers::pattern;
use crate::conformance::store::Store;
use crate::stored::Stored;

const SMALL: usize = 20_000;
const LARGE: usize = (10 << 20) + 1;

/// A workshop with a bucket on a disk of its own.
struct Small {
    shop: Workshop,
}

impl Small {
    /// None, after saying so, if this user can't mount.
    fn new(options: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            missing::skipped("a full disk", "only root can mount one");
            return None;
        }
        let shop = Workshop::new();
        let small = Self { shop };
        if !small.mount(&["-t", "tmpfs", "-o", options, "none"]) {
            missing::skipped("a full disk", "no tmpfs can be mounted here");
            return None;
        }
        let made = small.shop.run(&["s3put", "-q", "--make-bucket"], None);
        assert_eq!(made.code, Some(0), "{}", made.err);
        for (name, bytes) in [("small", pattern(1, SMALL)), ("large", pattern(2, LARGE))] {
            std::fs::write(small.shop.folder().join(name), bytes).expect("write");
        }
        Some(small)
    }

    fn disk(&self) -> PathBuf {
        self.shop.folder().join("disk")
    }

    fn mount(&self, words: &[&str]) -> bool {
        let mut mount = Command::new("mount");
        let mount = mount.args(words).arg(self.disk());
        mount.status().is_ok_and(|status| status.success())
    }

    fn again(&self, options: &str) {
        assert!(
            self.mount(&["-o", &format!("remount,{options}")]),
            "{options}"
        );
    }

    fn put(&self, what: &str) -> Ran {
        let words = [
            "s3put",
            "--patience",
            "1s",
            "--part-size",
            "5M",
            "-k",
            "dump",
        ];
        self.shop.run(&words, Some(&self.shop.folder().join(what)))
    }

    fn stored(&self) -> Stored {
        Stored::of(&Store::in_folder(&self.disk()).client(), "backups")
    }

    /// Either it says why not and nothing is there, or all is there. True if it is.
    fn judge(&self, ran: &Ran, what: &str, room: &str) -> bool {
        let stored = self.stored();
        let uploads = &stored.uploads;
        assert!(uploads.is_empty(), "{room}: {uploads:?} {}", ran.err);
        let inner = self.disk().join("backups/.s3pipes");
        if ran.code == Some(0) {
            let bytes = std::fs::read(self.shop.folder().join(what)).expect("read");
            assert!(stored.objects["dump"].body == bytes, "{room}: other bytes");
            return true;
        }
        assert!(matches!(ran.code, Some(100 | 111)), "{room}: {ran:?}");
        assert!(
            ran.err.contains("s3put: error: could not "),
            "{room}: {}",
            ran.err
        );
        assert!(ran.err.contains("hint: make room"), "{room}: {}", ran.err);
        assert_eq!(stored.keys(), Vec::<&str>::new(), "{room}: {}", ran.err);
        assert_eq!(files(&inner.join("tmp")), 0, "{room}: leftovers");
        assert_eq!(files(&inner.join("uploads")), 0, "{room}: leftovers");
        false
    }

    fn remove(&self) {
        let removed = self
            .shop
            .run(&["s3prune", "-q", "-k", "dump", "--delete"], None);
        assert_eq!(removed.code, Some(0), "{}", removed.err);
    }

    /// Kilobytes and inodes in use.
    fn used(&self) -> (u64, u64) {
        let about = rustix::fs::statvfs(self.disk()).expect("ask the disk");
        let blocks = (about.f_blocks - about.f_bfree) * about.f_frsize / 1024;
        (blocks, about.f_files - about.f_ffree)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily, so that it goes whatever else happened.
        let _ = Command::new("umount").arg("-l").arg(self.disk()).status();
    }
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// The disk is full in the middle of the parts. With more room the same command succeeds.
#[test]
fn full_in_the_middle_of_an_upload() {
    let Some(small) = Small::new("size=8M") else {
        return;
    };
    let ran = small.put("large");
    assert!(!small.judge(&ran, "large", "8M"), "10 MiB went into 8");
    small.again("size=64M");
    let ran = small.put("large");
    assert!(small.judge(&ran, "large", "64M"), "{}", ran.err);
}

/// Room for one block, or one file, more each time, until it is enough: so the disk is full at every moment that
/// there is, also when the object is about to appear.
#[test]
fn full_at_every_moment() {
    let Some(small) = Small::new("size=64M,nr_inodes=10000") else {
        return;
    };
    for (what, size) in [("small", SMALL), ("large", LARGE)] {
        let (blocks, _) = small.used();
        let least = blocks + (size as u64).div_ceil(4096) * 4 - 8;
        let rooms = (0..).map(|more| format!("size={}k,nr_inodes=10000", least + 4 * more));
        enough(&small, what, rooms);
        // The store keeps some files for later, empty ones.
        let (_, inodes) = small.used();
        let rooms = (0..).map(|more| format!("size=64M,nr_inodes={}", inodes + more));
        enough(&small, what, rooms);
    }
}

/// Puts into more and more room until it succeeds.
fn enough(small: &Small, what: &str, rooms: impl Iterator<Item = String>) {
    for (refused, room) in rooms.take(40).enumerate() {
        small.again(&room);
        let ran = small.put(what);
        if small.judge(&ran, what, &room) {
            println!("{what}: refused {refused} times, then {room} was enough");
            assert!(refused > 0, "{room} was enough at once");
            small.again("size=64M,nr_inodes=10000");
            small.remove();
            return;
        }
    }
    panic!("it never was enough for {what}");
}

#[test]
fn read_only_disk() {
    let Some(small) = Small::new("size=64M") else {
        return;
    };
    small.again("ro");
    for what in ["small", "large"] {
        let ran = small.put(what);
        assert_eq!(ran.code, Some(100), "{}", ran.err);
        assert!(!small.judge(&ran, what, "read-only"));
    }
    small.again("rw");
    let ran = small.put("large");
    assert!(small.judge(&ran, "large", "rw"), "{}", ran.err);
}
