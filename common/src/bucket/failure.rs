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

use self::told::{Told, nonsense, shortened};
use crate::error::{Class, Error};

mod told;

/// A failed request.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    text: String,
    /// What the answer says about how to do better.
    advice: Option<String>,
    /// When the server wants to be asked again.
    come_back: Option<Duration>,
    /// The server said that the request is wrong, and not why. An answer to HEAD can't say more.
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
            (
                "PermanentRedirect"
                | "TemporaryRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException",
                _,
            )
            | (_, 301 | 307 | 308) => Kind::Region,
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
            | (_, 408 | 429 | 500..=599) => Kind::Passing,
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
        if code.is_none() && status == 400 {
            failure.mute = true;
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
        if self.kind == Kind::Denied && told.is_bare() && told.clocks_differ() {
            // An answer to HEAD has no body that could say so.
            self.kind = Kind::Clock;
        }
        match self.kind {
            Kind::Passing => self.come_back = told.come_back(),
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

    /// Somebody else's object has the name.
    pub(super) fn taken() -> Self {
        Self::new(Kind::Taken, "it exists already")
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

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn answers_and_what_they_mean() {
        let kind = |status, code| Failure::answered(status, code, None).kind;
        for (status, code, meaning) in [
            // Servers that are busy or fall over, and what stands before them.
            (503, Some("SlowDown"), Kind::Passing),
            (503, None, Kind::Passing),
            (429, Some("TooManyRequests"), Kind::Passing),
            (500, Some("InternalError"), Kind::Passing),
            (200, Some("InternalError"), Kind::Passing),
            (200, Some("SlowDown"), Kind::Passing),
            (502, None, Kind::Passing),
            (504, None, Kind::Passing),
            (507, None, Kind::Passing),
            (520, None, Kind::Passing),
            (408, None, Kind::Passing),
            (400, Some("RequestTimeout"), Kind::Passing),
            (400, Some("IncompleteBody"), Kind::Passing),
            // Keys.
            (400, Some("ExpiredToken"), Kind::Expired),
            (403, Some("ExpiredTokenException"), Kind::Expired),
            (400, Some("TokenRefreshRequired"), Kind::Expired),
            (403, Some("RequestExpired"), Kind::Expired),
            (400, Some("InvalidToken"), Kind::Expired),
            (403, Some("InvalidAccessKeyId"), Kind::BadKeys),
            (403, Some("SignatureDoesNotMatch"), Kind::BadKeys),
            (403, Some("AccessDenied"), Kind::Denied),
            (403, None, Kind::Denied),
            (401, None, Kind::Denied),
            (403, Some("RequestTimeTooSkewed"), Kind::Clock),
            // Elsewhere.
            (301, Some("PermanentRedirect"), Kind::Region),
            (307, Some("TemporaryRedirect"), Kind::Region),
            (301, None, Kind::Region),
            (308, None, Kind::Region),
            (400, Some("AuthorizationHeaderMalformed"), Kind::Region),
            // What is there and what isn't.
            (404, Some("NoSuchBucket"), Kind::NoBucket),
            (404, Some("NoSuchKey"), Kind::Missing),
            (404, None, Kind::Missing),
            (404, Some("NoSuchUpload"), Kind::NoUpload),
            (412, None, Kind::Condition),
            (409, Some("ConditionalRequestConflict"), Kind::Conflict),
            (403, Some("InvalidObjectState"), Kind::Archived),
            (400, Some("BadDigest"), Kind::Damaged),
            // What won't change.
            (501, Some("NotImplemented"), Kind::Unsupported),
            (501, None, Kind::Unsupported),
            (405, None, Kind::Unsupported),
            (400, Some("InvalidRequest"), Kind::Final),
            (400, None, Kind::Final),
            (411, Some("MissingContentLength"), Kind::Final),
            (411, None, Kind::Final),
            (416, Some("InvalidRange"), Kind::Final),
            (407, None, Kind::Final),
            (302, None, Kind::Final),
        ] {
            assert_eq!(kind(status, code), meaning, "{status} {code:?}");
        }
    }

    #[test]
    fn messages_are_of_one_line_and_not_endless() {
        let page = format!("<html>\r\n\u{1b}[2J{}", "x".repeat(10_000));
        let error = Failure::answered(403, Some("Odd"), Some(&page)).error("try");
        assert!(error.to_string().chars().count() < 400);
        assert!(!error.to_string().contains(char::is_control), "{error}");
    }

    /// An answer with these headers and this body.
    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> HttpResponse {
        let status = StatusCode::try_from(status).unwrap();
        let mut answer = HttpResponse::new(status, SdkBody::from(body));
        for (name, value) in headers {
            answer.headers_mut().insert(*name, (*value).to_owned());
        }
        answer
    }

    fn met(
        status: u16,
        code: Option<&str>,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Failure {
        Failure::answered(status, code, None).with_answer(&answer(status, headers, body))
    }

    #[test]
    fn servers_say_when_to_come_back() {
        const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let told = |headers: &[(&'static str, &str)]| met(503, None, headers, "").come_back();
        assert_eq!(told(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        for (then, seconds) in [
            ("Sun, 06 Nov 1994 08:50:37 GMT", 60),
            ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
        ] {
            let asked = told(&[DATE, ("retry-after", then)]);
            assert_eq!(asked, Some(Duration::from_secs(seconds)), "{then}");
        }
        for nothing in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
            assert_eq!(told(&[("retry-after", nothing)]), None, "{nothing}");
        }
        assert_eq!(told(&[]), None);
        // Only where trying again makes sense.
        assert_eq!(
            met(403, None, &[("retry-after", "7")], "").come_back(),
            None
        );
    }

    fn hint(failure: &Failure) -> String {
        let error = failure.error("try");
        error.advice().unwrap_or_default().to_owned()
    }

    #[test]
    fn redirections_name_the_place() {
        let code = Some("PermanentRedirect");
        let by_header = met(301, None, &[("x-amz-bucket-region", "eu-west-1")], "");
        assert_eq!(by_header.kind, Kind::Region);
        assert_eq!(
            hint(&by_header),
            "the bucket is in eu-west-1: use --region eu-west-1"
        );
        let by_region = met(
            400,
            Some("AuthorizationHeaderMalformed"),
            &[],
            "<Error><Region>mars-2</Region></Error>",
        );
        assert!(hint(&by_region).ends_with("use --region mars-2"));
        let by_endpoint = met(
            301,
            code,
            &[],
            "<Error><Endpoint>b.s3.example:80</Endpoint></Error>",
        );
        assert!(hint(&by_endpoint).contains("b.s3.example:80"));
        // What is no name is not passed on.
        let odd = met(
            301,
            code,
            &[],
            "<Error><Endpoint>$(reboot)</Endpoint><Region></Region></Error>",
        );
        assert_eq!(
            hint(&odd),
            "the bucket is in another region, or on another server: use --region or --endpoint"
        );
    }

    #[test]
    fn clocks_are_told() {
        let body = "<Error><RequestTime>20240101T000000Z</RequestTime><ServerTime>2024-01-02T00:00:00Z</ServerTime></Error>";
        let told = met(403, Some("RequestTimeTooSkewed"), &[], body);
        assert_eq!(
            hint(&told),
            "set this machine's clock: it shows 20240101T000000Z, and the server's 2024-01-02T00:00:00Z"
        );
        // An answer to HEAD can't say it, but has a date.
        let long_ago = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let bare = met(403, None, &[long_ago], "");
        assert_eq!(bare.kind, Kind::Clock);
        assert!(
            hint(&bare).ends_with("and the server's 1994-11-06T08:49:37Z"),
            "{}",
            hint(&bare)
        );
        assert_eq!(met(403, None, &[long_ago], "<Error/>").kind, Kind::Denied);
        assert_eq!(met(404, None, &[long_ago], "").kind, Kind::Missing);
        assert_eq!(met(403, None, &[], "").kind, Kind::Denied);
    }
}
