//! The SDK as the tests use it: one attempt for each request, and nothing added that nobody asked for.

use std::future::Future;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};

use crate::servers::Server;

/// What all clients have in common, wherever they go.
#[must_use]
pub fn settings() -> Builder {
    aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        // A server that stops answering fails a test instead of holding it for ever.
        .timeout_config(
            TimeoutConfig::builder()
                .operation_timeout(Duration::from_secs(120))
                .build(),
        )
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
}

impl Server {
    /// The settings of a client for this server.
    #[must_use]
    pub fn settings(&self) -> Builder {
        settings()
            .region(Region::new(self.region.clone()))
            .endpoint_url(&self.endpoint)
            .credentials_provider(keys(&self.access_key, &self.secret_key))
            .http_client(http_client(&self.endpoint))
    }

    /// A client for this server.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::from_conf(self.settings().build())
    }
}

/// Keys to sign with.
#[must_use]
pub fn keys(access_key: &str, secret_key: &str) -> Credentials {
    Credentials::new(access_key, secret_key, None, None, "s3pipes-tests")
}

fn http_client(endpoint: &str) -> SharedHttpClient {
    let builder = aws_smithy_http_client::Builder::new();
    if endpoint.starts_with("https:") {
        builder
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https()
    } else {
        // Without TLS there is no need to read the system's certificates, which takes longer than many a test.
        builder.build_http()
    }
}

/// Runs a future to its end on this thread.
///
/// # Panics
/// If no runtime can be made.
pub fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("make a runtime")
        .block_on(future)
}
