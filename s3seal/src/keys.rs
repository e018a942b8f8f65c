//! Recipients and identities, from the command line and from files.
//!
//! Whatever age understands is understood here, and the post-quantum keys besides. A line that is wrong is named by
//! its number, never shown: it may be a secret.

mod file;
mod identities;
mod recipients;
mod ssh;

pub use file::{Kind, bytes};
pub use identities::Identities;
pub use recipients::Recipients;

use common::{Error, Result};

use crate::header::one_sentence;

fn missing(name: &str) -> Error {
    let name = one_sentence(name);
    Error::permanent(
        format!("use the plugin {name}"),
        format!("age-plugin-{name} is not on the PATH"),
    )
}

/// What is wrong with a line of a file of `what`.
fn in_line(path: &std::path::Path, number: usize, why: &Error, what: &str) -> Error {
    Error::permanent(
        format!("read {what} from {}", path.display()),
        format!("line {number}: {}", why.cause()),
    )
}

/// The lines of a file that say something, with their numbers. At least one.
///
/// # Errors
/// If there is none.
fn lines<'a>(path: &std::path::Path, text: &'a str, what: &str) -> Result<Vec<(usize, &'a str)>> {
    let lines: Vec<_> = (1..)
        .zip(text.trim_start_matches('\u{feff}').lines().map(str::trim))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .collect();
    if lines.is_empty() {
        return Err(Error::permanent(
            format!("read {what} from {}", path.display()),
            "it has none",
        ));
    }
    Ok(lines)
}
