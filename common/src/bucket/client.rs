//! Connects to a place: which server, which region, whose keys.
//!
//! Flags win over the settings file, and that over what AWS's own tools would use (environment, profile,
//! SSO, web identity, process, container, instance). A `file://` place is answered inside this process and
//! needs none of it.

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::{embedded, transport};
use crate::args::Where;
use crate::error::{Doing, Error, Result};
use crate::place::Place;
use crate::settings::Settings;

/// A server that doesn't take a connection in this time won't.
const CONNECT: Duration = Duration::from_secs(10);
/// The region of servers that don't care, and AWS's own first.
const REGION: &str = "us-east-1";
/// Where the settings of an embedded store's requests point; nothing ever resolves it.
const NOWHERE: &str = "https://embedded.invalid";

/// A client and the name of the bucket it is for.
pub(super) async fn connect(
    at: &Where,
    settings: &Settings,
    place: &Place,
) -> Result<(Client, String)> {
    match place {
        Place::File { dir } => local(dir),
        Place::S3 { bucket, .. } => Ok((remote(at, settings).await?, bucket.clone())),
    }
}

fn local(dir: &std::path::Path) -> Result<(Client, String)> {
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
    let store = embedded::Store::open(root).doing(doing())?;
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
    Ok((Client::from_conf(config.build()), name.to_owned()))
}

async fn remote(at: &Where, settings: &Settings) -> Result<Client> {
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
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(region.clone())
        .http_client(http.clone());
    if let Some(profile) = &at.profile {
        loader = loader.profile_name(profile);
    }
    loader = match &settings.keys {
        Some(keys) => loader.credentials_provider(Credentials::new(
            &keys.id,
            &keys.secret,
            keys.session.clone(),
            None,
            "settings file",
        )),
        None => {
            let configuration = ProviderConfig::without_region()
                .with_http_client(http.clone())
                .with_region(Some(region.clone()));
            match &at.profile {
                // Asked for by name, it is not to lose against keys that happen to be in the environment.
                Some(profile) => loader.credentials_provider(
                    ProfileFileCredentialsProvider::builder()
                        .configure(&configuration)
                        .profile_name(profile)
                        .build(),
                ),
                None => loader.credentials_provider(
                    DefaultCredentialsChain::builder()
                        .region(region)
                        .imds_client(metadata_service(&http))
                        .configure(configuration)
                        .build()
                        .await,
                ),
            }
        }
    };
    let shared = loader.load().await;
    let path_style = at.path_style
        || (!at.virtual_host && (endpoint.is_some() || shared.endpoint_url().is_some()));
    let mut config = ours(Builder::from(&shared)).force_path_style(path_style);
    if let Some(endpoint) = endpoint {
        config = config.endpoint_url(endpoint);
    }
    Ok(Client::from_conf(config.build()))
}

/// What every client of ours does, wherever it points.
fn ours(builder: Builder) -> Builder {
    builder
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
                .imds_client(metadata_service(http))
                .build(),
        );
    }
    chain
        .region()
        .await
        .unwrap_or_else(|| Region::from_static(REGION))
}

/// The metadata service of a cloud machine; elsewhere nothing answers, and that must not take long.
fn metadata_service(http: &SharedHttpClient) -> imds::Client {
    imds::Client::builder()
        .configure(&ProviderConfig::without_region().with_http_client(http.clone()))
        .max_attempts(1)
        .connect_timeout(Duration::from_secs(1))
        .read_timeout(Duration::from_secs(1))
        .build()
}
