use tempfile::TempDir;

use super::*;
use crate::key::Key;

const CUT: Cut = Cut::Average(1 << 20);
const GRACE: u64 = 30 * 86_400;

struct Desk {
    folder: TempDir,
    file: KnownFile,
}

fn desk() -> Desk {
    let folder = TempDir::new().unwrap();
    let file = KnownFile::new(&folder.path().join("home.known"));
    Desk { folder, file }
}

fn id(n: u8) -> Id {
    Id([n; 16])
}

impl Desk {
    /// A pending file of a dump that refers to `other`, if there is one, which is in `place`.
    fn pending(&self, n: u8, place: &str, other: Option<u8>) {
        let about = About {
            id: id(n),
            key: Key([9; 32]),
            cut: CUT,
            started: 0,
            grace: GRACE,
        };
        let object = |n, key: &str| common::chunks::Object {
            id: id(n),
            key: key.to_owned(),
        };
        let mut objects = vec![object(n, "")];
        objects.extend(other.map(|other| object(other, "another")));
        let names = Names {
            place: place.to_owned(),
            objects,
        };
        let chunk = Entry {
            hash: [n; 32],
            length: 5,
            object: 0,
            number: 0,
        };
        self.file
            .write_pending(&about, &names, 1, std::iter::once(chunk))
            .unwrap();
    }

    fn learn(&self, n: u8, started: i64) -> Result<Learned> {
        self.file.learn(&Stored {
            id: id(n),
            place: "file:///here",
            key: "the key",
            started,
        })
    }

    fn known(&self) -> Option<Known> {
        self.file.load().unwrap().map(Result::unwrap)
    }

    fn names(&self) -> Vec<String> {
        let entries = self.folder.path().read_dir().unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.ends_with("ing")).collect();
        names.sort();
        names
    }

    fn why(&self, cut: Cut, grace: u64) -> String {
        self.file.base(cut, grace).unwrap().map(drop).unwrap_err()
    }
}

#[test]
fn what_was_stored_is_learned() {
    let desk = desk();
    assert!(desk.known().is_none());
    desk.pending(1, "", None);
    assert_eq!(desk.names().len(), 1);
    let started = now();
    assert_eq!(desk.learn(1, started), Ok(Learned::Now));
    assert_eq!(desk.names(), ["home.known"]);
    let known = desk.known().unwrap();
    assert!(known.about.id == id(1) && known.about.started == started);
    assert_eq!(known.names.place, "file:///here");
    assert_eq!(known.names.objects[0].key, "the key");
    assert!(known.find(&[1; 32]).is_some());
    // Once more, because nobody knows whether the first time went well.
    assert_eq!(desk.learn(1, started), Ok(Learned::Already));
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt;
        desk.folder
            .path()
            .join(name)
            .metadata()
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("home.known"), 0o600);
    assert!(desk.file.base(CUT, GRACE).unwrap().is_ok());
}

#[test]
fn what_was_not_cut_here_is_not_learned() {
    let desk = desk();
    let error = desk.learn(1, now()).unwrap_err();
    assert!(error.to_string().contains("there is no "), "{error}");
    desk.pending(2, "", None);
    assert!(desk.learn(1, now()).is_err());
    // The one that nobody asked for stays.
    assert_eq!(desk.names().len(), 1);
    assert!(desk.known().is_none());
}

#[test]
fn it_never_goes_back() {
    let desk = desk();
    let started = now();
    for n in 1..=4 {
        desk.pending(n, "", None);
    }
    assert_eq!(desk.learn(2, started), Ok(Learned::Now));
    assert_eq!(desk.learn(1, started - 1), Ok(Learned::Older));
    assert!(desk.known().unwrap().about.id == id(2));
    assert_eq!(desk.learn(3, started), Ok(Learned::Now));
    assert!(desk.known().unwrap().about.id == id(3));
    assert_eq!(desk.names().len(), 2);
    // A dump from the future is none to keep to.
    desk.pending(5, "", None);
    assert_eq!(desk.learn(5, started + 1_000_000), Ok(Learned::Now));
    assert!(desk.why(CUT, GRACE).contains("future"));
    assert_eq!(desk.learn(4, started), Ok(Learned::Now));
    assert!(desk.known().unwrap().about.id == id(4));
}

