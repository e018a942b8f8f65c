//! The embedded store as an HTTP server, for tests: signatures are checked, requests are logged, and what real
//! servers get wrong once in a while happens here on demand ([`faults`] has the list).
//!
//! One thread serves all connections. It speaks plain HTTP/1.1, on an address of this machine.

mod access;
mod answer;
pub mod faults;
mod operation;
pub mod sink;
mod wire;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use bytes::Bytes;
use common::bucket::embedded::{self, Store, Thaw};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::http::request::Parts;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::sync::oneshot;

pub use access::Writer;
use access::{Blind, Guard, Keys};
use answer::{AnyBody, Broken, Spoiled};
use faults::{Fault, What};
use sink::Sink;
use wire::{Ending, Wire};

/// How to serve.
#[derive(Debug)]
pub struct Options {
    /// The folder of the buckets.
    pub root: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The key that may do everything.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// Further keys that get in, and may only write.
    pub writers: Vec<Writer>,
    /// A file with `ID SECRET` of the key that gets in instead, read for each request. Any other has expired.
    pub key_file: Option<PathBuf>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// Where a line for each request goes, besides [`Running::log`].
    pub log: Option<PathBuf>,
    /// Seed of the generator behind `%`.
    pub seed: u64,
    /// How long an object takes to come out of the archive.
    pub thaw: Thaw,
    /// The most keys on a page of a listing, if fewer than S3's thousand.
    pub page: Option<i32>,
    /// Keep no bytes.
    pub swallow: Option<Swallow>,
}

/// How a server that keeps no bytes completes uploads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Swallow {
    /// At once.
    Freely,
    /// Each when it is [released](Sink::release).
    WhenReleased,
}

impl Options {
    /// The buckets of `root` on a free port, for `test` and `testsecret`, without a fault.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            access_key: "test".to_owned(),
            secret_key: "testsecret".to_owned(),
            writers: Vec::new(),
            key_file: None,
            faults: Vec::new(),
            log: None,
            seed: 1,
            thaw: Thaw::Instant,
            page: None,
            swallow: None,
        }
    }

    /// Adds a key that may only write, with `secret` behind its name as its secret; see [`Writer::create_only`].
    #[must_use]
    pub fn writer(mut self, id: &str, create_only: bool) -> Self {
        self.writers.push(Writer {
            id: id.to_owned(),
            secret: format!("{id}secret"),
            create_only,
        });
        self
    }

    /// Adds a fault.
    ///
    /// # Panics
    /// If it isn't written as [`faults`] says.
    #[must_use]
    pub fn fault(mut self, spec: &str) -> Self {
        self.faults
            .push(spec.parse().unwrap_or_else(|why: String| panic!("{why}")));
        self
    }
}

/// A server at work. It ends when this is dropped.
pub struct Running {
    /// Its base URL.
    pub url: String,
    server: Arc<Server>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// A line for each request that was answered or broken off so far:
    /// `OPERATION METHOD TARGET STATUS [NAME=VALUE…] [fault=…]`, where a status of `-` is no answer, and the
    /// names are `range`, `if-match`, `if-none-match`, `x-amz-copy-source-range`, `x-amz-copy-source-if-match` and
    /// `content-length`.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.server
            .log
            .lock()
            .map(|lines| lines.clone())
            .unwrap_or_default()
    }

    /// What it swallowed, if it is to.
    #[must_use]
    pub fn sink(&self) -> Option<&Sink> {
        self.server.sink.as_ref()
    }

    /// Waits until the server ends, which it doesn't by itself.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic in there was printed there.
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Server {
    service: S3Service,
    /// Answers in the place of the service.
    sink: Option<Sink>,
    /// What goes wrong, and how many requests each fault fitted so far.
    faults: Vec<(Fault, AtomicU64)>,
    log: Mutex<Vec<String>>,
    file: Option<Mutex<std::fs::File>>,
    generator: Mutex<u64>,
}

/// Starts a server.
///
/// # Errors
/// If the address is taken, or the folder or the log can't be opened.
pub fn start(options: Options) -> io::Result<Running> {
    let mut service = S3ServiceBuilder::new(Store::open_with(
        &options.root,
        embedded::Options {
            thaw: options.thaw,
            ..embedded::Options::default()
        },
    )?);
    service.set_auth(Keys {
        id: options.access_key,
        secret: options.secret_key.into(),
        writers: options.writers.clone(),
        instead: options.key_file,
    });
    service.set_access(Guard {
        writers: options.writers,
        page: options.page,
    });
    let file = options.log.map(std::fs::File::create).transpose()?;
    let server = Arc::new(Server {
        service: service.build(),
        sink: options
            .swallow
            .map(|swallow| Sink::new(swallow == Swallow::WhenReleased)),
        faults: options
            .faults
            .into_iter()
            .map(|fault| (fault, AtomicU64::new(0)))
            .collect(),
        log: Mutex::default(),
        file: file.map(Mutex::new),
        generator: Mutex::new(options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
    });
    let listener = TcpListener::bind(options.listen)?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}", listener.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (stop, stopped) = oneshot::channel();
    let serving = Arc::clone(&server);
    let thread = std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = accept(listener, serving) => {}
                _ = stopped => {}
            }
        });
    });
    Ok(Running {
        url,
        server,
        stop: Some(stop),
        thread: Some(thread),
    })
}

