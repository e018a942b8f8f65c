//! Answers: those of the store, spoiled or not, and those that we give in its place.

mod spoiled;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::faults::What;
pub(super) use spoiled::Spoiled;

/// What ends a connection without an answer.
pub(super) type Broken = Box<dyn std::error::Error + Send + Sync>;
pub(super) type AnyBody = http_body_util::combinators::UnsyncBoxBody<Bytes, Broken>;

/// What a fault answers in the store's place, if it does. HEAD gets no body.
pub(super) fn instead(fault: &What, head: bool) -> Option<Response<AnyBody>> {
    let times = "<RequestTime>20260101T000000Z</RequestTime><ServerTime>2026-01-02T00:00:00Z</ServerTime>\
                 <MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>";
    let plain = "Injected by the test server";
    let answer = match fault {
        What::Refuse { status, code } => xml(*status, code, plain, "", head),
        // It begins as a success, as S3's do when it notices too late.
        What::Late { code } => xml(200, code, plain, "", false),
        What::Retry(seconds) => with(
            xml(
                503,
                "SlowDown",
                "Please reduce your request rate.",
                "",
                head,
            ),
            "retry-after",
            &seconds.to_string(),
        ),
        What::Skew => xml(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            times,
            head,
        ),
        What::Expired => xml(
            400,
            "ExpiredToken",
            "The provided token has expired.",
            "",
            head,
        ),
        What::Redirect(region) => {
            let endpoint = format!("<Endpoint>s3.{region}.example.com</Endpoint>");
            let text = "The bucket you are attempting to access must be addressed using the specified endpoint.";
            with(
                xml(301, "PermanentRedirect", text, &endpoint, head),
                "x-amz-bucket-region",
                region,
            )
        }
        What::Temporary(url) => {
            let text = "Please re-send this request to the specified temporary endpoint.";
            with(
                xml(307, "TemporaryRedirect", text, "", head),
                "location",
                url,
            )
        }
        What::Html(status) => html(*status, head),
        _ => return None,
    };
    Some(answer)
}

/// A refusal as S3 writes it. HEAD gets no body.
pub(super) fn refusal(status: u16, code: &str, head: bool) -> Response<AnyBody> {
    xml(status, code, "Refused by the test server", "", head)
}

/// An answer of no meaning, for a connection that won't carry it.
pub(super) fn nothing() -> Response<AnyBody> {
    Response::new(empty())
}

fn with(mut answer: Response<AnyBody>, name: &'static str, value: &str) -> Response<AnyBody> {
    // Faults hold nothing that a header can't carry.
    if let Ok(value) = HeaderValue::from_str(value) {
        answer
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    answer
}

/// A refusal as S3 writes it; `more` is XML.
fn xml(status: u16, code: &str, message: &str, more: &str, head: bool) -> Response<AnyBody> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{more}\
         <RequestId>0</RequestId></Error>"
    );
    document(status, "application/xml", text, head)
}

fn html(status: u16, head: bool) -> Response<AnyBody> {
    let text = "<!DOCTYPE html>\n<html><head><title>Please log in</title></head>\
                <body><h1>Please log in</h1><p>Or ask at the reception.</p></body></html>\n";
    document(status, "text/html; charset=utf-8", text.to_owned(), head)
}

fn document(status: u16, kind: &'static str, text: String, head: bool) -> Response<AnyBody> {
    let body = if head { empty() } else { whole(text.into()) };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static(kind));
    response
}

fn empty() -> AnyBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn whole(bytes: Bytes) -> AnyBody {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// The answer without any ETag.
pub(super) async fn bare(mut answer: Response<AnyBody>) -> Result<Response<AnyBody>, Broken> {
    let is_document = answer
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/xml"));
    answer.headers_mut().remove("etag");
    if !is_document {
        return Ok(answer);
    }
    answer.headers_mut().remove("content-length");
    let (parts, body) = answer.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    while let Some((before, (_, after))) = text
        .split_once("<ETag>")
        .and_then(|(before, rest)| Some((before, rest.split_once("</ETag>")?)))
    {
        text = format!("{before}{after}");
    }
    Ok(Response::from_parts(parts, whole(text.into())))
}

/// Leaves the body out.
pub(super) fn hollow(mut answer: Response<AnyBody>) -> Response<AnyBody> {
    for name in ["content-length", "content-type"] {
        answer.headers_mut().remove(name);
    }
    answer.map(|_| empty())
}

/// Announces `surplus` bytes more than the answer has, and sends them or doesn't.
pub(super) fn longer(
    mut answer: Response<AnyBody>,
    surplus: usize,
    sent: bool,
) -> Response<AnyBody> {
    let announced = answer.headers().get("content-length");
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if let Some(length) = announced {
        answer
            .headers_mut()
            .insert("content-length", HeaderValue::from(length + surplus));
    }
    answer.map(|body| Spoiled::longer(body, surplus, sent))
}
