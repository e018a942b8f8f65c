//! See `s3prune::run`.

fn main() -> std::process::ExitCode {
    common::run::start("s3prune", s3prune::run)
}