#[test]
fn what_is_elsewhere_is_not_learned() {
    let desk = desk();
    desk.pending(1, "file:///there", Some(7));
    let error = desk.learn(1, now()).unwrap_err();
    assert!(error.to_string().contains("file:///there"), "{error}");
    assert!(desk.known().is_none());
    desk.pending(2, "file:///here", Some(7));
    assert_eq!(desk.learn(2, now()), Ok(Learned::Now));
    assert_eq!(desk.known().unwrap().names.objects[1].key, "another");
}

#[test]
fn a_damaged_pending_file_is_not_learned() {
    let desk = desk();
    desk.pending(1, "", None);
    assert_eq!(desk.learn(1, now()), Ok(Learned::Now));
    desk.pending(2, "", None);
    let path = desk.file.pending(id(2));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[130] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(desk.learn(2, now()).is_err());
    // Nor one under another's name.
    desk.pending(3, "", None);
    std::fs::rename(desk.file.pending(id(3)), &path).unwrap();
    assert!(desk.learn(2, now()).is_err());
    assert!(desk.known().unwrap().about.id == id(1));
}

#[test]
fn trust_ends() {
    let about = About {
        id: id(1),
        key: Key([9; 32]),
        cut: CUT,
        started: 1_790_000_000,
        grace: GRACE,
    };
    let days = |n: i64| about.started + n * 86_400;
    let why = |cut, grace, now| distrust(&about, cut, grace, now);
    assert_eq!(why(CUT, GRACE, days(0)), None);
    assert_eq!(why(CUT, GRACE, days(22)), None);
    assert!(why(CUT, GRACE, days(23)).unwrap().contains("too long ago"));
    // The shorter grace counts, whoever asks for it.
    assert!(
        why(CUT, GRACE / 2, days(12))
            .unwrap()
            .contains("too long ago")
    );
    assert!(
        why(CUT, GRACE * 2, days(23))
            .unwrap()
            .contains("too long ago")
    );
    assert_eq!(why(CUT, GRACE, about.started - 3600), None);
    assert!(
        why(CUT, GRACE, about.started - 3601)
            .unwrap()
            .contains("in the future")
    );
    assert!(
        why(Cut::Average(1 << 19), GRACE, days(0))
            .unwrap()
            .contains("--average 1048576")
    );
    assert!(
        why(Cut::Fixed(1 << 20), GRACE, days(0))
            .unwrap()
            .contains("--average 1048576")
    );
    let pending = About {
        started: 0,
        ..about
    };
    assert!(
        distrust(&pending, CUT, GRACE, 5000)
            .unwrap()
            .contains("not stored")
    );
}

#[test]
fn what_is_not_there_or_damaged_knows_nothing() {
    let desk = desk();
    assert!(desk.why(CUT, GRACE).contains("not there"));
    for damaged in [
        "",
        "s3pipes-known/1\n",
        "s3pipes-known/2\n",
        "something else",
    ] {
        std::fs::write(desk.folder.path().join("home.known"), damaged).unwrap();
        let why = desk.why(CUT, GRACE);
        assert!(why.contains("everything is new"), "{why}");
    }
    // It doesn't hinder learning, either.
    desk.pending(1, "", None);
    assert_eq!(desk.learn(1, now()), Ok(Learned::Now));
    // What can't be read is another matter.
    let nowhere = KnownFile::new(Path::new("/proc/self/mem/x"));
    assert!(nowhere.load().is_err());
}

#[test]
fn one_at_a_time() {
    let desk = desk();
    let lock = desk.file.lock().unwrap();
    let error = desk.file.lock().map(drop).unwrap_err();
    assert_eq!(error.class(), common::Class::Temporary);
    // Whoever learns doesn't wait for whoever cuts.
    desk.pending(1, "", None);
    assert_eq!(desk.learn(1, now()), Ok(Learned::Now));
    drop(lock);
    assert!(desk.file.lock().is_ok());
}

#[test]
fn old_pending_files_go() {
    let desk = desk();
    for n in 1..=2 {
        desk.pending(n, "", None);
    }
    let other = desk.folder.path().join("home.know");
    let set_back = |path: &Path| {
        let long_ago = SystemTime::now() - Duration::from_secs(2 * GRACE);
        File::options()
            .append(true)
            .create(true)
            .open(path)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
    };
    set_back(&desk.file.pending(id(1)));
    set_back(&other);
    set_back(&desk.folder.path().join("home.known"));
    desk.file.tidy(GRACE);
    let last = format!("home.known.pending-{}", id(2));
    assert_eq!(desk.names(), ["home.know", "home.known", &last]);
}
