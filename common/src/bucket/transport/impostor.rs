//! Success in the name of a server that never saw the request: the page of a proxy, or of a network that wants a login.
//!
//! Many answers of S3 have nothing in them that could be missed (to a PutObject, to a delete), so that a web page with
//! status 200 would pass for one. A success that is a web page, and has none of the headers that S3 adds, is an error.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

/// The answer, unless it is somebody else's.
pub(super) async fn unmasked(mut answer: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    if !is_odd(&answer) {
        return Ok(answer);
    }
    let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
    let bytes = ByteStream::new(body)
        .collect()
        .await
        .map_err(|error| ConnectorError::io(error.into()))?
        .into_bytes();
    if is_page(&bytes) {
        return Err(ConnectorError::io(
            "a web page came instead of the server's answer".into(),
        ));
    }
    *answer.body_mut() = SdkBody::from(bytes);
    Ok(answer)
}

/// True for a success that calls itself a page. Objects, which may well be pages, come with their ETag.
fn is_odd(answer: &HttpResponse) -> bool {
    let headers = answer.headers();
    answer.status().is_success()
        && headers
            .get("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"))
        && headers.get("etag").is_none()
        && !headers.iter().any(|(name, _)| name.starts_with("x-amz-"))
}

fn is_page(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    ["<!doctype html", "<html"].iter().any(|start| {
        text.get(..start.len())
            .is_some_and(|beginning| beginning.eq_ignore_ascii_case(start.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> HttpResponse {
        let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        for (name, value) in headers {
            answer.headers_mut().insert(*name, *value);
        }
        answer
    }

    fn passes(answer: HttpResponse) -> Option<Vec<u8>> {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(unmasked(answer))
            .ok()
            .and_then(|answer| answer.body().bytes().map(<[u8]>::to_vec))
    }

    #[test]
    fn pages_are_no_answers() {
        let html = ("content-type", "text/html; charset=utf-8");
        let page = "\n<!DOCTYPE HTML><p>Log in";
        assert_eq!(passes(answer(200, &[html], page)), None);
        // An object that is a page; a refusal; a server that calls everything a page.
        for fine in [
            answer(200, &[html, ("etag", "\"0\"")], page),
            answer(200, &[html, ("x-amz-request-id", "0")], page),
            answer(403, &[html], page),
            answer(200, &[], page),
        ] {
            assert_eq!(passes(fine), Some(page.as_bytes().to_vec()));
        }
        assert_eq!(
            passes(answer(200, &[html], "<?xml?>")),
            Some(b"<?xml?>".to_vec())
        );
        assert_eq!(passes(answer(204, &[html], "")), Some(Vec::new()));
    }
}
