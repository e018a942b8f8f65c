//! What went wrong with a request, in our terms.
//!
//! The SDK's errors say where in the SDK something failed; we need to know what to do: try again, ask
//! whether it happened after all, or tell the user what to fix.

use std::error::Error as StdError;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;

use self::told::{PAGE, Told, nonsense, shortened};
use crate::error::{Class, Error};

#[cfg(test)]
mod tests;
mod told;

/// A bucket is not where it was looked for, and nobody says where it is.
const ELSEWHERE: &str =
    "the bucket is in another region, or on another server: use --region or --endpoint";
/// Keys have nothing to do with such a refusal.
const BETWEEN: &str = "something between here and the server answered: a proxy, a firewall, or a network that wants a login";

/// A failed request.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    text: String,
    /// What the answer says about how to do better.
    advice: Option<String>,
    /// When the server wants to be asked again.
    come_back: Option<Duration>,
    /// The server said that the request is wrong, or its disk, and not why. An answer to HEAD can't say more.
    mute: bool,
    /// The connection ended before there was an answer.
    severed: bool,
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
    /// The moment has passed until which it might be asked for.
    Late,
    /// It can't be known whether the request was carried out.
    Unknown,
    /// Busy, or the network: try again.
    Passing,
    /// Anything else: trying again won't help.
    Final,
}

