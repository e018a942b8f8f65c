//! Which keys there are, in byte order, a page at a time.
//!
//! The walk enters only directories that the prefix and the starting point allow, takes whole directories as
//! common prefixes without looking further than their first record, keeps only as much of a directory as
//! the page needs, however large it is, and takes what vanishes under its hands as never seen.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::entries::{each_name, has_record, open_dir};
use super::keys::{Kind, kind, unescape};

/// What to list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a> {
    /// Only keys that begin with this.
    pub(super) prefix: &'a str,
    /// Keys with this after the prefix are rolled up to its end. Empty for none.
    pub(super) delimiter: &'a str,
    /// Only keys after this one. If it is a common prefix, that one was given already.
    pub(super) after: &'a str,
    /// At most so many keys and common prefixes.
    pub(super) limit: usize,
}

/// One line of a listing.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Entry {
    Key(String),
    Prefix(String),
}

impl Entry {
    /// The key or the prefix.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Key(name) | Self::Prefix(name) => name,
        }
    }
}

/// A page: entries in byte order, and whether there are more.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
    pub(super) more: bool,
}

/// Lists the records below `meta`.
pub(super) fn page(meta: &Path, query: Query<'_>) -> io::Result<Page> {
    let mut walk = Walk {
        query,
        page: Page::default(),
        path: meta.as_os_str().as_bytes().to_vec(),
        base: Vec::new(),
    };
    if query.limit > 0 {
        walk.run()?;
    }
    Ok(walk.page)
}

/// The first names in one directory level, the pieces of long names put together.
#[derive(Default)]
struct Level {
    /// All names, one after the other.
    text: Vec<u8>,
    items: Vec<Item>,
    /// How many to keep.
    wanted: usize,
    /// Only names from this one on.
    floor: Vec<u8>,
    /// Set when names from this one on were left out.
    ceiling: Option<Vec<u8>>,
}

/// A segment: where its text lies, and for a directory the name that opens it.
#[derive(Clone, Debug)]
struct Item {
    start: usize,
    end: usize,
    directory: Option<Box<[u8]>>,
}

impl Level {
    fn name(&self, item: &Item) -> &[u8] {
        &self.text[item.start..item.end]
    }

    /// True for a name that wasn't left out so far.
    fn takes(&self, name: &[u8]) -> bool {
        (self.floor.is_empty() || name >= self.floor.as_slice())
            && self.ceiling.as_deref().is_none_or(|ceiling| name < ceiling)
    }

    /// Takes the text from `start` on as a name.
    fn push(&mut self, start: usize, directory: Option<Box<[u8]>>) {
        let end = self.text.len();
        self.items.push(Item {
            start,
            end,
            directory,
        });
        if self.items.len() >= 4 * self.wanted {
            self.prune();
        }
    }

    /// Keeps the first names only.
    fn prune(&mut self) {
        let mut items = std::mem::take(&mut self.items);
        let text = std::mem::take(&mut self.text);
        let name = |item: &Item| &text[item.start..item.end];
        let (_, first_left_out, _) =
            items.select_nth_unstable_by(self.wanted, |one, other| name(one).cmp(name(other)));
        self.ceiling = Some(name(first_left_out).to_vec());
        items.truncate(self.wanted);
        for item in &mut items {
            let start = self.text.len();
            self.text.extend_from_slice(name(item));
            (item.start, item.end) = (start, self.text.len());
        }
        self.items = items;
    }

    /// What was kept, in order.
    fn sorted(&mut self) -> Vec<Item> {
        let mut items = std::mem::take(&mut self.items);
        items.sort_unstable_by(|one, other| self.name(one).cmp(self.name(other)));
        items
    }
}

/// A directory in the middle of being walked. Keys may have a thousand segments, so these are on the heap.
struct Frame {
    level: Level,
    /// Sorted, and next.
    ready: std::vec::IntoIter<Item>,
    /// True until the directory was read to its end.
    unread: bool,
    /// How long `Walk::path` and `Walk::base` are for this directory.
    path: usize,
    base: usize,
}

