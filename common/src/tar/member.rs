//! A member of an archive, with all that its headers tell of it.

/// What it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// Another name of a file that came before.
    HardLink,
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

/// A moment: seconds since 1970 (UTC), rounded down, and nanoseconds to be added.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Time {
    /// Negative before 1970.
    pub seconds: i64,
    /// Less than a second.
    pub nanos: u32,
}

/// Bytes of a sparse file that are no hole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Segment {
    /// Where they are in the file.
    pub offset: u64,
    /// How many; never 0.
    pub length: u64,
}

impl Segment {
    /// Where it ends, if there is such a place.
    #[must_use]
    pub fn end(self) -> Option<u64> {
        self.offset.checked_add(self.length)
    }
}

/// A member.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// As the archive has it.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Permissions, without the bits of the type.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// The owner's name; empty where it isn't told.
    pub owner: Vec<u8>,
    /// The group's name; empty where it isn't told.
    pub group: Vec<u8>,
    /// When the content was changed.
    pub mtime: Time,
    /// When anything was changed.
    pub ctime: Option<Time>,
    /// Bytes of the file, holes included; 0 of what is no file.
    pub size: u64,
    /// What is no hole, in rising order; `None` of a file without holes.
    pub segments: Option<Vec<Segment>>,
    /// Where a link leads to: any text of a symlink, the path of another member of a hard link.
    pub target: Vec<u8>,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Records of extended headers that say none of this.
    pub records: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Member {
    /// A file of no bytes that nothing is known of but its name.
    #[must_use]
    pub fn named(path: &[u8]) -> Self {
        Self {
            path: path.to_vec(),
            kind: Kind::File,
            mode: 0o644,
            uid: 0,
            gid: 0,
            owner: Vec::new(),
            group: Vec::new(),
            mtime: Time::default(),
            ctime: None,
            size: 0,
            segments: None,
            target: Vec::new(),
            device: (0, 0),
            records: Vec::new(),
        }
    }

    /// About what its lists take of memory, in whatever form.
    #[must_use]
    pub fn weight(&self) -> u64 {
        let records = self.records.iter();
        let bytes: usize = records.map(|(key, value)| key.len() + value.len()).sum();
        let segments = self.segments.as_ref().map_or(0, Vec::len);
        4 * bytes as u64 + 64 * segments as u64
    }

    /// Bytes that come with it: those of a file, without holes. `None` if there can't be so many.
    #[must_use]
    pub fn stored(&self) -> Option<u64> {
        match &self.segments {
            None => Some(self.size),
            Some(segments) => sum(segments),
        }
    }
}

/// The bytes of all segments, if they rise and don't overlap.
pub(super) fn sum(segments: &[Segment]) -> Option<u64> {
    let mut end = 0;
    segments.iter().try_fold(0u64, |sum, segment| {
        if segment.offset < end {
            return None;
        }
        end = segment.end()?;
        sum.checked_add(segment.length)
    })
}
