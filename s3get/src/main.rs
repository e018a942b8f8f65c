//! See `s3get::run`.

fn main() -> std::process::ExitCode {
    common::run::start("s3get", s3get::run)
}
