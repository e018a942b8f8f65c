//! Some members of an archive, out of the chunks that they are in.

use super::*;
use crate::join::{Tail, part};
use crate::selection::Selection;

/// An archive of a few files, by the system's tar.
fn archive() -> (tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("home");
    for (name, seed, length) in [
        ("a/one", 1, 30_000),
        ("a/two", 2, 100),
        ("b/three", 3, 50_000),
        ("b/four", 4, 0),
        ("c", 5, 9000),
    ] {
        let path = base.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content(seed, length)).unwrap();
    }
    let tar = std::process::Command::new("tar")
        .args(["c", "--sort=name", "-C"])
        .arg(folder.path())
        .arg("home")
        .output()
        .unwrap();
    assert!(tar.status.success());
    (folder, tar.stdout)
}

/// The form `part` of a stream: these chunks of it.
fn some(bytes: &[u8], chunks: &[(usize, u64)]) -> Vec<u8> {
    let (head, members) = members(bytes);
    let index = Index::read(text(&members, Name::Index)).unwrap();
    let members: Vec<_> = chunks
        .iter()
        .map(|(position, _)| {
            let entry = index.chunks[*position];
            let name = Name::Chunk {
                object: entry.object,
                number: entry.number,
            };
            let found = members.iter().find(|(found, _)| *found == name);
            found.unwrap().clone()
        })
        .collect();
    let form = Form::Part;
    written(Head { form, ..head }, &members)
}

fn text(members: &[(Name, Vec<u8>)], wanted: Name) -> &[u8] {
    &members.iter().find(|(name, _)| *name == wanted).unwrap().1
}

/// The form `tail` of a stream.
fn tail(bytes: &[u8]) -> Vec<u8> {
    let (head, mut members) = members(bytes);
    members.retain(|(name, _)| !matches!(name, Name::Chunk { .. }));
    let form = Form::Tail;
    written(Head { form, ..head }, &members)
}

fn pick(tail: &[u8], part_of: &[u8], paths: &[Vec<u8>]) -> Result<Vec<u8>> {
    let tail = Tail::read(reader(tail))?;
    let selection = Selection::of(&tail, paths)?;
    let mut out = Vec::new();
    part(reader(part_of), tail, selection, &mut out)?;
    Ok(out)
}

fn paths(paths: &[&str]) -> Vec<Vec<u8>> {
    paths.iter().map(|path| path.as_bytes().to_vec()).collect()
}

#[test]
fn members_come_out_of_their_chunks() {
    let (_folder, archive) = archive();
    for average in [512, 4096, 1 << 20] {
        let made = made(
            &archive,
            Cut::Average(average),
            None,
            "a",
            Some(Members::default()),
        );
        come_back(&made.bytes, &archive);
        let tail = tail(&made.bytes);
        let known = Tail::read(reader(&tail)).unwrap();
        let files = known.files().unwrap().to_vec();
        assert_eq!(files.len(), 8);
        for wanted in [
            &["home/a/two"][..],
            &["home/b"],
            &["./home/c", "home/a/one"],
            &["home/b/four", "home/b/four"],
            &["home"],
        ] {
            let wanted = paths(wanted);
            let selection = Selection::of(&known, &wanted).unwrap();
            let some = some(&made.bytes, &selection.chunks);
            let found = pick(&tail, &some, &wanted).unwrap();
            // Those parts of the archive, in its order.
            let mut right = Vec::new();
            for file in &files {
                let below = |path: &Vec<u8>| {
                    let path = path.strip_prefix(b"./").unwrap_or(path);
                    file.path.starts_with(path)
                };
                if wanted.iter().any(below) {
                    let begin = usize::try_from(file.offset).unwrap();
                    let end = begin + usize::try_from(file.length).unwrap();
                    right.extend_from_slice(&archive[begin..end]);
                }
            }
            right.extend([0; 1024]);
            assert!(found == right, "{average} {wanted:?}");
        }
    }
}

#[test]
fn other_chunks_are_refused() {
    let (_folder, archive) = archive();
    let cut = Cut::Average(4096);
    let made = made(&archive, cut, None, "a", Some(Members::default()));
    let tail = tail(&made.bytes);
    let known = Tail::read(reader(&tail)).unwrap();
    let (one, two) = (paths(&["home/a/one"]), paths(&["home/b/three"]));
    let chunks = Selection::of(&known, &one).unwrap().chunks;
    assert!(chunks.len() > 3);
    let fails = |chunks: &[(usize, u64)], paths: &[Vec<u8>]| {
        pick(&tail, &some(&made.bytes, chunks), paths).unwrap_err()
    };
    fails(&chunks, &two);
    fails(&chunks[1..], &one);
    fails(&chunks[..chunks.len() - 1], &one);
    fails(&[&chunks[..], &chunks[..1]].concat(), &one);
    let mut swapped = chunks.clone();
    swapped.swap(0, 1);
    fails(&swapped, &one);
    // Of another stream, or not of this form.
    let other = make(&archive, cut, None, "b");
    assert!(pick(&tail, &some(&other.bytes, &chunks), &one).is_err());
    assert!(pick(&tail, &made.bytes, &one).is_err());
    // What isn't there is not restored with success.
    let missing = Selection::of(&known, &paths(&["home/a/one", "home/d"])).map(drop);
    let error = missing.unwrap_err();
    assert_eq!(error.class(), common::Class::Nothing);
    assert!(error.to_string().contains("home/d"), "{error}");
    // No list, no members.
    let unlisted = Tail::read(reader(&other.bytes)).unwrap();
    assert!(unlisted.files().is_err());
}

#[test]
fn what_is_no_archive_has_no_list_and_is_cut_all_the_same() {
    let content = content(1, 100_000);
    let made = made(
        &content,
        Cut::Average(4096),
        None,
        "a",
        Some(Members::default()),
    );
    come_back(&made.bytes, &content);
    assert!(Tail::read(reader(&made.bytes)).unwrap().files().is_err());
}
