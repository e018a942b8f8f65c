//! The store through the SDK, and what it leaves on disk.

use std::path::{Path, PathBuf};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use tempfile::TempDir;

use super::object::Record;
use super::{ACCESS_KEY, Options, SECRET_KEY, Store, http_client};

mod buckets;
mod hostile;
mod keys;
mod listing;
mod multipart;
mod objects;
mod races;
mod reads;

/// A store in a temporary directory, with one bucket.
struct Home {
    dir: TempDir,
    client: Client,
    store: Store,
}

const BUCKET: &str = "Any Name";

/// A client as the tools build it, of a store of its own.
fn client(store: Store) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .endpoint_url("https://embedded.invalid")
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .http_client(http_client(store))
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test"));
    Client::from_conf(config.build())
}

impl Home {
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open_with(dir.path(), options).unwrap();
        let client = client(store.clone());
        client.create_bucket().bucket(BUCKET).send().await.unwrap();
        Self { dir, client, store }
    }

    /// The bucket's directory.
    fn path(&self) -> PathBuf {
        self.dir.path().join(BUCKET)
    }

    fn inner(&self, name: &str) -> PathBuf {
        self.path().join(".s3pipes").join(name)
    }

    async fn put(&self, key: &str, body: &[u8]) {
        self.client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(body.to_vec().into())
            .send()
            .await
            .unwrap();
    }

    async fn get(&self, key: &str) -> Vec<u8> {
        self.client
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap()
            .body
            .collect()
            .await
            .unwrap()
            .to_vec()
    }

    async fn keys(&self) -> Vec<String> {
        let page = self
            .client
            .list_objects_v2()
            .bucket(BUCKET)
            .send()
            .await
            .unwrap();
        page.contents()
            .iter()
            .map(|object| object.key().unwrap().to_owned())
            .collect()
    }

    fn record(&self, key: &str) -> Option<Record> {
        Record::load(&self.store.bucket(BUCKET).unwrap(), key).unwrap()
    }

    /// What the body's file holds.
    fn body(&self, key: &str) -> Vec<u8> {
        std::fs::read(self.path().join(self.record(key).unwrap().body)).unwrap()
    }

    /// Asserts that nothing is left of any work in progress, and that every body belongs to a record.
    fn assert_tidy(&self) {
        assert_eq!(names(&self.inner("tmp")), Vec::<String>::new(), "tmp");
        assert_eq!(
            names(&self.inner("uploads")),
            Vec::<String>::new(),
            "uploads"
        );
        let mut bodies: Vec<PathBuf> = files(&self.path())
            .into_iter()
            .filter(|path| !path.starts_with(self.inner("")))
            .collect();
        bodies.extend(files(&self.inner("bodies")));
        let mut named: Vec<PathBuf> = files(&self.inner("meta"))
            .into_iter()
            .map(|path| {
                self.path().join(
                    serde_json::from_slice::<Record>(&std::fs::read(path).unwrap())
                        .unwrap()
                        .body,
                )
            })
            .collect();
        bodies.sort();
        named.sort();
        assert_eq!(bodies, named);
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// All files below.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

/// Bytes that don't repeat.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Status and code of a refusal.
fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>>,
) -> (u16, String) {
    match result {
        Err(SdkError::ServiceError(answer)) => (
            answer.raw().status().as_u16(),
            answer.err().code().unwrap_or_default().to_owned(),
        ),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn stream(bytes: &[u8]) -> ByteStream {
    ByteStream::from(bytes.to_vec())
}
