//! What answers mean, and what is made of them.

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
        (507, None, Kind::Disk),
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
        (307, Some("TemporaryRedirect"), Kind::Passing),
        (307, None, Kind::Passing),
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
        (409, None, Kind::Conflict),
        (409, Some("BucketAlreadyExists"), Kind::Final),
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

fn met(status: u16, code: Option<&str>, headers: &[(&'static str, &str)], body: &str) -> Failure {
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
    // One that is temporary may pass, and says the same until then.
    let temporary = met(307, None, &[("x-amz-bucket-region", "eu-west-1")], "");
    assert!(temporary.may_pass());
    assert_eq!(hint(&temporary), hint(&by_header));
    assert!(hint(&met(307, None, &[], "")).contains("use --region or --endpoint"));
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

#[test]
fn pages_that_forbid_are_not_about_keys() {
    let html = ("content-type", "text/html; charset=utf-8");
    for page in [
        met(403, None, &[html], ""),
        met(403, None, &[], "\n<!DOCTYPE html><p>No"),
        met(401, None, &[html], "<html>"),
    ] {
        assert!(
            page.text().starts_with("a web page came"),
            "{}",
            page.text()
        );
        assert!(hint(&page).starts_with("something between here and the server"));
    }
    let refused = met(403, Some("AccessDenied"), &[], "<Error/>");
    assert_eq!(hint(&refused), "the keys in use don't allow this");
}
