//! What went wrong with a request, in our terms.
//!
//! The SDK's errors say where in the SDK something failed; we need to know what to do: try again, ask
//! whether it happened after all, or tell the user what to fix.

use std::error::Error as StdError;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::error::{Class, Error};

/// A failed request.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    text: String,
}

/// What a failure means for us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Nothing by that name.
    Missing,
    /// No such bucket.
    NoBucket,
    /// The keys don't allow it.
    Denied,
    /// A condition didn't hold: the object exists, or changed.
    Condition,
    /// Two writers met; AWS asks to try again.
    Conflict,
    /// The upload is not known (any more).
    NoUpload,
    /// A part of the upload is not the one that was sent, or not listed.
    Parts,
    /// The object rests in an archive class.
    Archived,
    /// What arrived is not what was sent.
    Damaged,
    /// The bucket is elsewhere.
    Region,
    /// The server doesn't do this.
    Unsupported,
    /// The disk under the store is full or can't be written.
    Disk,
    /// A file of the store is damaged or gone.
    Spoilt,
    /// The server can't prove who it is.
    Stranger,
    /// No keys were found.
    NoKeys,
    /// The server doesn't accept the keys.
    BadKeys,
    /// Our clock disagrees with the server's.
    Clock,
    /// The keys have run out; the next attempt asks for new ones.
    Expired,
    /// Somebody else's object has the name.
    Taken,
    /// It can't be known whether the request was carried out.
    Unknown,
    /// Busy, or the network: try again.
    Passing,
    /// Anything else: trying again won't help.
    Final,
}

