//! See `s3ls::run`.

fn main() -> std::process::ExitCode {
    common::run::start("s3ls", s3ls::run)
}
