//! What a store answered, compared with what it should have.

use std::fmt::Debug;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::Outcome;

/// Fails a check unless a condition holds.
macro_rules! demand {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err(format!($($words)+));
        }
    };
}
pub(super) use demand;

/// Reads an answer of the SDK.
pub trait Answer<T> {
    /// It must be a success.
    fn done(self, doing: &str) -> Result<T, String>;

    /// It must be a refusal with this status and one of these codes (none: an answer without a body, as to HEAD).
    fn refused(self, doing: &str, status: u16, codes: &[&str]) -> Outcome;
}

impl<T, E: ProvideErrorMetadata + std::error::Error + 'static> Answer<T>
    for Result<T, SdkError<E, HttpResponse>>
{
    fn done(self, doing: &str) -> Result<T, String> {
        self.map_err(|error| format!("{doing}: {}", describe(&error)))
    }

    fn refused(self, doing: &str, status: u16, codes: &[&str]) -> Outcome {
        let wanted = format!("{status} {}", codes.join(" or "));
        let Err(error) = self else {
            return Err(format!("{doing}: accepted, not refused with {wanted}"));
        };
        let right_status = error
            .raw_response()
            .is_some_and(|raw| raw.status().as_u16() == status);
        let right_code = codes.is_empty() || error.code().is_some_and(|code| codes.contains(&code));
        demand!(
            right_status && right_code,
            "{doing}: {}, not {wanted}",
            describe(&error)
        );
        Ok(())
    }
}

/// An error in few words: status, code and the server's message, or what broke before there was an answer.
pub fn describe<E: ProvideErrorMetadata + std::error::Error + 'static>(
    error: &SdkError<E, HttpResponse>,
) -> String {
    let status = error.raw_response().map(|raw| raw.status().as_u16());
    match (status, error.code()) {
        (Some(status), Some(code)) => match error.message() {
            Some(message) if !message.is_empty() => format!("{status} {code} ({message})"),
            _ => format!("{status} {code}"),
        },
        (Some(200), None) => "200 with a body that is no answer".to_owned(),
        (Some(status), None) => format!("{status} without a code"),
        (None, _) => match error {
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            SdkError::DispatchFailure(failure) => {
                format!("no answer: {:?}", failure.as_connector_error())
            }
            _ => "the request could not be made".to_owned(),
        },
    }
}

/// All bytes of an answer's body.
pub async fn body(stream: ByteStream) -> Result<Vec<u8>, String> {
    stream
        .collect()
        .await
        // Its own `to_vec` goes byte by byte.
        .map(|collected| collected.into_bytes().to_vec())
        .map_err(|error| format!("read the body: {error}"))
}

/// Two values must be equal. By value, because what is compared is mostly made for it.
#[allow(clippy::needless_pass_by_value)]
pub fn same<T: PartialEq<U> + Debug, U: Debug>(what: &str, got: T, wanted: U) -> Outcome {
    demand!(got == wanted, "{what}: {got:?}, not {wanted:?}");
    Ok(())
}

/// Two bodies must be equal; they are too long to be shown.
pub fn same_bytes(what: &str, got: &[u8], wanted: &[u8]) -> Outcome {
    if got == wanted {
        return Ok(());
    }
    let at = got.iter().zip(wanted).take_while(|(a, b)| a == b).count();
    Err(format!(
        "{what}: {} bytes, not {}, and the first difference is at {at}",
        got.len(),
        wanted.len()
    ))
}

/// An ETag without the quotes that some answers put around it and some don't.
pub fn bare(etag: Option<&str>) -> &str {
    etag.unwrap_or_default().trim_matches('"')
}

/// `length` bytes that differ from those of another `seed`, and don't repeat in step with any part size.
pub fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