impl Failure {
    fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            advice: None,
            come_back: None,
            mute: false,
            severed: false,
        }
    }

    /// What an SDK error means.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        match error {
            SdkError::ServiceError(answer) => {
                let raw = answer.raw();
                let status = raw.status().as_u16();
                match (answer.err().code(), answer.err().message()) {
                    // What began well and can't be understood was cut or bent on the way, or comes from somebody else.
                    // The request was carried out, perhaps.
                    (None, None) if (200..300).contains(&status) => Self::passing(nonsense(raw)),
                    (code, message) => Self::answered(status, code, message).with_answer(raw),
                }
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
                    return Self::new(Kind::Stranger, "the server's certificate is not trusted");
                }
                Self {
                    severed: true,
                    ..Self::passing(format!("no connection to the server: {text}"))
                }
            }
            other if lacks_keys(other) => Self::no_keys(root(other)),
            other => Self::new(Kind::Final, root(other)),
        }
    }

    /// Why no keys were found. What gives them out may be busy, or out of reach for a while.
    pub(super) fn of_keys(error: &CredentialsError) -> Self {
        let reached = !causes(error).any(|cause| {
            cause
                .downcast_ref::<ConnectorError>()
                .is_some_and(|error| error.is_io() || error.is_timeout())
        });
        match error {
            CredentialsError::ProviderTimedOut(_) => {
                Self::passing("what gives out credentials did not answer in time")
            }
            CredentialsError::ProviderError(_) if !reached => Self::passing(format!(
                "no connection to what gives out credentials: {}",
                root(error)
            )),
            _ => Self::no_keys(root(error)),
        }
    }

    /// No keys were found, because of `why`.
    pub(super) fn no_keys(why: impl std::fmt::Display) -> Self {
        Self::new(Kind::NoKeys, format!("no credentials were found ({why})"))
    }

    /// The server's own answer: status, code and message.
    pub(super) fn answered(status: u16, code: Option<&str>, message: Option<&str>) -> Self {
        let kind = match (code.unwrap_or_default(), status) {
            ("NoSuchBucket", _) => Kind::NoBucket,
            ("NoSuchUpload", _) => Kind::NoUpload,
            ("InvalidPart", _) => Kind::Parts,
            // The answer to a HEAD names no code.
            ("ConditionalRequestConflict" | "OperationAborted", _) | ("", 409) => Kind::Conflict,
            ("PreconditionFailed", _) | (_, 412) => Kind::Condition,
            ("InvalidObjectState", _) => Kind::Archived,
            (
                "BadDigest"
                | "XAmzContentChecksumMismatch"
                | "XAmzContentSHA256Mismatch"
                | "InvalidDigest",
                _,
            ) => Kind::Damaged,
            (
                "SignatureDoesNotMatch"
                | "InvalidAccessKeyId"
                | "InvalidClientTokenId"
                | "UnrecognizedClientException"
                | "NotSignedUp",
                _,
            ) => Kind::BadKeys,
            ("RequestTimeTooSkewed", _) => Kind::Clock,
            (
                "ExpiredToken"
                | "ExpiredTokenException"
                | "TokenRefreshRequired"
                | "RequestExpired"
                | "InvalidToken",
                _,
            ) => Kind::Expired,
            (super::embedded::DISK_CODE | super::embedded::FORBIDDEN_CODE, _) => Kind::Disk,
            (super::embedded::DAMAGE_CODE, _) => Kind::Spoilt,
            // While a bucket is new, or is being moved, until the names have got about.
            ("TemporaryRedirect", _) | (_, 307) => Kind::Passing,
            (
                "PermanentRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException",
                _,
            )
            | (_, 301 | 308) => Kind::Region,
            ("NotImplemented" | "MethodNotAllowed", _) | (_, 501 | 405) => Kind::Unsupported,
            (
                "SlowDown"
                | "RequestTimeout"
                // What we send is as long as we say: it broke off on its way.
                | "IncompleteBody"
                | "InternalError"
                | "ServiceUnavailable"
                | "Throttling"
                | "ThrottlingException"
                | "TooManyRequests"
                | "RequestLimitExceeded",
                _,
            )
            | (_, 408 | 429 | 500..=506 | 508..=599) => Kind::Passing,
            // "Insufficient storage": waiting makes no room.
            (_, 507) => Kind::Disk,
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
        let mut failure = Self::new(kind, shortened(text));
        failure.mute = code.is_none() && matches!(status, 400 | 507);
        if failure.mute && status == 400 {
            failure.advice = Some(
                "the server doesn't say why: the keys may have run out, or the region be wrong"
                    .to_owned(),
            );
        }
        failure
    }

    /// The same, with what the answer says besides.
    fn with_answer(mut self, raw: &HttpResponse) -> Self {
        let told = Told(raw);
        if self.kind == Kind::Denied && told.is_page() {
            self.text = format!("{PAGE} (status {})", raw.status().as_u16());
            self.advice = Some(BETWEEN.to_owned());
        } else if self.kind == Kind::Denied && told.is_bare() && told.clocks_differ() {
            // An answer to HEAD has no body that could say so.
            self.kind = Kind::Clock;
        }
        match self.kind {
            Kind::Passing => {
                self.come_back = told.come_back();
                if raw.status().as_u16() == 307 {
                    let place = told.whereabouts();
                    self.advice = Some(place.unwrap_or_else(|| ELSEWHERE.to_owned()));
                }
            }
            Kind::Region => self.advice = told.whereabouts(),
            Kind::Clock => self.advice = told.times(),
            _ => {}
        }
        self
    }

    /// A failure that may pass.
    pub(super) fn passing(text: impl Into<String>) -> Self {
        Self::new(Kind::Passing, text)
    }

    /// Success, without what every server says of what it has.
    pub(super) fn foreign() -> Self {
        Self::passing("the answer is not one of an S3 server")
    }

    /// Somebody else's object has the name.
    pub(super) fn taken() -> Self {
        Self::new(Kind::Taken, "it exists already")
    }

    /// The moment has passed until which it might be asked for.
    pub(super) fn late() -> Self {
        Self::new(Kind::Late, "it is too late for it")
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

    /// How long the server asks us to wait before the next attempt.
    pub(super) fn come_back(&self) -> Option<Duration> {
        self.come_back
    }

    /// True where the reason may be had by asking in another way.
    pub(super) fn is_mute(&self) -> bool {
        self.mute
    }

    /// The failure of a question whose answer can't say why, after `asked` was asked in another way.
    pub(super) fn explained<T>(self, asked: Result<T, Self>) -> Self {
        match asked {
            Err(reason) if !reason.mute => reason,
            Err(_) => self,
            Ok(_) if self.kind == Kind::Disk => self,
            // So it goes after all: whatever it was has passed.
            Ok(_) => Self::passing(self.text),
        }
    }

    /// True where the connection ended before there was an answer.
    pub(super) fn is_severed(&self) -> bool {
        self.severed
    }

    /// True where only a server that knows our keys answers so.
    pub(super) fn proves_keys(&self) -> bool {
        matches!(
            self.kind,
            Kind::Missing
                | Kind::NoBucket
                | Kind::NoUpload
                | Kind::Condition
                | Kind::Conflict
                | Kind::Archived
                | Kind::Taken
        )
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
        if let Some(advice) = &self.advice {
            return error.hint(advice);
        }
        match self.kind {
            Kind::Expired => error.hint("get new keys, then try again"),
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
            Kind::Region => error.hint(ELSEWHERE),
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
