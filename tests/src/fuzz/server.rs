//! A server that answers every request with what it was told to, however wrong.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use common::args::{Patience, Where};
use common::bucket::Bucket;

use super::{file, speaker};

/// What is sent back, after a request's method and target are known: bytes, from the status line on.
pub type Answer = Box<dyn Fn(&str) -> Vec<u8> + Send>;

/// A bucket on such a server.
pub struct Liar {
    /// The client.
    pub bucket: Bucket,
    answer: Arc<Mutex<Answer>>,
}

impl Liar {
    /// Starts the server; it runs as long as the process.
    ///
    /// # Panics
    /// If it can't be started.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("listen");
        let port = listener.local_addr().expect("know our own port").port();
        let answer: Arc<Mutex<Answer>> = Arc::new(Mutex::new(Box::new(|_| Vec::new())));
        let shared = Arc::clone(&answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // A client that hangs up has had enough.
                    let _ = serve(stream, &answer);
                });
            }
        });
        let settings = format!(
            "server http://127.0.0.1:{port}\nregion us-east-1\nbucket_name bucket\naccess_key_id test\nsecret_access_key testsecret\n"
        );
        let settings = file(settings.as_bytes());
        let at = Where {
            settings: Some(settings.path().to_owned()),
            patience: Patience(std::time::Duration::ZERO),
            ..Where::default()
        };
        let bucket = Bucket::open(&at, speaker()).expect("open a bucket");
        Self { bucket, answer }
    }

    /// From now on this is the answer.
    pub fn says(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

/// Reads one request and answers it; the connection ends with that.
fn serve(mut stream: TcpStream, answer: &Mutex<Answer>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0);
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let line = head.lines().next().unwrap_or_default();
    let bytes = answer.lock().unwrap_or_else(PoisonError::into_inner)(line);
    stream.write_all(&bytes)
}

/// An answer with this status and body, and nothing wrong with it otherwise.
#[must_use]
pub fn plain(status: u16, body: &[u8]) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}
