//! Refuses documents that are cut.
//!
//! The SDK's parser takes what it finds until the end, wherever that is. Where a length is a lie on the way, the first
//! half of a listing would pass for all of it, and whoever deletes by it would not see what still needs something.

use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

/// Fails a request whose answer says success and holds the beginning of a document only.
#[derive(Debug)]
pub(super) struct Whole;

impl Intercept for Whole {
    fn name(&self) -> &'static str {
        "whole documents"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        match answer.body().bytes() {
            Some(body) if answer.status().is_success() && !is_whole(body) => {
                Err("the document is not whole".into())
            }
            _ => Ok(()),
        }
    }
}

/// False if `body` is the beginning of an XML document. What doesn't look like one is not judged.
fn is_whole(body: &[u8]) -> bool {
    let mut rest = body.trim_ascii();
    // Declarations and comments.
    while rest.starts_with(b"<?") || rest.starts_with(b"<!") {
        let Some(end) = rest.iter().position(|&byte| byte == b'>') else {
            return false;
        };
        rest = rest[end + 1..].trim_ascii_start();
    }
    let Some(inside) = rest.strip_prefix(b"<") else {
        return true;
    };
    let name = inside
        .iter()
        .position(|byte| matches!(byte, b'>' | b'/') || byte.is_ascii_whitespace());
    let Some(name) = name.map(|end| &inside[..end]) else {
        return false;
    };
    let closed = inside
        .strip_suffix(b">")
        .and_then(|inside| inside.trim_ascii_end().strip_suffix(name))
        .is_some_and(|inside| inside.ends_with(b"</"));
    let empty = inside.ends_with(b"/>") && !inside.contains(&b'<');
    closed || empty
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    #[test]
    fn beginnings_are_told_from_documents() {
        for whole in [
            "",
            "hello",
            "{}",
            "<A></A>",
            "<A/>",
            "<A />",
            "<A x='1'><B/></A >\n",
            "<?xml version='1.0'?>\n<!-- no --><A><B>1</B></A>\n",
        ] {
            assert!(is_whole(whole.as_bytes()), "{whole}");
        }
        let document = "<?xml version='1.0'?><List><A><B>1</B></A><C/></List>";
        for end in 1..document.len() {
            // After the declaration there is nothing yet that could be cut.
            if end != "<?xml version='1.0'?>".len() {
                assert!(
                    !is_whole(&document.as_bytes()[..end]),
                    "{}",
                    &document[..end]
                );
            }
        }
    }
}
