//! A way to a server that breaks in the ways that networks do. What happens to a connection depends on its number.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// What happens to a connection.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// Nothing.
    Clear,
    /// It is accepted, and nothing on it is ever read.
    Deaf,
    /// After so many bytes to the server no more are read. The connection stays.
    StopsReading(usize),
    /// After so many bytes from the server no more come through. The connection stays.
    StopsAnswering(usize),
    /// After so many bytes from the server it is cut.
    Cut(usize),
}

/// The way.
pub struct Bridge {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    target: SocketAddr,
    ways: Vec<Way>,
    connections: AtomicUsize,
    /// Raised when a way has done its worst.
    broken: AtomicUsize,
    /// Connections whose number is lower are dead, without a word to either side.
    forgotten: AtomicUsize,
    closed: AtomicBool,
}

impl Bridge {
    /// To `target`. The first connections have these ways; all others are clear.
    pub fn to(target: SocketAddr, ways: &[Way]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            target,
            ways: ways.to_vec(),
            connections: AtomicUsize::new(0),
            broken: AtomicUsize::new(0),
            forgotten: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                if shared.closed.load(Ordering::SeqCst) {
                    return;
                }
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                if let Ok(client) = client {
                    carry(&shared, number, client);
                }
            }
        });
        Self { address, state }
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// How many ways have broken.
    pub fn broken(&self) -> usize {
        self.state.broken.load(Ordering::SeqCst)
    }

    /// Loses all connections of now, as a firewall does: what is sent on them goes nowhere.
    pub fn forget(&self) {
        self.state
            .forgotten
            .store(self.connections(), Ordering::SeqCst);
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        // The listener wakes up for it, and sees that it is to end.
        let _ = TcpStream::connect(self.address);
    }
}

/// Carries a connection. The threads end with it.
fn carry(state: &Arc<State>, number: usize, client: TcpStream) {
    let way = state.ways.get(number).copied().unwrap_or(Way::Clear);
    if matches!(way, Way::Deaf) {
        state.broken.fetch_add(1, Ordering::SeqCst);
        // Kept open until the client gives up: it writes, and the kernel takes some of it.
        thread::spawn(move || hold(&client));
        return;
    }
    let Ok(server) = TcpStream::connect(state.target) else {
        return;
    };
    let ends = |stream: &TcpStream| stream.try_clone().expect("a second handle");
    let (up, down) = (
        (ends(&client), ends(&server)),
        (ends(&server), ends(&client)),
    );
    let shared = Arc::clone(state);
    thread::spawn(move || {
        let limit = match way {
            Way::StopsReading(bytes) => Some((bytes, false)),
            _ => None,
        };
        pump(&shared, number, up.0, up.1, limit);
    });
    let shared = Arc::clone(state);
    thread::spawn(move || {
        let limit = match way {
            Way::StopsAnswering(bytes) => Some((bytes, false)),
            Way::Cut(bytes) => Some((bytes, true)),
            _ => None,
        };
        pump(&shared, number, down.0, down.1, limit);
    });
}

/// Moves bytes until an end, or until `limit` of them: then the connection is cut, or nothing more moves.
fn pump(
    state: &State,
    number: usize,
    mut from: TcpStream,
    mut to: TcpStream,
    limit: Option<(usize, bool)>,
) {
    let mut buffer = vec![0; 64 << 10];
    let mut moved = 0;
    loop {
        let most = limit.map_or(buffer.len(), |(limit, _)| (limit - moved).min(buffer.len()));
        if most == 0 {
            state.broken.fetch_add(1, Ordering::SeqCst);
            if limit.is_some_and(|(_, cut)| cut) {
                let _ = from.shutdown(Shutdown::Both);
                let _ = to.shutdown(Shutdown::Both);
            }
            return;
        }
        let read = match from.read(&mut buffer[..most]) {
            Ok(read) if read > 0 => read,
            // The other end is told, unless the connection is lost.
            _ if number < state.forgotten.load(Ordering::SeqCst) => return,
            _ => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        };
        moved += read;
        if number < state.forgotten.load(Ordering::SeqCst) {
            continue;
        }
        if to.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
}

/// Waits until the other end is gone, without reading.
fn hold(stream: &TcpStream) {
    let mut one = [0; 1];
    while stream.peek(&mut one).is_ok_and(|seen| seen > 0) {
        if matches!(stream.take_error(), Ok(Some(_)) | Err(_)) {
            return;
        }
        thread::sleep(std::time::Duration::from_millis(20));
    }
}
