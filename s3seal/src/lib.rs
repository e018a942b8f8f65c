//! The filter `s3seal`: standard input, compressed and encrypted, to standard output; and back.
//!
//! What it makes is an age file around a zstd stream (doc/format/sealed.md), so `age -d | zstd -d` opens it without
//! this tool. It promises that nothing damaged, cut off or added to is ever opened with success, that one stream
//! keeps all cores busy, and that memory doesn't grow with the stream. It reaches no network and no async runtime.

mod args;
mod armor;
mod compress;
pub mod fuzz;
mod header;
mod inspect;
mod keygen;
mod keys;
mod magic;
mod members;
mod open;
mod pad;
mod passphrase;
mod pq;
mod rewrap;
mod seal;
mod secrets;
mod seeds;
mod stream;
#[cfg(test)]
mod tests;

pub use args::Args;

use common::run::Streams;
use common::{Result, flow, input, pool};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::args::Job;

/// Does what the arguments say.
///
/// # Errors
/// If it can't: see the modules of each job.
pub fn run(args: Args, streams: &mut Streams) -> Result<()> {
    let job = args.job()?;
    keep_secrets_out_of_cores();
    match job {
        Job::Seal => seal::seal(args, streams),
        Job::Open { shown } => open::open(&args, shown, streams),
        Job::Inspect => inspect::inspect(&args, streams),
        Job::Rewrap => rewrap::rewrap(&args, streams),
        Job::Keygen => keygen::keygen(args.pq, streams),
    }
}

/// A crash leaves no core file. One byte is the limit that also keeps core dumps out of a pipe to a collector. The
/// process stays visible to its owner, for s3put looks at who writes into its pipe.
fn keep_secrets_out_of_cores() {
    let none = Rlimit {
        current: Some(1),
        maximum: Some(1),
    };
    // Somebody may have set it lower: better still.
    let _ = setrlimit(Resource::Core, none);
}