async fn accept(listener: TcpListener, server: Arc<Server>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        // A connection that is gone before it is accepted concerns nobody.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let ending = Arc::new(Ending::default());
            let wire = Wire::new(stream, Arc::clone(&ending));
            let service = hyper::service::service_fn(move |request| {
                Arc::clone(&server).serve(request, Arc::clone(&ending))
            });
            // It ends in an error when a fault says so, or when the client goes away: both are the client's business.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(wire), service)
                .await;
        });
    }
}

impl Server {
    /// Answers a request, or breaks the connection.
    async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
        ending: Arc<Ending>,
    ) -> Result<Response<AnyBody>, Broken> {
        let (parts, body) = request.into_parts();
        let operation = operation::name(&parts);
        let fault = self.fault(operation, parts.method.as_str());
        let mut line = line_for(&parts, operation);
        if let Some(stall @ What::Stall) = fault {
            drain(body).await;
            line = line.replacen("STATUS", "-", 1);
            self.note(format!("{line} fault={stall}"));
            return std::future::pending().await;
        }
        let result = self.act(parts, body, fault, &ending).await;
        let status = match &result {
            Ok(answer) if fault != Some(&What::Garbage) => answer.status().as_u16().to_string(),
            _ => "-".to_owned(),
        };
        line = line.replacen("STATUS", &status, 1);
        if let Some(what) = fault {
            line.push_str(&format!(" fault={what}"));
        }
        self.note(line);
        result
    }

    async fn act(
        &self,
        mut parts: Parts,
        body: Incoming,
        fault: Option<&What>,
        ending: &Ending,
    ) -> Result<Response<AnyBody>, Broken> {
        let head = parts.method == "HEAD";
        if let Some(answer) = fault.and_then(|fault| answer::instead(fault, head)) {
            drain(body).await;
            return Ok(answer);
        }
        match fault {
            Some(What::Reset) => {
                drain(body).await;
                ending.reset();
                return Err("reset by a fault".into());
            }
            Some(What::Garbage) => {
                drain(body).await;
                ending.garbage();
                return Ok(answer::nothing());
            }
            Some(What::Hangup(bytes)) => {
                swallow(body, *bytes).await;
                return Err("hung up by a fault".into());
            }
            Some(What::Blind) => {
                parts.extensions.insert(Blind);
            }
            _ => {}
        }
        let answer = self.perform(Request::from_parts(parts, body)).await?;
        Ok(match fault {
            Some(What::Lost) => return Err("lost by a fault".into()),
            Some(What::Cut(bytes)) => answer.map(|body| Spoiled::cut(body, *bytes)),
            Some(What::Flip(byte)) => answer.map(|body| Spoiled::flip(body, *byte)),
            Some(What::Short(_)) if head => return Err("cut by a fault".into()),
            Some(What::Short(bytes)) => answer::longer(answer, *bytes, false),
            Some(What::Bare) => answer::bare(answer).await?,
            Some(What::Hollow) => answer::hollow(answer),
            Some(What::Long(bytes)) if !head => answer::longer(answer, *bytes, true),
            _ => answer,
        })
    }

    /// The first fault that happens to a request. The others count it all the same.
    fn fault(&self, operation: &str, method: &str) -> Option<&What> {
        let chance = self.chance();
        let mut struck = None;
        for (fault, seen) in self
            .faults
            .iter()
            .filter(|(fault, _)| fault.fits(operation, method))
        {
            if fault.strikes(seen.fetch_add(1, Ordering::Relaxed) + 1, chance) {
                struck = struck.or(Some(&fault.what));
            }
        }
        struck
    }

    /// What the store says.
    async fn perform(&self, request: Request<Incoming>) -> Result<Response<AnyBody>, Broken> {
        if let Some(sink) = &self.sink {
            return sink.answer(request).await;
        }
        let answer = self
            .service
            .call(request.map(s3s::Body::from))
            .await
            .map_err(|_| "the protocol library gave up")?;
        Ok(answer.map(BodyExt::boxed_unsync))
    }

    /// The next number of the generator (xorshift).
    fn chance(&self) -> u64 {
        let Ok(mut state) = self.generator.lock() else {
            return 0;
        };
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        // The low bits follow each other too closely.
        *state >> 16
    }

    fn note(&self, line: String) {
        if let Some(mut file) = self.file.as_ref().and_then(|file| file.lock().ok()) {
            // A full disk will be noticed by the test that reads the log.
            let _ = writeln!(file, "{line}");
        }
        if let Ok(mut lines) = self.log.lock() {
            lines.push(line);
        }
    }
}

fn line_for(parts: &Parts, operation: &str) -> String {
    let mut line = format!("{operation} {} {} STATUS", parts.method, parts.uri);
    for name in [
        "range",
        "if-match",
        "if-none-match",
        "x-amz-copy-source-range",
        "x-amz-copy-source-if-match",
        "content-length",
    ] {
        if let Some(value) = parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
        {
            line.push_str(&format!(" {name}={value}"));
        }
    }
    line
}

/// Reads the rest of a request, so that the client gets to read the answer.
async fn drain(body: Incoming) {
    swallow(body, usize::MAX).await;
}

/// Reads at least `bytes` bytes of a request, if it has them.
async fn swallow(mut body: Incoming, bytes: usize) {
    let mut seen = 0;
    while seen < bytes {
        match next_frame(&mut body).await {
            Some(data) => seen += data,
            None => return,
        }
    }
}

async fn next_frame(body: &mut Incoming) -> Option<usize> {
    let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    Some(frame.ok()?.data_ref().map_or(0, Bytes::len))
}
