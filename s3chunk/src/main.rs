//! See `s3chunk::run`.

fn main() -> std::process::ExitCode {
    common::run::start("s3chunk", s3chunk::run)
}
