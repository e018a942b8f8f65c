use proptest::prelude::*;

use super::texts::{escaped, is_plain, unescaped};
use super::*;
use crate::tar::{Kind, Member, Segment, Time};

fn words() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[ -~]{1,20}".prop_map(String::into_bytes),
        "[ \\\\nux=?]{1,12}".prop_map(String::into_bytes),
        ".{1,10}".prop_map(String::into_bytes),
        prop::collection::vec(1u8.., 1..20),
    ]
}

proptest! {
    #[test]
    fn texts_come_back(text in words()) {
        let sent = escaped(&text);
        prop_assert!(is_plain(sent.as_bytes()), "{}", sent);
        prop_assert_eq!(unescaped(&sent), Some(text));
    }

    #[test]
    fn nonsense_is_no_text(text in "[\\\\xuUndc089af ]{0,20}") {
        let _ = unescaped(&text);
    }

    #[test]
    fn members_come_back(
        path in words(), target in words(), owner in words(),
        (seconds, nanos, ctime) in (any::<i32>(), 0u32..1_000_000_000, any::<i32>()),
        which in 0usize..9, record in prop::collection::vec(any::<u8>(), 0..3000),
        dashes in any::<bool>(),
    ) {
        let kinds = [Kind::File, Kind::File, Kind::Dir, Kind::Symlink, Kind::HardLink, Kind::Fifo, Kind::CharDevice, Kind::BlockDevice, Kind::File];
        let kind = kinds[which];
        let Ok(path) = normal(&path) else { return Ok(()) };
        let target = match kind {
            Kind::Symlink => target,
            Kind::HardLink => match normal(&target) { Ok(target) => target, Err(_) => return Ok(()) },
            _ => Vec::new(),
        };
        let size = 1 << 40;
        let segment = Segment { offset: 5, length: 9 };
        let seconds = i64::from(seconds);
        let member = Member {
            kind,
            target,
            owner,
            mtime: Time { seconds, nanos },
            ctime: Some(Time { seconds: ctime.into(), nanos: 0 }).filter(|time| time.seconds != seconds),
            size: if kind == Kind::File { size } else { 0 },
            segments: match which { 1 => Some(vec![segment]), 8 => Some(vec![]), _ => None },
            device: if matches!(kind, Kind::CharDevice | Kind::BlockDevice) { (8, 300) } else { (0, 0) },
            records: if record.is_empty() { Vec::new() } else { vec![(b"SCHILY.xattr.user.x".to_vec(), record)] },
            ..Member::named(&path)
        };
        let fields = fields(&member, false, None).unwrap();
        let parcel = parcel(fields, &[("user".to_owned(), "x".repeat(100))]).unwrap();
        let taken: usize = parcel.metadata.iter().map(|(name, value)| 11 + name.len() + value.len()).sum();
        prop_assert!(taken <= 2048 - 200 - 115);
        for (_, value) in &parcel.metadata {
            prop_assert!(is_plain(value.as_bytes()), "{}", value);
        }
        let rename = |name: String| if dashes { name.replace('_', "-") } else { name };
        let mut came: Fields = parcel.metadata.into_iter().map(|(name, value)| (rename(name), value)).collect();
        if let Some((suffix, bytes)) = parcel.more {
            let digits = more_of(&came).unwrap().to_owned();
            prop_assert_eq!(&suffix, &more_suffix(&digits));
            let key = format!("a{suffix}");
            prop_assert!(is_more(&key));
            came.extend(unpacked(&digits, &bytes).unwrap());
        }
        let found = stored(&came).unwrap();
        prop_assert_eq!(found.member, member);
    }

    #[test]
    fn strange_fields_are_refused_and_nothing_more(
        name in prop::sample::select(vec!["filepath", "uid", "perm_mode", "filetype", "size", "mtime", "mtime_ns", "sparse", "pax", "device", "filename_encoded", "hardlink_target"]),
        value in "[ -~]{0,30}", which in 0usize..8,
    ) {
        let mut all = seeds_own();
        let types = ["file", "sparse", "dir", "symlink", "hardlink", "fifo", "chardev", "blockdev"];
        all.insert("filetype".to_owned(), types[which].to_owned());
        all.insert("s3pipes-member".to_owned(), FORMAT.to_owned());
        all.insert(name.to_owned(), value);
        if let Ok(found) = stored(&all) {
            prop_assert!(!found.member.path.split(|byte| *byte == b'/').any(|part| part == b".."));
        }
    }
}

/// What s3backuptool says of a file.
fn seeds_own() -> Fields {
    [
        ("filepath", "/home/me/\\u0436\\xe9"),
        ("uid", "1000"),
        ("gid", "100"),
        ("perm_mode", "0100640"),
        ("filetype", "file"),
        ("size", "12"),
        ("mtime", "1400000000"),
        ("ctime", "1400000001"),
        ("encrypted", "False"),
        ("filename_encoded", "True"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[test]
fn members_of_s3backuptool_are_members() {
    let found = stored(&seeds_own()).unwrap();
    assert_eq!(found.member.path, "home/me/жé".as_bytes());
    assert_eq!((found.member.mode, found.member.size), (0o640, 12));
    assert_eq!((found.encrypted, found.md5), (false, None));
    for missing in [
        "filepath",
        "uid",
        "gid",
        "perm_mode",
        "filetype",
        "size",
        "mtime",
        "ctime",
        "encrypted",
        "filename_encoded",
    ] {
        let mut fields = seeds_own();
        fields.remove(missing);
        assert_eq!(stored(&fields), Err(Unfit::Foreign(missing)));
    }
    let mut link = seeds_own();
    link.insert("filetype".to_owned(), "symlink".to_owned());
    // Only the path is ever escaped there.
    link.insert("symlink_target".to_owned(), "a\\n".to_owned());
    assert_eq!(stored(&link).unwrap().member.target, b"a\\n");
}

#[test]
fn the_longest_go_first() {
    let mut fields = seeds_own();
    fields.insert("pax".to_owned(), "x".repeat(1500));
    fields.insert("sparse".to_owned(), "y".repeat(1400));
    let parcel = parcel(fields, &[]).unwrap();
    let names: Vec<&str> = parcel
        .metadata
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(
        names.contains(&"sparse") && !names.contains(&"pax"),
        "{names:?}"
    );
    let (suffix, bytes) = parcel.more.unwrap();
    assert!(
        String::from_utf8(bytes)
            .unwrap()
            .starts_with(r#"{"pax":"xxx"#)
    );
    assert!(is_more(&format!("home/x{suffix}")) && !is_more("home/x.META") && !is_more(".META"));
}

#[test]
fn what_leads_out_is_refused() {
    let mut fields = seeds_own();
    fields.insert("filepath".to_owned(), "/a/\\x2e./b".to_owned());
    assert_eq!(stored(&fields), Err(Unfit::Climbs));
    assert_eq!(normal(b"/a/./b//c/").unwrap(), b"a/b/c");
}
