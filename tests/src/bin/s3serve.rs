//! Serves a folder of buckets over HTTP, for tests. Prints its URL when it is ready, and serves until it is ended.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::bucket::embedded::Thaw;
use tests::serve::{self, Options, Swallow, Writer, faults::Fault};

/// Serve a folder of buckets over HTTP, for tests
#[derive(Parser)]
struct Args {
    /// Folder whose folders are the buckets
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Access key id that gets in
    #[arg(long, value_name = "ID", default_value = "test")]
    access_key: String,
    /// Its secret
    #[arg(long, value_name = "SECRET", default_value = "testsecret")]
    secret_key: String,
    /// Let in a further key that may only write (repeatable)
    #[arg(long, value_name = "ID:SECRET", value_parser = pair)]
    write_only: Vec<(String, String)>,
    /// Let in a further key that may only write, and replace nothing (repeatable)
    #[arg(long, value_name = "ID:SECRET", value_parser = pair)]
    create_only: Vec<(String, String)>,
    /// File with 'ID SECRET' of the key that gets in instead, read for each request; others have expired
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// What goes wrong, in the form of tests/src/serve/faults.rs (repeatable)
    #[arg(long, value_name = "SPEC")]
    fault: Vec<Fault>,
    /// Write a line for each request to FILE
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Seed of the faults that happen by chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Tell N HEAD requests that a restore is going on before it is done
    #[arg(long, value_name = "N")]
    thaw: Option<u32>,
    /// Put at most N keys on a page of a listing
    #[arg(long, value_name = "N")]
    page: Option<i32>,
    /// Keep no bytes: uploads are checked, and forgotten but for their lengths and checksums
    #[arg(long)]
    swallow: bool,
    /// End at the end of standard input
    #[arg(long)]
    leash: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once(':')
        .map(|(id, secret)| (id.to_owned(), secret.to_owned()))
        .ok_or_else(|| "it is not ID:SECRET".to_owned())
}

fn main() -> ExitCode {
    let args = Args::parse();
    let writers = args
        .write_only
        .into_iter()
        .map(|pair| (pair, false))
        .chain(args.create_only.into_iter().map(|pair| (pair, true)))
        .map(|((id, secret), create_only)| Writer {
            id,
            secret,
            create_only,
        })
        .collect();
    let options = Options {
        root: args.root,
        listen: args.listen,
        access_key: args.access_key,
        secret_key: args.secret_key,
        writers,
        key_file: args.key_file,
        faults: args.fault,
        log: args.log,
        seed: args.seed,
        thaw: args.thaw.map_or(Thaw::Instant, Thaw::AfterLooks),
        page: args.page,
        swallow: args.swallow.then_some(Swallow::Freely),
    };
    let running = match serve::start(options) {
        Ok(running) => running,
        Err(error) => {
            // Whoever started us reads it, or sees that no URL came.
            let _ = writeln!(
                std::io::stderr(),
                "s3serve: error: could not serve: {error}"
            );
            return ExitCode::from(111);
        }
    };
    if writeln!(std::io::stdout(), "{}", running.url).is_err() {
        return ExitCode::from(141);
    }
    if args.leash {
        // However it ends, it has ended.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    } else {
        running.join();
    }
    ExitCode::SUCCESS
}
