//! A store that keeps no bytes: uploads of any length are swallowed, checked and forgotten.
//!
//! Of each part its length and CRC-64/NVME are kept. A part is refused if its checksum is not the one that came
//! along, and an upload is completed only if its parts are those that are named, if none but the last one is too
//! small, and if length and checksum of the whole are those that are claimed. So whoever sees a success knows
//! that all bytes came, in order. Signatures are not looked at.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crcs::{CrcAlgorithm, Digest};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts as Head;
use hyper::{Request, Response, StatusCode};
use tokio::sync::Semaphore;

use super::answer::{AnyBody, Broken, refusal};

const CRC: &str = "x-amz-checksum-crc64nvme";
/// The smallest part that S3 takes, but for the last.
const SMALLEST: u64 = 5 << 20;
/// How often to look whether anybody is still there to wait for.
const LOOK: Duration = Duration::from_millis(200);
/// The longest document that completes an upload.
const DOCUMENT_MOST: usize = 16 << 20;

/// What came, in length and checksum.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Swallowed {
    /// Bytes.
    pub size: u64,
    /// CRC-64/NVME.
    pub crc: u64,
}

impl Swallowed {
    /// What these bytes are.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            size: bytes.len() as u64,
            crc: crcs::checksum(CrcAlgorithm::Crc64Nvme, bytes),
        }
    }

    /// Both, one after the other.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self {
            size: self.size + next.size,
            crc: crcs::checksum_combine(CrcAlgorithm::Crc64Nvme, self.crc, next.crc, next.size),
        }
    }

    /// The checksum in the form of S3's headers.
    #[must_use]
    pub fn encoded(self) -> String {
        STANDARD.encode(self.crc.to_be_bytes())
    }
}

type Headers = Vec<(String, String)>;

#[derive(Default)]
struct State {
    /// By path: bucket and key.
    objects: HashMap<String, (Swallowed, Headers)>,
    uploads: HashMap<String, Upload>,
    /// Uploads so far; the newest is named by it.
    begun: u64,
    /// Bytes of whole parts and objects that came.
    swallowed: u64,
}

struct Upload {
    path: String,
    headers: Headers,
    parts: BTreeMap<u32, Swallowed>,
}

/// The store.
pub struct Sink {
    state: Mutex<State>,
    came: Condvar,
    /// Completions wait until they are let through.
    held: Option<Semaphore>,
}

impl Sink {
    /// An empty one; `hold` makes each completion wait for a [`Self::release`].
    pub(super) fn new(hold: bool) -> Self {
        Self {
            state: Mutex::default(),
            came: Condvar::new(),
            held: hold.then(|| Semaphore::new(0)),
        }
    }

