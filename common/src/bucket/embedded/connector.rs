//! The way from the SDK to the store without a socket.
//!
//! A request that the SDK drops is dropped here too. Bodies that are in memory are handed over as they are;
//! answers stream.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderName, HeaderValue, Method};
use http_body::Body as _;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::validation::NameValidation;
use s3s::{Body, S3Result, StdError};

use super::bucket::name_is_possible;
use super::describe::percent_decoded;
use super::{ACCESS_KEY, SECRET_KEY, Store};

const COPY_SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");
/// A name that the protocol library takes for a bucket's, in place of one that it wouldn't.
const STAND_IN: &str = "embedded-copy-source";

/// The bucket that a copy really reads.
#[derive(Clone, Debug)]
pub(super) struct CopyBucket(pub(super) String);

/// An HTTP client for the SDK that answers every request from `store`, inside this process.
///
/// The SDK must be told any `https://` endpoint, path style, and the credentials [`ACCESS_KEY`] and
/// [`SECRET_KEY`]. It must run on tokio, which lends its blocking threads.
#[must_use]
pub fn http_client(store: Store) -> SharedHttpClient {
    let mut builder = S3ServiceBuilder::new(store);
    builder.set_validation(AnyName);
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    builder.set_access(Everybody);
    SharedHttpClient::new(Connector {
        service: builder.build(),
    })
}

/// Whatever can be a directory's name can be a bucket's.
struct AnyName;

impl NameValidation for AnyName {
    fn validate_bucket_name(&self, name: &str) -> bool {
        name_is_possible(name)
    }
}

/// Whoever is in this process may read the files anyway.
struct Everybody;

#[async_trait::async_trait]
impl S3Access for Everybody {
    async fn check(&self, _: &mut S3AccessContext<'_>) -> S3Result<()> {
        Ok(())
    }
}

#[derive(Clone)]
struct Connector {
    service: S3Service,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("embedded store")
    }
}

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let service = self.service.clone();
        HttpConnectorFuture::new(async move {
            answer(&service, request)
                .await
                .map_err(|error| ConnectorError::other(error, None))
        })
    }
}

async fn answer(service: &S3Service, request: HttpRequest) -> Result<HttpResponse, StdError> {
    let (mut parts, body) = request.try_into_http1x()?.into_parts();
    // What an HTTP library would add on the way; it is signed.
    if let Some(host) = parts
        .uri
        .authority()
        .filter(|_| !parts.headers.contains_key(HOST))
    {
        parts
            .headers
            .insert(HOST, HeaderValue::from_str(host.as_str())?);
    }
    name_copy_source(&mut parts)?;
    let head = parts.method == Method::HEAD;
    let response = service
        .call(http::Request::from_parts(parts, taken(body)))
        .await
        .map_err(StdError::from)?;
    let response = response.map(|mut body| match body.bytes() {
        _ if head => SdkBody::empty(),
        Some(_) => SdkBody::from(body.take_bytes().unwrap_or_default()),
        None => SdkBody::from_body_1_x(body),
    });
    Ok(HttpResponse::try_from(response)?)
}

/// The SDK's body as the store takes it: in one piece where it is in memory.
fn taken(mut body: SdkBody) -> Body {
    if body.bytes().is_none() {
        return Body::http_body(body);
    }
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(&mut body).poll_frame(&mut context) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().map(Body::from).unwrap_or_default(),
        _ => Body::empty(),
    }
}

/// The protocol library takes only AWS's bucket names as the source of a copy. Others travel beside the
/// header, and the signature, which covered it, goes.
fn name_copy_source(parts: &mut http::request::Parts) -> Result<(), StdError> {
    let Some(value) = parts.headers.get(COPY_SOURCE) else {
        return Ok(());
    };
    let text = value.to_str()?.trim_start_matches('/');
    let Some((bucket, key)) = text.split_once('/') else {
        return Ok(());
    };
    let real = percent_decoded(bucket).unwrap_or_else(|| bucket.to_owned());
    let value = HeaderValue::from_str(&format!("{STAND_IN}/{key}"))?;
    parts.headers.insert(COPY_SOURCE, value);
    parts.headers.remove(AUTHORIZATION);
    parts.extensions.insert(CopyBucket(real));
    Ok(())
}
