//! A proxy for bytes, which troubles those that it is told to trouble.
//!
//! It is a relay of TCP and knows nothing of HTTP or TLS. Each connection has a number, from 0, and the troubles of that
//! number happen to it. It ends with the process that started it, and it stops listening when it is dropped.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// To the server, or from it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Way {
    /// To the server.
    Up,
    /// From the server.
    Down,
}

/// What happens to a connection.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// It ends, in both directions, when so many bytes have passed one way: as if all were well, or by a reset.
    Cut {
        /// Which bytes count.
        way: Way,
        /// How many pass.
        after: u64,
        /// RST instead of FIN.
        reset: bool,
    },
    /// The lowest bit of the byte after the first `mark` is flipped.
    Flip {
        /// Where the mark is looked for.
        way: Way,
        /// What is looked for. Only one byte of all connections is flipped.
        mark: Vec<u8>,
    },
    /// Everything comes so much later.
    Late(Duration),
    /// Once more than so many bytes have passed over all connections, nothing does until this is true.
    Held {
        /// How many pass.
        after: u64,
        /// Whether it goes on.
        released: Arc<AtomicBool>,
    },
    /// It is opened and never says anything. No byte reaches the server.
    Mute,
}

/// Which connections have which trouble.
pub type Plan = Arc<dyn Fn(usize) -> Option<Trouble> + Send + Sync>;

/// A proxy at work.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    plan: Plan,
    target: SocketAddr,
    ended: AtomicBool,
    /// Bytes that passed, by connection and way.
    passed: Mutex<HashMap<(usize, Way), u64>>,
    all: AtomicU64,
    flipped: AtomicBool,
}

impl Proxy {
    /// Starts one, in the network namespace of the caller.
    ///
    /// # Errors
    /// If no port can be had.
    pub fn start(at: Ipv4Addr, target: SocketAddr, plan: Plan) -> io::Result<Self> {
        let listener = TcpListener::bind((at, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            plan,
            target,
            ended: AtomicBool::new(false),
            passed: Mutex::default(),
            all: AtomicU64::new(0),
            flipped: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                if serving.ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(client) = client else { continue };
                let serving = Arc::clone(&serving);
                std::thread::spawn(move || serving.relay(number, &client));
            }
        });
        Ok(Self { address, shared })
    }

    /// Bytes that passed over a connection, one way.
    #[must_use]
    pub fn passed(&self, connection: usize, way: Way) -> u64 {
        let passed = self.shared.passed.lock();
        passed.map_or(0, |passed| {
            passed.get(&(connection, way)).copied().unwrap_or(0)
        })
    }

    /// Bytes that passed at all.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.shared.all.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Its thread waits for a connection that never comes, and ends with the process.
        self.shared.ended.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn relay(&self, number: usize, client: &TcpStream) {
        let trouble = (self.plan)(number);
        if matches!(trouble, Some(Trouble::Mute)) {
            // Until the client gives up.
            let _ = io::copy(&mut &*client, &mut io::sink());
            return;
        }
        let Ok(server) = TcpStream::connect(self.target) else {
            return;
        };
        let line = Line {
            shared: self,
            number,
            trouble: trouble.as_ref(),
            reset: AtomicBool::new(false),
        };
        std::thread::scope(|scope| {
            scope.spawn(|| line.pass(Way::Up, client, &server));
            scope.spawn(|| line.pass(Way::Down, &server, client));
        });
    }
}

/// One connection.
struct Line<'a> {
    shared: &'a Shared,
    number: usize,
    trouble: Option<&'a Trouble>,
    /// It is about to be reset: nothing polite must be said any more.
    reset: AtomicBool,
}

impl Line<'_> {
    /// Passes bytes on until either side ends, or the trouble says so; then both directions end.
    fn pass(&self, way: Way, mut from: &TcpStream, mut to: &TcpStream) {
        let mut buffer = vec![0; 1 << 16];
        let mut passed = 0;
        let mut mark = Mark::default();
        loop {
            let Ok(length @ 1..) = from.read(&mut buffer) else {
                // Whoever reads the other end is told, and may still answer.
                if !self.reset.load(Ordering::Relaxed) {
                    let _ = to.shutdown(Shutdown::Write);
                }
                return;
            };
            let mut data = &mut buffer[..length];
            let mut last = false;
            match self.trouble {
                Some(Trouble::Cut {
                    way: cut, after, ..
                }) if *cut == way => {
                    let left = usize::try_from(after.saturating_sub(passed)).unwrap_or(usize::MAX);
                    last = left <= data.len();
                    data = &mut data[..left.min(length)];
                }
                Some(Trouble::Flip {
                    way: flip,
                    mark: wanted,
                }) if *flip == way => {
                    mark.flip_after(wanted, data, &self.shared.flipped);
                }
                Some(Trouble::Late(time)) => std::thread::sleep(*time),
                Some(Trouble::Held { after, released })
                    if self.shared.all.load(Ordering::Relaxed) > *after =>
                {
                    while !released.load(Ordering::Relaxed) {
                        std::thread::yield_now();
                    }
                }
                _ => {}
            }
            let written = to.write_all(data).is_ok();
            passed += data.len() as u64;
            if let Ok(mut all) = self.shared.passed.lock() {
                all.insert((self.number, way), passed);
            }
            self.shared
                .all
                .fetch_add(data.len() as u64, Ordering::Relaxed);
            if last && matches!(self.trouble, Some(Trouble::Cut { reset: true, .. })) {
                // It is sent when both sockets are closed, which is when the other direction ends, too.
                self.reset.store(true, Ordering::Relaxed);
                let _ = set_socket_linger(from, Some(Duration::ZERO));
                let _ = set_socket_linger(to, Some(Duration::ZERO));
                let _ = from.shutdown(Shutdown::Read);
                let _ = to.shutdown(Shutdown::Read);
                return;
            }
            if last || !written {
                let _ = from.shutdown(Shutdown::Both);
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

/// How much of a mark was seen at the end of what passed.
#[derive(Default)]
struct Mark {
    seen: usize,
}

impl Mark {
    fn flip_after(&mut self, wanted: &[u8], data: &mut [u8], flipped: &AtomicBool) {
        for byte in data {
            if self.seen == wanted.len() {
                if !flipped.swap(true, Ordering::Relaxed) {
                    *byte ^= 1;
                }
                self.seen = 0;
            } else if *byte == wanted[self.seen] {
                self.seen += 1;
            } else {
                // Good enough for marks whose first byte doesn't come again in them.
                self.seen = usize::from(*byte == wanted[0]);
            }
        }
    }
}
