//! A server of one object that is larger than any disk of ours: zeros, made as they are asked for.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The server. It speaks as much HTTP as a reader of ranges needs.
pub struct Giant {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    size: u64,
    checksum: String,
    /// Bytes that went out.
    sent: AtomicU64,
    closed: AtomicBool,
}

impl Giant {
    /// Of `size` zeros, with their CRC-64/NVME in base64.
    pub fn new(size: u64, checksum: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            size,
            checksum: checksum.to_owned(),
            sent: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                if shared.closed.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                // It ends when the client goes away, which is the client's business.
                std::thread::spawn(move || drop(state.serve(&stream)));
            }
        });
        Self { address, state }
    }

    /// Bytes that went out so far.
    pub fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::SeqCst)
    }
}

impl Drop for Giant {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        // The listener wakes up for it, and ends.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn serve(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let zeros = vec![0; 256 << 10];
        let mut lines = BufReader::new(stream).lines();
        loop {
            let mut head = Vec::new();
            for line in lines.by_ref() {
                let line = line?.to_lowercase();
                if line.is_empty() {
                    break;
                }
                head.push(line);
            }
            let Some(request) = head.first() else {
                return Ok(());
            };
            let common = format!(
                "ETag: \"giant\"\r\nx-amz-checksum-crc64nvme: {}\r\nx-amz-checksum-type: FULL_OBJECT\r\n",
                self.checksum
            );
            if request.starts_with("head") {
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\n{common}Content-Length: {}\r\n\r\n",
                    self.size
                )?;
                continue;
            }
            let (first, last) = head
                .iter()
                .find_map(|line| line.strip_prefix("range: bytes=")?.split_once('-'))
                .and_then(|(first, last)| {
                    Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?))
                })
                .unwrap_or((0, self.size - 1));
            let mut left = last + 1 - first;
            write!(
                stream,
                "HTTP/1.1 206 Partial Content\r\n{common}Content-Range: bytes {first}-{last}/{}\r\nContent-Length: {left}\r\n\r\n",
                self.size
            )?;
            while left > 0 {
                let step = zeros.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                stream.write_all(&zeros[..step])?;
                left -= step as u64;
                self.sent.fetch_add(step as u64, Ordering::SeqCst);
            }
        }
    }
}
