//! See `s3rate::run`.

fn main() -> std::process::ExitCode {
    common::run::start("s3rate", s3rate::run)
}
