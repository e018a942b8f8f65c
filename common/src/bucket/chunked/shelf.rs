//! For tests: a bucket on a directory, and chunk streams as `s3put` stores them.

use std::collections::HashMap;

use aws_sdk_s3::types::StorageClass;

use crate::args::{Voice, Where};
use crate::bucket::Bucket;
use crate::chunks::{
    Bond, End, Form, HEAD, Head, Id, Name, Object, Place, Refs, Runs, Span, Suffix, Toc, Writer,
};
use crate::run::Streams;

/// A bucket.
pub(super) struct Shelf {
    _folder: tempfile::TempDir,
    pub(super) bucket: Bucket,
}

impl Shelf {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = Where {
            bucket: Some(format!("file://{}", folder.path().display())),
            ..Where::default()
        };
        let speaker = Streams::standard("test", Voice::default()).voice();
        let bucket = Bucket::open(&at, speaker).unwrap();
        bucket.make().unwrap();
        Self {
            bucket,
            _folder: folder,
        }
    }

    pub(super) fn put(&self, key: &str, bytes: &[u8]) {
        self.put_as(key, bytes, "STANDARD", &[]);
    }

    pub(super) fn put_as(&self, key: &str, bytes: &[u8], class: &str, says: &[(&str, &str)]) {
        let says: HashMap<String, String> = says
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let put = self
            .bucket
            .client
            .put_object()
            .bucket(&self.bucket.name)
            .key(key)
            .storage_class(StorageClass::from(class))
            .set_metadata(Some(says))
            .body(bytes.to_vec().into());
        self.bucket.runtime.block_on(put.send()).unwrap();
    }
}

/// What a stored chunk stream is made of.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) id: Id,
    pub(super) chunks: Vec<Vec<u8>>,
    pub(super) index: Vec<u8>,
    pub(super) files: Option<Vec<u8>>,
    pub(super) refs: Refs,
}

impl Recipe {
    /// A stream of all of `chunks`, in order, which needs no other.
    pub(super) fn of(id: u8, chunks: &[&[u8]]) -> Self {
        let all = (0..chunks.len() as u64).map(|number| (0, number));
        Self::needing(id, chunks, &[], &all.collect::<Vec<_>>())
    }

    /// A stream of the chunks at `places`, some of them in other objects.
    pub(super) fn needing(
        id: u8,
        chunks: &[&[u8]],
        objects: &[(u8, &str)],
        places: &[(u32, u64)],
    ) -> Self {
        let id = Id([id; 16]);
        let mut runs = Runs::default();
        for &(object, number) in places {
            runs.push(Place { object, number });
        }
        let objects: Vec<Object> = objects
            .iter()
            .map(|(id, key)| Object {
                id: Id([*id; 16]),
                key: (*key).to_owned(),
            })
            .collect();
        Self {
            id,
            chunks: chunks.iter().map(|chunk| chunk.to_vec()).collect(),
            index: format!("index of {id}").into_bytes(),
            files: None,
            refs: Refs {
                id,
                grace: 2_592_000,
                bond: (!objects.is_empty()).then(|| Bond {
                    place: "file:///backups".to_owned(),
                    until: 1_795_000_000,
                    objects,
                }),
                brought: None,
                runs: runs.finish(),
            },
        }
    }

    /// The chunks alone are sealed, and what was done to a chunk depends on its number.
    pub(super) fn suffix(number: u64) -> Suffix {
        Suffix {
            age: number.is_multiple_of(2),
            ..Suffix::PLAIN
        }
    }

    /// The object, and its copy of the tail.
    pub(super) fn build(&self) -> (Vec<u8>, Vec<u8>) {
        let mut refs = Vec::new();
        self.refs.write(&mut refs).unwrap();
        let toc = Toc {
            sizes: self.chunks.iter().map(|chunk| chunk.len() as u64).collect(),
        };
        let mut sizes = Vec::new();
        toc.write(&mut sizes).unwrap();
        let begin = toc.offsets().last().unwrap();
        let mut at = begin;
        let mut span = |content: &[u8]| {
            let span = Span {
                offset: at + 512,
                size: content.len() as u64,
            };
            at = (span.offset + span.size).next_multiple_of(512);
            span
        };
        let end = End {
            id: self.id,
            chunks: self.chunks.len() as u64,
            index: span(&self.index),
            files: self.files.as_deref().map(&mut span).unwrap_or_default(),
            refs: span(&refs),
            toc: span(&sizes),
        };
        let write = |form| {
            let head = Head { id: self.id, form };
            let mut writer = Writer::new(Vec::new(), &head).unwrap();
            let chunks = self.chunks.iter().filter(|_| form == Form::New);
            for (number, chunk) in (0..).zip(chunks) {
                let name = Name::Chunk { object: 0, number };
                writer.member(name, Self::suffix(number), chunk).unwrap();
            }
            let age = Self::suffix(0);
            writer.member(Name::Index, age, &self.index).unwrap();
            if let Some(files) = &self.files {
                writer.member(Name::Files, age, files).unwrap();
            }
            writer.member(Name::Refs, Suffix::PLAIN, &refs).unwrap();
            writer.member(Name::Toc, Suffix::PLAIN, &sizes).unwrap();
            writer
                .member(Name::End, Suffix::PLAIN, &end.encode())
                .unwrap();
            writer.finish().unwrap()
        };
        let (whole, tail) = (write(Form::New), write(Form::Tail));
        assert_eq!(whole[usize::try_from(begin).unwrap()..], tail[HEAD..]);
        (whole, tail)
    }

    pub(super) fn object(&self) -> Vec<u8> {
        self.build().0
    }
}