    /// Waits until so many bytes came in whole parts, as long as whoever sends them is `alive`; false if it isn't.
    pub fn wait_for(&self, bytes: u64, mut alive: impl FnMut() -> bool) -> bool {
        let mut state = self.lock();
        while state.swallowed < bytes {
            drop(state);
            if !alive() {
                return self.lock().swallowed >= bytes;
            }
            state = self
                .came
                .wait_timeout_while(self.lock(), LOOK, |state| state.swallowed < bytes)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    /// Lets one completion through.
    pub fn release(&self) {
        if let Some(held) = &self.held {
            held.add_permits(1);
        }
    }

    /// What was stored under a path as requests have it, `/BUCKET/KEY`, if anything was.
    #[must_use]
    pub fn object(&self, path: &str) -> Option<Swallowed> {
        self.lock().objects.get(path).map(|(object, _)| *object)
    }

    /// How many uploads are open.
    #[must_use]
    pub fn open_uploads(&self) -> usize {
        self.lock().uploads.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<AnyBody>, Broken> {
        let (head, body) = request.into_parts();
        let query: HashMap<&str, &str> = head
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        let upload = query.get("uploadId").copied();
        Ok(match (head.method.as_str(), upload) {
            ("PUT", Some(id)) => {
                let number = query.get("partNumber").and_then(|text| text.parse().ok());
                self.part(&head, id, number.unwrap_or(0), body).await?
            }
            ("PUT", None) => self.put(&head, body).await?,
            ("POST", Some(id)) => self.complete(&head, id, body).await?,
            ("POST", None) if query.contains_key("uploads") => self.begin(&head),
            ("DELETE", Some(id)) => {
                self.lock().uploads.remove(id);
                plain(StatusCode::NO_CONTENT, &[])
            }
            ("HEAD", None) => self.look(&head),
            _ => refusal(501, "NotImplemented", head.method == "HEAD"),
        })
    }

    fn begin(&self, head: &Head) -> Response<AnyBody> {
        let mut state = self.lock();
        state.begun += 1;
        let id = format!("u{}", state.begun);
        let upload = Upload {
            path: head.uri.path().to_owned(),
            headers: metadata(head),
            parts: BTreeMap::new(),
        };
        state.uploads.insert(id.clone(), upload);
        document(&format!(
            "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
        ))
    }

    async fn part(
        &self,
        head: &Head,
        id: &str,
        number: u32,
        body: Incoming,
    ) -> Result<Response<AnyBody>, Broken> {
        let came = drain(body).await?;
        if !agrees(head, came) {
            return Ok(refusal(400, "BadDigest", false));
        }
        let mut state = self.lock();
        let Some(upload) = state.uploads.get_mut(id) else {
            return Ok(refusal(404, "NoSuchUpload", false));
        };
        upload.parts.insert(number, came);
        state.swallowed += came.size;
        self.came.notify_all();
        Ok(plain(StatusCode::OK, &described(came)))
    }

    async fn put(&self, head: &Head, body: Incoming) -> Result<Response<AnyBody>, Broken> {
        let came = drain(body).await?;
        if !agrees(head, came) {
            return Ok(refusal(400, "BadDigest", false));
        }
        let path = head.uri.path();
        let mut state = self.lock();
        if head.headers.contains_key("if-none-match") && state.objects.contains_key(path) {
            return Ok(refusal(412, "PreconditionFailed", false));
        }
        state
            .objects
            .insert(path.to_owned(), (came, metadata(head)));
        state.swallowed += came.size;
        self.came.notify_all();
        Ok(plain(StatusCode::OK, &described(came)))
    }

    async fn complete(
        &self,
        head: &Head,
        id: &str,
        body: Incoming,
    ) -> Result<Response<AnyBody>, Broken> {
        let text = http_body_util::Limited::new(body, DOCUMENT_MOST)
            .collect()
            .await?
            .to_bytes();
        let text = String::from_utf8_lossy(&text).into_owned();
        if let Some(held) = &self.held {
            held.acquire().await?.forget();
        }
        let mut state = self.lock();
        let Some(upload) = state.uploads.get(id) else {
            return Ok(refusal(404, "NoSuchUpload", false));
        };
        let path = upload.path.clone();
        if head.headers.contains_key("if-none-match") && state.objects.contains_key(&path) {
            return Ok(refusal(412, "PreconditionFailed", false));
        }
        let whole = match upload.joined(&text) {
            Ok(whole) => whole,
            Err(code) => return Ok(refusal(400, code, false)),
        };
        let size = head
            .headers
            .get("x-amz-mp-object-size")
            .and_then(|size| size.to_str().ok());
        if !agrees(head, whole) || size.is_some_and(|size| size != whole.size.to_string()) {
            return Ok(refusal(400, "BadDigest", false));
        }
        if let Some(upload) = state.uploads.remove(id) {
            state.objects.insert(path, (whole, upload.headers));
        }
        Ok(document(&format!(
            "<CompleteMultipartUploadResult><ETag>{}</ETag></CompleteMultipartUploadResult>",
            etag(whole)
        )))
    }

    fn look(&self, head: &Head) -> Response<AnyBody> {
        match self.lock().objects.get(head.uri.path()) {
            None => refusal(404, "NotFound", true),
            Some((object, headers)) => {
                let mut told = described(*object);
                told.push(("content-length".to_owned(), object.size.to_string()));
                told.push(("x-amz-checksum-type".to_owned(), "FULL_OBJECT".to_owned()));
                told.extend(headers.iter().cloned());
                plain(StatusCode::OK, &told)
            }
        }
    }
}

impl Upload {
    /// What the parts are together that a document names, if they are all of them and in order.
    fn joined(&self, text: &str) -> Result<Swallowed, &'static str> {
        let named: Vec<(u32, String)> = text
            .split("<Part>")
            .skip(1)
            .map(|part| {
                let number = inside(part, "PartNumber").and_then(|number| number.parse().ok());
                let etag = inside(part, "ETag").unwrap_or_default();
                (number.unwrap_or(0), etag.replace("&quot;", "\""))
            })
            .collect();
        if !named.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return Err("InvalidPartOrder");
        }
        let there: Vec<(u32, String)> = self
            .parts
            .iter()
            .map(|(number, part)| (*number, etag(*part)))
            .collect();
        if named.is_empty() || named != there {
            return Err("InvalidPart");
        }
        let small = self.parts.values().rev().skip(1);
        if small.clone().any(|part| part.size < SMALLEST) {
            return Err("EntityTooSmall");
        }
        Ok(self
            .parts
            .values()
            .fold(Swallowed::of(&[]), |whole, part| whole.then(*part)))
    }
}

fn inside<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once("</").map(|(value, _)| value)
}

async fn drain(mut body: Incoming) -> Result<Swallowed, Broken> {
    let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            digest.update(data);
            size += data.len() as u64;
        }
    }
    Ok(Swallowed {
        size,
        crc: digest.finalize(),
    })
}

/// True if what came is what the request says of it.
fn agrees(head: &Head, came: Swallowed) -> bool {
    head.headers
        .get(CRC)
        .is_some_and(|crc| crc.as_bytes() == came.encoded().as_bytes())
}

fn etag(object: Swallowed) -> String {
    format!("\"{:016x}\"", object.crc)
}

fn described(object: Swallowed) -> Headers {
    vec![
        ("etag".to_owned(), etag(object)),
        (CRC.to_owned(), object.encoded()),
    ]
}

fn metadata(head: &Head) -> Headers {
    head.headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-amz-meta-"))
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect()
}

fn plain(status: StatusCode, headers: &[(String, String)]) -> Response<AnyBody> {
    respond(status, headers, Bytes::new())
}

fn document(text: &str) -> Response<AnyBody> {
    let headers = [("content-type".to_owned(), "application/xml".to_owned())];
    respond(StatusCode::OK, &headers, Bytes::from(text.to_owned()))
}

fn respond(status: StatusCode, headers: &[(String, String)], body: Bytes) -> Response<AnyBody> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    let body = Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync();
    // What came in as a header goes out as one.
    builder
        .body(body)
        .unwrap_or_else(|_| refusal(500, "InternalError", true))
}