struct Walk<'a> {
    query: Query<'a>,
    page: Page,
    /// Where we are.
    path: Vec<u8>,
    /// The beginning of the keys here.
    base: Vec<u8>,
}

/// Whether to go on.
#[derive(PartialEq)]
enum Next {
    On,
    Into,
    Stop,
}

impl Walk<'_> {
    fn run(&mut self) -> io::Result<()> {
        let mut stack = vec![self.enter()];
        while let Some(frame) = stack.last_mut() {
            self.path.truncate(frame.path);
            self.base.truncate(frame.base);
            let Some(item) = frame.ready.next() else {
                if frame.unread {
                    self.fill(frame)?;
                } else {
                    stack.pop();
                }
                continue;
            };
            self.base.extend_from_slice(frame.level.name(&item));
            let next = match &item.directory {
                None => self.key(),
                Some(name) => {
                    self.path.push(b'/');
                    self.path.extend_from_slice(name);
                    self.subdirectory()?
                }
            };
            match next {
                Next::On => {}
                Next::Into => stack.push(self.enter()),
                Next::Stop => return Ok(()),
            }
        }
        Ok(())
    }

    /// Begins with the directory at `path`.
    fn enter(&self) -> Frame {
        Frame {
            level: Level::default(),
            ready: Vec::new().into_iter(),
            unread: true,
            path: self.path.len(),
            base: self.base.len(),
        }
    }

    /// Reads the directory at `path`: the names that come next, as many as may be needed.
    fn fill(&self, frame: &mut Frame) -> io::Result<()> {
        let mut level = Level {
            wanted: self.query.limit - self.page.entries.len() + 1,
            floor: frame.level.ceiling.take().unwrap_or_default(),
            ..Level::default()
        };
        self.read_level(&mut Vec::new(), &[], &mut level)?;
        frame.unread = level.ceiling.is_some();
        frame.ready = level.sorted().into_iter();
        frame.level = level;
        Ok(())
    }

    /// Collects the names of a level that the query may want. `below` leads from the level's directory to the
    /// piece that is being read, `begun` is the text of that piece.
    fn read_level(&self, below: &mut Vec<u8>, begun: &[u8], level: &mut Level) -> io::Result<()> {
        let path = if below.is_empty() {
            self.path.clone()
        } else {
            [&self.path, b"/".as_slice(), below].concat()
        };
        let Some(dir) = open_dir(&path)? else {
            return Ok(());
        };
        let mut pieces = Vec::new();
        each_name(&dir, |name| {
            let Some((kind, text)) = kind(name) else {
                return;
            };
            let start = level.text.len();
            level.text.extend_from_slice(begun);
            if !unescape(text, &mut level.text) {
                level.text.truncate(start);
                return;
            }
            if kind == Kind::Directory {
                level.text.push(b'/');
            }
            let end = level.text.len();
            if kind == Kind::Piece {
                pieces.push((name.to_vec(), level.text[start..end].to_vec()));
                level.text.truncate(start);
            } else if level.takes(&level.text[start..end])
                && self.wants(&self.base, &level.text[start..end], kind)
            {
                let directory = (kind == Kind::Directory)
                    .then(|| [below.as_slice(), name].concat().into_boxed_slice());
                level.push(start, directory);
            } else {
                level.text.truncate(start);
            }
        })?;
        drop(dir);
        for (name, text) in pieces {
            let length = below.len();
            below.extend_from_slice(&name);
            below.push(b'/');
            self.read_level(below, &text, level)?;
            below.truncate(length);
        }
        Ok(())
    }

    /// True unless nothing under this name can be on the page.
    fn wants(&self, base: &[u8], name: &[u8], kind: Kind) -> bool {
        let prefix = self.query.prefix.as_bytes();
        let after = self.query.after.as_bytes();
        let begins = |whole: &[u8]| begins(base, name, whole);
        // What the last common prefix stands for needn't be read again.
        if matches!(self.page.entries.last(), Some(Entry::Prefix(given)) if begins(given.as_bytes()))
        {
            return false;
        }
        match kind {
            Kind::Object => begins(prefix) && compare(base, name, after).is_gt(),
            _ => {
                (begins(prefix) || begins_with(prefix, base, name))
                    && (compare(base, name, after).is_ge() || begins_with(after, base, name))
            }
        }
    }

    fn subdirectory(&mut self) -> io::Result<Next> {
        if self.is_rolled_up() {
            return Ok(Next::On);
        }
        let whole = !self.query.after.as_bytes().starts_with(&self.base);
        if let Some(prefix) = self.common_prefix().filter(|_| whole) {
            return Ok(if has_record(&self.path)? {
                self.emit(Entry::Prefix(prefix))
            } else {
                Next::On
            });
        }
        Ok(Next::Into)
    }

    fn key(&mut self) -> Next {
        if self.is_rolled_up() {
            return Next::On;
        }
        match (self.common_prefix(), std::str::from_utf8(&self.base)) {
            (Some(prefix), _) => self.emit(Entry::Prefix(prefix)),
            (None, Ok(key)) => self.emit(Entry::Key(key.to_owned())),
            (None, Err(_)) => Next::On,
        }
    }

    /// True if the last common prefix stands for this one too.
    fn is_rolled_up(&self) -> bool {
        let given = matches!(self.page.entries.last(), Some(Entry::Prefix(prefix)) if self.base.starts_with(prefix.as_bytes()));
        given
            || self
                .common_prefix()
                .is_some_and(|prefix| prefix == self.query.after)
    }

    /// The key up to the first delimiter after the prefix.
    fn common_prefix(&self) -> Option<String> {
        let (key, delimiter) = (self.base.as_slice(), self.query.delimiter.as_bytes());
        let rest = key.strip_prefix(self.query.prefix.as_bytes())?;
        if delimiter.is_empty() {
            return None;
        }
        let at = rest
            .windows(delimiter.len())
            .position(|window| window == delimiter)?;
        let end = key.len() - rest.len() + at + delimiter.len();
        String::from_utf8(key[..end].to_vec()).ok()
    }

    fn emit(&mut self, entry: Entry) -> Next {
        if self.page.entries.len() == self.query.limit {
            self.page.more = true;
            return Next::Stop;
        }
        self.page.entries.push(entry);
        Next::On
    }
}

// Comparing nothing with something costs hundreds of cycles on some processors: the masked loads behind it
// touch the made-up address of an empty vector. Hence the questions about emptiness below.

/// `base + name` compared with `other`.
fn compare(base: &[u8], name: &[u8], other: &[u8]) -> std::cmp::Ordering {
    if other.is_empty() {
        return (base.len() + name.len()).cmp(&0);
    }
    if base.is_empty() {
        return name.cmp(other);
    }
    match other.split_at_checked(base.len()) {
        Some((head, tail)) => base.cmp(head).then_with(|| name.cmp(tail)),
        None => base.cmp(other).then(std::cmp::Ordering::Greater),
    }
}

/// True if `base + name` begins with `whole`.
fn begins(base: &[u8], name: &[u8], whole: &[u8]) -> bool {
    if whole.is_empty() {
        return true;
    }
    match whole.split_at_checked(base.len()) {
        Some((head, tail)) => base == head && name.starts_with(tail),
        None => base.starts_with(whole),
    }
}

/// True if `whole` begins with `base + name`.
fn begins_with(whole: &[u8], base: &[u8], name: &[u8]) -> bool {
    whole
        .strip_prefix(base)
        .is_some_and(|tail| tail.starts_with(name))
}