impl Failure {
    /// What an SDK error means.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        match error {
            SdkError::ServiceError(answer) => {
                let status = answer.raw().status().as_u16();
                Self::answered(status, answer.err().code(), answer.err().message())
            }
            SdkError::TimeoutError(_) => Self::passing("the server did not answer in time"),
            SdkError::ResponseError(_) => {
                Self::passing(format!("the answer broke off: {}", root(error)))
            }
            SdkError::DispatchFailure(failure) if !failure.is_user() && !lacks_keys(error) => {
                let text = root(error);
                // A wrong certificate stays wrong; the library's words for it are not for people. Everything else
                // between us and the server may pass, also a connection that closed before the answer.
                if text.contains("certificate") {
                    return Self {
                        kind: Kind::Stranger,
                        text: "the server's certificate is not trusted".to_owned(),
                    };
                }
                Self {
                    kind: Kind::Passing,
                    text: format!("no connection to the server: {text}"),
                }
            }
            other if lacks_keys(other) => Self {
                kind: Kind::NoKeys,
                text: format!("no credentials were found ({})", root(other)),
            },
            other => Self {
                kind: Kind::Final,
                text: root(other),
            },
        }
    }

    /// The server's own answer: status, code and message.
    pub(super) fn answered(status: u16, code: Option<&str>, message: Option<&str>) -> Self {
        let kind = match (code.unwrap_or_default(), status) {
            ("NoSuchBucket", _) => Kind::NoBucket,
            ("NoSuchUpload", _) => Kind::NoUpload,
            ("InvalidPart", _) => Kind::Parts,
            ("ConditionalRequestConflict" | "OperationAborted", _) => Kind::Conflict,
            ("PreconditionFailed", _) | (_, 412) => Kind::Condition,
            ("InvalidObjectState", _) => Kind::Archived,
            (
                "BadDigest"
                | "XAmzContentChecksumMismatch"
                | "XAmzContentSHA256Mismatch"
                | "InvalidDigest",
                _,
            ) => Kind::Damaged,
            ("SignatureDoesNotMatch" | "InvalidAccessKeyId" | "NotSignedUp", _) => Kind::BadKeys,
            ("RequestTimeTooSkewed", _) => Kind::Clock,
            ("ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired", _) => Kind::Expired,
            (super::embedded::DISK_CODE | super::embedded::FORBIDDEN_CODE, _) => Kind::Disk,
            (super::embedded::DAMAGE_CODE, _) => Kind::Spoilt,
            (
                "PermanentRedirect"
                | "TemporaryRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException",
                _,
            )
            | (_, 301 | 307) => Kind::Region,
            ("NotImplemented" | "MethodNotAllowed", _) | (_, 501 | 405) => Kind::Unsupported,
            (
                "SlowDown"
                | "RequestTimeout"
                | "InternalError"
                | "ServiceUnavailable"
                | "Throttling"
                | "RequestLimitExceeded",
                _,
            )
            | (_, 408 | 429 | 500 | 502 | 503 | 504) => Kind::Passing,
            (_, 401 | 403) => Kind::Denied,
            (_, 404) => Kind::Missing,
            _ => Kind::Final,
        };
        let text = match (code, message) {
            (Some(code), Some(message)) if !message.is_empty() => format!("{message} ({code})"),
            (Some(code), _) => format!("the server answered {code}"),
            (None, Some(message)) if !message.is_empty() => message.to_owned(),
            (None, _) => format!("the server answered with status {status}"),
        };
        Self { kind, text }
    }

    /// A failure that may pass.
    pub(super) fn passing(text: impl Into<String>) -> Self {
        Self {
            kind: Kind::Passing,
            text: text.into(),
        }
    }

    /// Somebody else's object has the name.
    pub(super) fn taken() -> Self {
        Self {
            kind: Kind::Taken,
            text: "it exists already".to_owned(),
        }
    }

    /// The same failure, where nobody can tell us what became of the request.
    pub(super) fn unknown(self) -> Self {
        Self {
            kind: Kind::Unknown,
            ..self
        }
    }

    /// The reason alone.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// True where the same request may succeed by itself.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self.kind,
            Kind::Passing | Kind::Expired | Kind::Conflict | Kind::Damaged
        )
    }

    /// True where we can't know whether the request was carried out.
    pub(super) fn leaves_doubt(&self) -> bool {
        matches!(
            self.kind,
            Kind::Passing | Kind::Condition | Kind::Conflict | Kind::NoUpload
        )
    }

    /// The same as an error for the user.
    pub(super) fn error(&self, doing: impl Into<String>) -> Error {
        let class = match self.kind {
            Kind::Passing | Kind::Archived | Kind::Conflict | Kind::Expired | Kind::NoUpload => {
                Class::Temporary
            }
            _ => Class::Permanent,
        };
        let error = Error::new(class, doing, &self.text);
        match self.kind {
            Kind::NoKeys => error
                .hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, use --profile, or -f FILE"),
            Kind::BadKeys => {
                error.hint("the server does not accept these keys: check both, and the region")
            }
            Kind::Stranger => error.hint("--ca FILE names an authority to trust, or a certificate that is not itself an authority"),
            Kind::NoBucket => error.hint("'s3put --make-bucket' creates it"),
            Kind::Denied => error.hint("the keys in use don't allow this"),
            Kind::Parts => error.hint("another run may have gone on with this upload: send the dump once more"),
            Kind::Archived => {
                error.hint("ask the server to restore it first, then try again in some hours")
            }
            Kind::Region => error.hint(
                "the bucket is in another region, or on another server: use --region or --endpoint",
            ),
            Kind::Clock => error.hint("set this machine's clock"),
            Kind::Spoilt => {
                error.hint("somebody changed the bucket's files by hand, or the disk failed")
            }
            Kind::Disk => error.hint("make room, or make the directory writable"),
            _ => error,
        }
    }
}

/// True where the chain of credentials ended without any.
fn lacks_keys(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| cause.to_string().contains("credential"))
}

/// The error, its cause, the cause of that, and so on.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| <dyn StdError>::source(*error))
}

/// The innermost cause: the outer layers only repeat that something failed.
fn root(error: &(dyn StdError + 'static)) -> String {
    crate::error::in_a_sentence(
        &causes(error)
            .last()
            .map_or_else(String::new, ToString::to_string),
    )
}
