//! What a bucket holds: everything of it that a user could see.

use std::collections::BTreeMap;

use aws_sdk_s3::Client;
use tests::client::wait_for;

use crate::conformance::answers::{Answer, body};

/// What every object of a test is put with, so that its loss would be seen.
pub const ORIGIN: (&str, &str) = ("origin", "the tests");

/// A bucket's objects and unfinished uploads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// Bodies and metadata by key. Of the metadata the token of a run is left out: it differs every time.
    pub objects: BTreeMap<String, Object>,
    /// Keys of unfinished uploads.
    pub uploads: Vec<String>,
}

/// An object.
#[derive(Clone, PartialEq)]
pub struct Object {
    pub body: Vec<u8>,
    pub metadata: BTreeMap<String, String>,
}

/// Without the bytes: there may be millions.
impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let crc = crcs::checksum(crcs::CrcAlgorithm::Crc64Nvme, &self.body);
        write!(f, "{} bytes ({crc:x}) {:?}", self.body.len(), self.metadata)
    }
}

impl Stored {
    /// What `bucket` holds.
    ///
    /// # Panics
    /// If it can't be listed, or an object of it can't be read.
    pub fn of(client: &Client, bucket: &str) -> Self {
        // A server may still do what a client asked for that was killed, and delete what was listed just now.
        let mut found = wait_for(read(client, bucket));
        for _ in 0..3 {
            if found.is_ok() {
                break;
            }
            found = wait_for(read(client, bucket));
        }
        found.unwrap_or_else(|why| panic!("{why}"))
    }

    /// The keys of the objects.
    pub fn keys(&self) -> Vec<&str> {
        self.objects.keys().map(String::as_str).collect()
    }
}

async fn read(client: &Client, bucket: &str) -> Result<Stored, String> {
    let mut stored = Stored::default();
    let mut pages = client
        .list_objects_v2()
        .bucket(bucket)
        .into_paginator()
        .send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.done("list")?;
        keys.extend(
            page.contents()
                .iter()
                .filter_map(|object| object.key().map(str::to_owned)),
        );
    }
    for key in keys {
        let got = client.get_object().bucket(bucket).key(&key).send().await;
        let got = got.done(&format!("get {key}"))?;
        let metadata = got.metadata().into_iter().flatten();
        let metadata = metadata
            .filter(|(name, _)| *name != "s3pipes-token")
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let body = body(got.body).await?;
        stored.objects.insert(key, Object { body, metadata });
    }
    let uploads = client.list_multipart_uploads().bucket(bucket).send().await;
    let uploads = uploads.done("list uploads")?;
    stored.uploads = uploads
        .uploads()
        .iter()
        .filter_map(|upload| upload.key().map(str::to_owned))
        .collect();
    Ok(stored)
}
