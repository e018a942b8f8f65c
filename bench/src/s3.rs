//! The requests of S3 that clients need to upload from a pipe and to download into one.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::http::{Answer, Connection, Request};
use crate::object::{ETAG, Object, kept};

/// The key of the object that can be read.
const SOURCE: &str = "source";

#[derive(Default)]
struct Upload {
    headers: Vec<(String, String)>,
    parts: BTreeMap<u32, u64>,
}

#[derive(Default)]
struct State {
    /// By path: bucket and key.
    objects: HashMap<String, Object>,
    uploads: HashMap<String, Upload>,
    /// Uploads so far; the newest is named by it.
    begun: u64,
}

/// All buckets. Every bucket exists.
pub(crate) struct Store {
    source: Option<(File, Object)>,
    state: Mutex<State>,
    requests: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
}

impl Store {
    /// A store whose readable object is `source`; its checksum is computed now.
    pub(crate) fn new(source: Option<&Path>) -> io::Result<Self> {
        let source = source.map(Object::of_file).transpose()?;
        Ok(Self {
            source,
            state: Mutex::default(),
            requests: AtomicU64::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        })
    }

    /// What was done so far, for people.
    pub(crate) fn summary(&self) -> String {
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        format!(
            "{} requests, {} bytes received, {} bytes sent",
            count(&self.requests),
            count(&self.received),
            count(&self.sent)
        )
    }

    /// Takes the body of a request and answers it.
    pub(crate) fn answer(&self, request: &Request, connection: &mut Connection) -> io::Result<()> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.received.fetch_add(request.length, Ordering::Relaxed);
        connection.discard(request.length)?;
        let key = request
            .path
            .trim_start_matches('/')
            .split_once('/')
            .map_or("", |(_, key)| key);
        match request.method.as_str() {
            "GET" | "HEAD" if key.is_empty() => connection.send(&self.bucket(request)),
            "GET" | "HEAD" => self.read(request, key, connection),
            "PUT" => connection.send(&self.put(request, key)),
            "POST" => connection.send(&self.post(request)),
            "DELETE" => connection.send(&self.delete(request)),
            _ => connection.send(&refusal("405 Method Not Allowed", "MethodNotAllowed")),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bucket(&self, request: &Request) -> Answer {
        if request.method == "HEAD" {
            return Answer::new("200 OK");
        }
        if request.parameter("location").is_some() {
            return Answer::xml("200 OK", "<LocationConstraint/>");
        }
        let wanted = |key: &str| {
            request
                .parameter("prefix")
                .is_none_or(|prefix| key.starts_with(prefix))
        };
        let entries: String = self
            .source
            .iter()
            .filter(|_| wanted(SOURCE))
            .map(|(_, object)| {
                format!(
                    "<Contents><Key>{SOURCE}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{ETAG}</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                    object.size
                )
            })
            .collect();
        Answer::xml(
            "200 OK",
            &format!(
                "<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
            ),
        )
    }

    fn read(&self, request: &Request, key: &str, connection: &mut Connection) -> io::Result<()> {
        if request.method == "HEAD" {
            let source = self
                .source
                .as_ref()
                .filter(|_| key == SOURCE)
                .map(|(_, object)| object.clone());
            let Some(object) = source.or_else(|| self.state().objects.get(&request.path).cloned())
            else {
                return connection.send_head(&Answer::new("404 Not Found"), 0);
            };
            return connection.send_head(&object.whole(), object.size);
        }
        let Some((file, object)) = self.source.as_ref().filter(|_| key == SOURCE) else {
            return connection.send(&refusal("404 Not Found", "NoSuchKey"));
        };
        let range = request.header("range");
        let (answer, from, to) = match range.map(|range| span(range, object.size)) {
            None => (object.whole(), 0, object.size),
            Some(Some((from, to))) => (object.range(from, to), from, to),
            Some(None) => {
                return connection.send(&refusal("416 Range Not Satisfiable", "InvalidRange"));
            }
        };
        self.sent.fetch_add(to - from, Ordering::Relaxed);
        connection.send_file(&answer, file, from, to)
    }

    fn put(&self, request: &Request, key: &str) -> Answer {
        let answer = Answer::new("200 OK");
        if key.is_empty() {
            return answer;
        }
        // A body in signed chunks is longer than what it carries.
        let size = request
            .header("x-amz-decoded-content-length")
            .and_then(|size| size.parse().ok())
            .unwrap_or(request.length);
        let number = request
            .parameter("partNumber")
            .and_then(|number| number.parse().ok());
        let mut state = self.state();
        if let (Some(id), Some(number)) = (request.parameter("uploadId"), number) {
            let Some(upload) = state.uploads.get_mut(id) else {
                return refusal("404 Not Found", "NoSuchUpload");
            };
            upload.parts.insert(number, size);
        } else {
            let object = Object::new(size, kept(request));
            state.objects.insert(request.path.clone(), object);
        }
        answer.with("ETag", ETAG)
    }

    fn post(&self, request: &Request) -> Answer {
        if request.parameter("uploads").is_some() {
            let upload = Upload {
                headers: kept(request),
                parts: BTreeMap::new(),
            };
            let mut state = self.state();
            state.begun += 1;
            let id = state.begun.to_string();
            state.uploads.insert(id.clone(), upload);
            let document = format!(
                "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            );
            return Answer::xml("200 OK", &document);
        }
        let mut state = self.state();
        let Some(mut upload) = request
            .parameter("uploadId")
            .and_then(|id| state.uploads.remove(id))
        else {
            return refusal("404 Not Found", "NoSuchUpload");
        };
        upload.headers.extend(kept(request));
        let object = Object::new(upload.parts.values().sum(), upload.headers);
        state.objects.insert(request.path.clone(), object);
        Answer::xml(
            "200 OK",
            &format!(
                "<CompleteMultipartUploadResult><ETag>{ETAG}</ETag></CompleteMultipartUploadResult>"
            ),
        )
    }

    fn delete(&self, request: &Request) -> Answer {
        match request.parameter("uploadId") {
            Some(id) => drop(self.state().uploads.remove(id)),
            None => drop(self.state().objects.remove(&request.path)),
        }
        Answer::new("204 No Content")
    }
}

fn refusal(status: &'static str, code: &str) -> Answer {
    Answer::xml(
        status,
        &format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>"),
    )
}

/// The bytes `from..to` that a Range header means.
fn span(range: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = match (first, last) {
        ("", count) => (size.saturating_sub(count.parse().ok()?), size),
        (first, "") => (first.parse().ok()?, size),
        (first, last) => (
            first.parse().ok()?,
            last.parse::<u64>().ok()?.saturating_add(1).min(size),
        ),
    };
    (from < to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(span("bytes=0-3", 10), Some((0, 4)));
        assert_eq!(span("bytes=8-99", 10), Some((8, 10)));
        assert_eq!(span("bytes=3-", 10), Some((3, 10)));
        assert_eq!(span("bytes=-3", 10), Some((7, 10)));
        assert_eq!((span("bytes=10-", 10), span("lines=1-2", 10)), (None, None));
    }
}
