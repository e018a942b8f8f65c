//! See `s3put::run`.

fn main() -> std::process::ExitCode {
    common::run::start("s3put", s3put::run)
}
