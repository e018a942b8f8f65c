//! Where the parts of an upload go: places in the body-to-be, given away once each.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::files::read_plain;

/// The places in `body` that were given away.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// False after a reboot, when what was in flight may be lost.
    open: bool,
    /// Offset (none for a part with a file of its own) and length.
    given: BTreeMap<u32, (Option<u64>, u64)>,
}

impl Slots {
    /// Reads the log.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let text = String::from_utf8(read_plain(path)?)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        let mut lines = text
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'));
        let mut slots = Self {
            open: lines.next().is_some_and(|line| line == boot()),
            ..Self::default()
        };
        for line in lines {
            let mut fields = line.split(' ');
            let number = fields.next().and_then(|number| number.parse().ok());
            let offset = fields.next().and_then(|offset| offset.parse().ok());
            let length = fields.next().and_then(|length| length.parse().ok());
            if let (Some(number), Some(length)) = (number, length) {
                slots.given.insert(number, (offset, length));
            }
        }
        Ok(slots)
    }

    /// Whether this part was begun before.
    pub(super) fn knows(&self, number: u32) -> bool {
        self.given.contains_key(&number)
    }

    /// A place for a part that had none yet: behind the parts that are known from the first on, leaving room
    /// for those between at this part's own length. `None` if that room is taken.
    pub(super) fn place(&self, number: u32, length: u64) -> Option<u64> {
        if !self.open || self.given.contains_key(&number) {
            return None;
        }
        let (mut known, mut end) = (0, 0_u64);
        while let Some((_, length)) = self.given.get(&(known + 1)) {
            known += 1;
            end = end.checked_add(*length)?;
        }
        let between = u64::from(number.checked_sub(known + 1)?);
        let offset = end.checked_add(between.checked_mul(length)?)?;
        let behind = offset.checked_add(length)?;
        let free = |&(start, size): &(Option<u64>, u64)| {
            start.is_none_or(|start| behind <= start || start + size <= offset)
        };
        self.given.values().all(free).then_some(offset)
    }
}

/// Which run of the system this is: what was written but not synced is lost with it.
pub(super) fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// The line of a log that says where a part goes.
pub(super) fn line(number: u32, offset: Option<u64>, length: u64) -> String {
    let shown = offset.map_or_else(|| "-".to_owned(), |offset| offset.to_string());
    format!("{number} {shown} {length}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives places away as an upload does.
    fn seat(slots: &mut Slots, number: u32, length: u64) -> Option<u64> {
        let offset = slots.place(number, length);
        if !slots.knows(number) {
            slots.given.insert(number, (offset, length));
        }
        offset
    }

    #[test]
    fn equal_parts_in_any_order_need_no_copy() {
        let mut slots = Slots {
            open: true,
            ..Slots::default()
        };
        for number in [3, 1, 4, 2, 7, 5, 6] {
            assert_eq!(
                seat(&mut slots, number, 16),
                Some(u64::from(number - 1) * 16)
            );
        }
        assert_eq!(seat(&mut slots, 8, 5), Some(7 * 16));
        assert_eq!(seat(&mut slots, 8, 5), None, "given away once");
        assert_eq!(seat(&mut slots, 2, 16), None, "given away once");
    }

    #[test]
    fn nothing_is_given_away_after_a_reboot() {
        assert_eq!(Slots::default().place(1, 16), None);
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("slots");
        fs::write(
            &path,
            format!(
                "{}\n{}{}2 torn",
                boot(),
                line(1, Some(0), 16),
                line(3, None, 9)
            ),
        )
        .unwrap();
        let slots = Slots::read(&path).unwrap();
        assert_eq!(
            slots.given,
            BTreeMap::from([(1, (Some(0), 16)), (3, (None, 9))])
        );
        assert_eq!(slots.place(2, 8), Some(16));
        assert_eq!(slots.place(4, 8), Some(16 + 2 * 8));
        fs::write(&path, "another boot\n1 0 16\n").unwrap();
        assert_eq!(Slots::read(&path).unwrap().place(2, 8), None);
    }

    proptest! {
        #[test]
        fn places_never_overlap(parts in prop::collection::vec((1_u32..12, 0_u64..40), 0..30)) {
            let mut slots = Slots { open: true, ..Slots::default() };
            let mut given: Vec<(u64, u64)> = Vec::new();
            for (number, length) in parts {
                if let Some(offset) = seat(&mut slots, number, length) {
                    prop_assert!(given.iter().all(|&(start, end)| offset + length <= start || end <= offset));
                    given.push((offset, offset + length));
                }
            }
        }
    }
}
