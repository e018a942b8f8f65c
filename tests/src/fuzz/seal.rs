//! What `s3seal -d` reads: a header, a payload, compressed bytes.
//!
//! The examples are the vectors in `tests/vectors/seal`, with what they say of themselves in front of the stream.

use std::sync::LazyLock;

/// What is sealed in every vector is the beginning of this.
static NUMBERS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let lines = (1..=60_000).map(|number| format!("{number}\n"));
    lines.collect::<String>().into_bytes()
});

/// The stream of a vector, or all of what isn't one.
fn stream(data: &[u8]) -> &[u8] {
    let end = data.windows(2).position(|two| two == b"\n\n");
    match end {
        Some(end) if data.starts_with(b"expect: ") => &data[end + 2..],
        _ => data,
    }
}

/// Anything: content or an error. What comes out of a seal is what was sealed, or the beginning of a vector's content
/// if the seal was made of another one's parts.
pub fn opener(data: &[u8]) {
    let stream = stream(data);
    match s3seal::fuzz::opener(stream.to_vec()) {
        Ok(content) if stream.starts_with(b"age-encryption.org/") => {
            assert!(
                NUMBERS.starts_with(&content),
                "something else than what was sealed came out: {} bytes",
                content.len()
            );
        }
        Ok(_) => {}
        Err(error) => super::harmless(&error),
    }
}

/// A header as it stands, up to and with the line of its MAC.
pub fn header(data: &[u8]) {
    let stream = stream(data);
    let last = stream.windows(5).position(|five| five == b"\n--- ");
    let end = last.and_then(|at| {
        let line = &stream[at + 1..];
        Some(at + 2 + line.iter().position(|byte| *byte == b'\n')?)
    });
    if let Err(error) = s3seal::fuzz::header(&stream[..end.unwrap_or(stream.len())]) {
        super::harmless(&error);
    }
}
