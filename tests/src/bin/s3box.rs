//! All tools in one program, for the tests only: it does what the name says under which it is called.
//!
//! One link instead of seven. What ships are separate programs; `S3_BIN_DIR` runs the same tests on those.

use std::path::Path;
use std::process::ExitCode;

use common::run::start;

fn main() -> ExitCode {
    let called = std::env::args_os().next().unwrap_or_default();
    match Path::new(&called)
        .file_name()
        .and_then(|name| name.to_str())
    {
        Some("s3put") => start("s3put", s3put::run),
        Some("s3get") => start("s3get", s3get::run),
        Some("s3ls") => start("s3ls", s3ls::run),
        Some("s3prune") => start("s3prune", s3prune::run),
        Some("s3rate") => start("s3rate", s3rate::run),
        Some("s3seal") => start("s3seal", s3seal::run),
        Some("s3chunk") => start("s3chunk", s3chunk::run),
        _ => ExitCode::from(127),
    }
}
