//! `nullsink`: an S3 server that costs next to nothing, so that what is measured is the client.
//!
//! Uploads are thrown away inside the kernel, and one file is served from the page cache. Of every object it
//! remembers only what a client asks for afterwards: size, checksum, metadata. It believes everything: no
//! signature, checksum or condition is looked at. It prints its address, serves until its standard input
//! ends, and then says what it did.

mod http;
mod object;
mod pace;
mod s3;

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;

use self::http::Connection;
use self::s3::Store;

/// Answer S3 clients, and keep nothing
#[derive(Parser)]
#[command(name = "nullsink", version)]
struct Args {
    /// Address; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Serve FILE as the key `source` of every bucket
    #[arg(long, value_name = "FILE")]
    source: Option<PathBuf>,
    /// Move at most RATE bytes a second on each connection; 0 is no limit
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Wait before every answer
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let store = Arc::new(Store::new(args.source.as_deref())?);
    let listener = TcpListener::bind(args.listen)?;
    writeln!(io::stdout(), "http://{}", listener.local_addr()?)?;
    let served = Arc::clone(&store);
    std::thread::spawn(move || {
        accept(
            &listener,
            &served,
            args.rate,
            Duration::from_millis(args.delay_ms),
        );
    });
    io::stdin().read_to_end(&mut Vec::new())?;
    writeln!(io::stderr(), "nullsink: {}", store.summary())?;
    Ok(())
}

fn accept(listener: &TcpListener, store: &Arc<Store>, rate: u64, delay: Duration) {
    for stream in listener.incoming() {
        let Ok(stream) = stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) else {
            continue;
        };
        let store = Arc::clone(store);
        std::thread::spawn(move || {
            let mut connection = Connection::new(stream, rate);
            // A client that goes away in the middle of something is its own affair.
            while let Ok(Some(request)) = connection.next() {
                std::thread::sleep(delay);
                if store.answer(&request, &mut connection).is_err() {
                    break;
                }
            }
        });
    }
}
