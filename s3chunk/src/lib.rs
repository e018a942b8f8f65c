//! The filter `s3chunk`.

pub mod cutter;
pub mod key;
use clap::Parser;
use common::args::Voice;
use common::run::{Spoken, Streams};
#[derive(Clone, Debug, Parser)]
#[command(name = "s3chunk", version)]
pub struct Args {
    #[command(flatten)]
    pub voice: Voice,
}
impl Spoken for Args {
    fn voice(&self) -> Voice {
        self.voice
    }
}
pub fn run(_: Args, _: &mut Streams) -> common::Result<()> {
    Ok(())
}
