//! The filter `s3chunk`: standard input, cut into chunks, to standard output; and back.
//!
//! What it makes is a tar archive of those chunks that an earlier dump doesn't hold (doc/format/chunk-stream.md). Which
//! those are it knows from a file of its own (doc/format/known-file.md). It promises that what is joined is what was
//! cut, or an error; that nothing is referred to that may be gone before the dump is stored; and that memory doesn't grow
//! with the stream, but for some 60 bytes a chunk. It reaches no network and no async runtime.

mod args;
mod blocks;
mod cut;
pub mod cutter;
mod dump;
pub mod fuzz;
mod join;
pub mod key;
mod known;
mod learn;
mod life;
mod list;
mod members;
mod numbered;
mod output;
mod selection;
#[cfg(test)]
mod tests;

pub use args::Args;

use common::run::Streams;
use common::{Error, Result};

use crate::args::Job;

/// Does what the arguments say.
///
/// # Errors
/// If it can't: see the modules of each job.
pub fn run(args: Args, streams: &mut Streams) -> Result<()> {
    match args.job()? {
        Job::Cut(order) => {
            for_a_program(streams)?;
            cut::cut(&order, streams)
        }
        Job::Number(size) => {
            for_a_program(streams)?;
            numbered::numbered(size, streams)
        }
        Job::Join { shown } => join::join(shown, streams),
        Job::Pick { tail, paths } => list::pick(&tail, &paths, streams),
        Job::List(tail) => list::list(tail.as_deref(), streams),
        Job::Files(tail) => list::files(tail.as_deref(), streams),
        Job::Find { tail, paths } => list::find(&tail, &paths, streams),
        Job::Learn(path) => learn::learn(&path, streams),
    }
}

fn for_a_program(streams: &mut Streams) -> Result<()> {
    if streams.output().is_terminal() {
        return Err(Error::usage("a chunk stream is not for a terminal")
            .hint("send it to a file or to another program"));
    }
    Ok(())
}
