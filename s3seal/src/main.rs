//! See `s3seal::run`.

fn main() -> std::process::ExitCode {
    common::run::start("s3seal", s3seal::run)
}
