//! Connects to a place: which server, which region, whose keys.
//!
//! Flags win over the settings file, and that over what AWS's own tools would use (environment, profile,
//! SSO, web identity, process, container, instance). A `file://` place is answered inside this process and
//! needs none of it.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, IdentityCache, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::credentials::{self, Keys, Source, Standard};
use super::whole::Whole;
use super::{embedded, transport};
use crate::args::Where;
use crate::error::{Doing, Error, Result};
use crate::place::Place;
use crate::run::Speaker;
use crate::settings::Settings;

/// A server that doesn't take a connection in this time won't.
const CONNECT: Duration = Duration::from_secs(10);
/// A lock is waited for at least so long.
const BRIEFLY: Duration = Duration::from_secs(1);
/// The region of servers that don't care, and AWS's own first.
const REGION: &str = "us-east-1";
/// Where the settings of an embedded store's requests point; nothing ever resolves it.
const NOWHERE: &str = "https://embedded.invalid";

/// The way to a bucket.
pub(super) struct Connection {
    pub(super) client: Client,
    /// The bucket's name.
    pub(super) bucket: String,
    /// None for a store that needs none.
    pub(super) keys: Option<Keys>,
}

/// Makes ready what is needed to reach `place`. No request is sent to it.
pub(super) async fn connect(
    at: &Where,
    settings: &Settings,
    place: &Place,
    speaker: Speaker,
) -> Result<Connection> {
    match place {
        Place::File { dir } => local(dir, at.patience.0),
        Place::S3 { bucket, .. } => {
            let (client, keys) = remote(at, settings, speaker).await?;
            Ok(Connection {
                client,
                bucket: bucket.clone(),
                keys: Some(keys),
            })
        }
    }
}

fn local(dir: &std::path::Path, patience: Duration) -> Result<Connection> {
    let doing = || format!("open {}", dir.display());
    let odd = || {
        std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "its name is not valid UTF-8",
        )
    };
    let root = dir.parent().unwrap_or(dir);
    let name = dir
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(odd)
        .doing(doing())?;
    let mut options = embedded::Options::default();
    // Whoever has no patience is told soon; a moment is what another writer needs for its own request.
    options.lock_patience = options.lock_patience.min(patience.max(BRIEFLY));
    let store = embedded::Store::open_with(root, options).doing(doing())?;
    let config = ours(Builder::new().http_client(embedded::http_client(store)))
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static(REGION))
        .endpoint_url(NOWHERE)
        .force_path_style(true)
        .credentials_provider(Credentials::new(
            embedded::ACCESS_KEY,
            embedded::SECRET_KEY,
            None,
            None,
            "embedded store",
        ));
    Ok(Connection {
        client: Client::from_conf(config.build()),
        bucket: name.to_owned(),
        keys: None,
    })
}

async fn remote(at: &Where, settings: &Settings, speaker: Speaker) -> Result<(Client, Keys)> {
    let http = transport::client(at.ca.as_ref())?;
    check_environment()?;
    let endpoint = at
        .endpoint
        .clone()
        .or_else(|| settings.endpoint.clone())
        .or_else(endpoint_from_environment);
    if let Some(url) = &endpoint {
        check_endpoint(url)?;
    }
    if let Some(region) = at.region.as_ref().or(settings.region.as_ref()) {
        check_region(region)?;
    }
    let region = region(at, settings, endpoint.is_some(), &http).await;
    let source = match (&settings.keys, &at.settings) {
        (Some(_), Some(path)) => Source::Settings(path.clone()),
        _ => Source::Standard(Standard {
            profile: at.profile.clone(),
            http: http.clone(),
            region: region.clone(),
        }),
    };
    let known = settings.keys.as_ref().map(credentials::from_settings);
    let keys = Keys::new(source, known, speaker);
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(region)
        .http_client(http)
        .credentials_provider(keys.clone());
    if let Some(profile) = &at.profile {
        loader = loader.profile_name(profile);
    }
    let shared = loader.load().await;
    let path_style = at.path_style
        || (!at.virtual_host && (endpoint.is_some() || shared.endpoint_url().is_some()));
    let mut config = ours(Builder::from(&shared))
        .force_path_style(path_style)
        // Its way of remembering keys is not ours.
        .identity_cache(IdentityCache::no_cache());
    if let Some(endpoint) = endpoint {
        config = config.endpoint_url(endpoint);
    }
    Ok((Client::from_conf(config.build()), keys))
}

/// What every client of ours does, wherever it points.
fn ours(builder: Builder) -> Builder {
    builder
        .interceptor(Whole)
        // We compute the checksums that we send, and compare whole objects, not ranges.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        // It takes a slow producer for a dead network. `patience` watches instead.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // Its attempts are counted; ours are bounded by time.
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).build())
}

/// The SDK tries a URL that makes no sense again and again, or shows it; it may hold a password.
fn check_endpoint(url: &str) -> Result<()> {
    let uri = url.parse::<http::Uri>().ok();
    let fits = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    if fits {
        return Ok(());
    }
    Err(Error::usage("the endpoint is not the URL of a server")
        .hint("an endpoint is http://HOST[:PORT] or https://HOST[:PORT]"))
}

/// The SDK panics on keys that no header can carry.
fn check_environment() -> Result<()> {
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    ] {
        if std::env::var_os(name).is_some_and(|value| {
            value
                .as_encoded_bytes()
                .iter()
                .any(|byte| !(b' '..=b'~').contains(byte))
        }) {
            return Err(Error::usage(format!(
                "{name} holds a character that can't be part of it"
            )));
        }
    }
    Ok(())
}

/// A region becomes part of a host name and of signatures.
fn check_region(region: &str) -> Result<()> {
    if !region.is_empty()
        && region
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        return Ok(());
    }
    Err(Error::usage(format!("'{region}' is not a region")))
}

fn endpoint_from_environment() -> Option<String> {
    ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|url| !url.is_empty()))
}

async fn region(
    at: &Where,
    settings: &Settings,
    other_server: bool,
    http: &SharedHttpClient,
) -> Region {
    if let Some(region) = at.region.as_ref().or(settings.region.as_ref()) {
        return Region::new(region.clone());
    }
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &at.profile {
        profile = profile.profile_name(name);
    }
    let mut chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build());
    if !other_server {
        chain = chain.or_else(
            imds::region::ImdsRegionProvider::builder()
                .imds_client(credentials::metadata_service(http))
                .build(),
        );
    }
    chain
        .region()
        .await
        .unwrap_or_else(|| Region::from_static(REGION))
}
