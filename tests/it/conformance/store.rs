//! A store under test, and the room in it that one check has for itself.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use common::bucket::embedded;
use tests::client::{self, keys};
use tests::servers::Server;

use super::answers::Answer;

/// A store that speaks S3, in whatever way.
#[derive(Clone, Debug)]
pub struct Store {
    kind: Kind,
    /// Makes bucket names of this run different from those of another on the same server.
    run: String,
}

#[derive(Clone, Debug)]
enum Kind {
    /// `file://`: the folder that holds the buckets.
    Folder(PathBuf),
    Server(Server),
}

impl Store {
    /// The embedded store over a folder.
    pub fn in_folder(root: &Path) -> Self {
        Self {
            kind: Kind::Folder(root.to_owned()),
            run: "run".to_owned(),
        }
    }

    /// A server, over HTTP.
    pub fn on_server(server: Server) -> Self {
        let now = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |since| since.as_secs());
        Self {
            kind: Kind::Server(server),
            run: format!("{now}-{}", std::process::id()),
        }
    }

    /// The name of its table of known gaps.
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Folder(_) => "file",
            Kind::Server(server) => &server.name,
        }
    }

    /// False where one bucket was given and no other may be made.
    pub fn makes_buckets(&self) -> bool {
        !matches!(
            &self.kind,
            Kind::Server(Server {
                bucket: Some(_),
                ..
            })
        )
    }

    /// The folder of a `file://` store.
    pub fn folder(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Folder(root) => Some(root),
            Kind::Server(_) => None,
        }
    }

    /// The access key that its clients use.
    pub fn access_key(&self) -> String {
        match &self.kind {
            Kind::Folder(_) => embedded::ACCESS_KEY.to_owned(),
            Kind::Server(server) => server.access_key.clone(),
        }
    }

    /// A client of its own: nothing is shared with another one but the store itself.
    pub fn client(&self) -> Client {
        Client::from_conf(self.settings().build())
    }

    /// A client with other keys.
    pub fn client_with_keys(&self, access_key: &str, secret_key: &str) -> Client {
        Client::from_conf(
            self.settings()
                .credentials_provider(keys(access_key, secret_key))
                .build(),
        )
    }

    /// A client that adds checksums by itself, to a streamed body as a trailer.
    pub fn client_with_default_checksums(&self) -> Client {
        let settings = self
            .settings()
            .request_checksum_calculation(RequestChecksumCalculation::WhenSupported);
        Client::from_conf(
            settings
                .response_checksum_validation(ResponseChecksumValidation::WhenSupported)
                .build(),
        )
    }

    /// How to reach it.
    fn settings(&self) -> Builder {
        match &self.kind {
            Kind::Folder(root) => in_process(client::settings(), root),
            Kind::Server(server) => server.settings(),
        }
    }

    /// A bucket for one check: a new one, or a prefix in the only one there is.
    pub async fn room(&self, check: &str) -> Result<Room, String> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let client = self.client();
        let (bucket, prefix) = match &self.kind {
            Kind::Server(Server {
                bucket: Some(only), ..
            }) => (only.clone(), format!("s3pipes-test/{}-{number}/", self.run)),
            _ => (bucket_name(&self.run, number, check), String::new()),
        };
        if self.makes_buckets() {
            client
                .create_bucket()
                .bucket(&bucket)
                .send()
                .await
                .done("make a bucket")?;
        }
        Ok(Room {
            store: self.clone(),
            client,
            bucket,
            prefix,
        })
    }
}

/// At most 63 letters, digits and hyphens.
fn bucket_name(run: &str, number: usize, check: &str) -> String {
    let name = format!("s3p-{run}-{number}-{}", check.replace('_', "-"));
    name.chars()
        .take(60)
        .collect::<String>()
        .trim_end_matches('-')
        .to_owned()
}

/// The store in this process.
fn in_process(common: Builder, root: &Path) -> Builder {
    let store = embedded::Store::open(root).expect("open the store");
    common
        .region(Region::from_static("us-east-1"))
        // It is never resolved. The scheme tells the SDK that the way is safe, so that it signs no bodies.
        .endpoint_url("https://embedded.invalid")
        .credentials_provider(keys(embedded::ACCESS_KEY, embedded::SECRET_KEY))
        .http_client(embedded::http_client(store))
}

/// What one check may use: a client, and a bucket (or a prefix) that nobody else touches.
#[derive(Clone, Debug)]
pub struct Room {
    pub store: Store,
    pub client: Client,
    pub bucket: String,
    prefix: String,
}

impl Room {
    /// The same room, entered by a client that shares nothing with ours.
    pub fn of_another_client(&self) -> Self {
        Self {
            client: self.store.client(),
            ..self.clone()
        }
    }

    /// The key that is called `name` here.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Stores `body` under `name`.
    pub async fn put(&self, name: &str, body: impl Into<Vec<u8>>) -> Result<String, String> {
        let body: Vec<u8> = body.into();
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.key(name))
            .body(body.into());
        let answer = put.send().await.done(&format!("put {name}"))?;
        answer
            .e_tag()
            .map(str::to_owned)
            .ok_or_else(|| format!("put {name}: no ETag in the answer"))
    }

    /// What is stored under `name`.
    pub async fn get(&self, name: &str) -> Result<Vec<u8>, String> {
        let get = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(self.key(name));
        super::answers::body(get.send().await.done(&format!("get {name}"))?.body).await
    }

    /// True if something is stored under `name`.
    pub async fn has(&self, name: &str) -> Result<bool, String> {
        match self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(self.key(name))
            .send()
            .await
        {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|raw| raw.status().as_u16() == 404) =>
            {
                Ok(false)
            }
            Err(error) => Err(super::answers::describe(&error)),
        }
    }

    /// Removes everything, where the server stays when we are gone. Best effort: it decides no outcome.
    pub async fn clear(&self) {
        if !matches!(self.store.kind, Kind::Server(_)) {
            return;
        }
        loop {
            let list = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(&self.prefix)
                .send()
                .await;
            let Ok(page) = list else { break };
            let keys = page.contents().iter().filter_map(|object| object.key());
            let names: Vec<ObjectIdentifier> = keys
                .filter_map(|key| ObjectIdentifier::builder().key(key).build().ok())
                .collect();
            if names.is_empty() {
                break;
            }
            let Ok(names) = Delete::builder()
                .set_objects(Some(names))
                .quiet(true)
                .build()
            else {
                break;
            };
            if self
                .client
                .delete_objects()
                .bucket(&self.bucket)
                .delete(names)
                .send()
                .await
                .is_err()
            {
                break;
            }
            if page.is_truncated() != Some(true) {
                break;
            }
        }
        let uploads = self
            .client
            .list_multipart_uploads()
            .bucket(&self.bucket)
            .prefix(&self.prefix)
            .send()
            .await;
        for upload in uploads.iter().flat_map(ListMultipartUploadsOutput::uploads) {
            let abort = self.client.abort_multipart_upload().bucket(&self.bucket);
            let abort = abort.set_key(upload.key().map(str::to_owned));
            let _ = abort
                .set_upload_id(upload.upload_id().map(str::to_owned))
                .send()
                .await;
        }
        if self.store.makes_buckets() {
            let _ = self
                .client
                .delete_bucket()
                .bucket(&self.bucket)
                .send()
                .await;
        }
    }
}
