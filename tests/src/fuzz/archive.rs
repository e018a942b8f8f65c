//! Archives, and the metadata of members that somebody else stored.

use std::io::{Read, copy, sink};

use common::members::{Fields, fields, more_of, parcel, stored, unpacked};
use common::tar::read::{Entry, Reader};
use common::tar::write::{END, filling, headers};
use common::tar::{Kind, Member};

/// What is read of an archive is written so that the same is read again, and no byte comes that its header doesn't
/// announce.
pub fn target(data: &[u8]) {
    let mut reader = Reader::new(data);
    loop {
        match reader.next_entry() {
            Ok(Some(Entry::Member(member))) => {
                let stored = member.stored().expect("a size");
                let came = copy(&mut (&mut reader).take(stored + 1), &mut sink());
                if let Ok(came) = came {
                    assert_eq!(came, stored);
                }
                again(*member);
            }
            Ok(Some(Entry::Strange(..))) => {}
            Ok(None) => return,
            Err(error) => return super::harmless(&error),
        }
    }
}

fn again(mut member: Member) {
    if member.kind == Kind::Dir && !member.path.ends_with(b"/") {
        member.path.push(b'/');
    }
    let named_so = member.kind == Kind::File && member.path.ends_with(b"/");
    let (major, minor) = member.device;
    // No header has room for such a device, and no system has it.
    if named_so || major.max(minor) > 0o7_777_777 || member.stored().unwrap_or(0) > 1 << 20 {
        return;
    }
    if !matches!(member.kind, Kind::CharDevice | Kind::BlockDevice) {
        member.device = (0, 0);
    }
    if !matches!(member.kind, Kind::HardLink | Kind::Symlink) {
        member.target.clear();
    }
    let mut bytes = headers(&member);
    let content = usize::try_from(member.stored().unwrap_or(0)).unwrap_or(0);
    bytes.resize(bytes.len() + content, b'x');
    bytes.resize(bytes.len() + filling(content as u64), 0);
    bytes.extend(END);
    let found = Reader::new(&bytes[..]).next_entry().expect("an archive");
    assert_eq!(found, Some(Entry::Member(Box::new(member))));
}

/// Metadata as JSON: what is understood leads out of no folder, and is written as it was read.
pub fn metadata(data: &[u8]) {
    let Ok(all) = serde_json::from_slice::<Fields>(data) else {
        return;
    };
    let Ok(found) = stored(&all) else { return };
    let member = found.member;
    let mut parts = member.path.split(|byte| *byte == b'/');
    assert!(!parts.any(|part| part == b".." || part == b".") && !member.path.starts_with(b"/"));
    let md5 = found.md5.as_deref();
    let written = fields(&member, found.encrypted, md5).expect("fields");
    let sent = parcel(written, &[]).expect("a parcel");
    let mut came: Fields = sent.metadata.into_iter().collect();
    if let Some((_, bytes)) = sent.more {
        let digits = more_of(&came).expect("digits").to_owned();
        came.extend(unpacked(&digits, &bytes).expect("the rest"));
    }
    let again = stored(&came).expect("a member");
    assert_eq!(again.member, member);
}
