//! RestoreObject: asking for a readable copy of what is archived.

use std::time::Duration;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::intake::blocking;
use super::object::{Restore, State, after};
use super::{Store, Thaw, write};

pub(super) async fn restore(
    store: &Store,
    request: S3Request<RestoreObjectInput>,
) -> S3Result<S3Response<RestoreObjectOutput>> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let days = input
        .restore_request
        .as_ref()
        .and_then(|request| request.days);
    let days = days
        .and_then(|days| u64::try_from(days).ok())
        .filter(|&days| days > 0);
    let days = days
        .ok_or_else(|| s3_error!(MalformedXML, "a restore needs a number of days, at least 1"))?;
    let (wait, looks) = match store.thaw() {
        Thaw::Instant => (Duration::ZERO, 0),
        Thaw::AfterLooks(looks) => (Duration::ZERO, looks),
        Thaw::After(wait) => (wait, 0),
    };
    let again = blocking(move || {
        let mut again = false;
        write::amend(&bucket, &input.key, |record| {
            let expires = after(Duration::from_secs(days.saturating_mul(86_400)));
            match (record.state(), &mut record.restore) {
                (State::Readable, _) => Err(s3_error!(
                    InvalidObjectState,
                    "restore is not allowed for the object's current storage class"
                )),
                (State::Thawing, _) => Err(s3_error!(
                    RestoreAlreadyInProgress,
                    "object restore is already in progress"
                )),
                (State::Thawed, Some(restore)) => {
                    restore.expires = expires;
                    again = true;
                    Ok(())
                }
                _ => {
                    record.restore = Some(Restore {
                        ready: after(wait),
                        looks,
                        expires,
                    });
                    Ok(())
                }
            }
        })?;
        Ok(again)
    })
    .await?;
    let status = if again {
        http::StatusCode::OK
    } else {
        http::StatusCode::ACCEPTED
    };
    Ok(S3Response::with_status(
        RestoreObjectOutput::default(),
        status,
    ))
}
