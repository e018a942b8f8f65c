//! The HTTP clients under the SDK: plain for `http://`, TLS for `https://`, each made when first needed.
//!
//! Reading the system's certificates takes longer than everything else at start-up, and a bucket on
//! this machine or behind a plain address never needs them.

mod impostor;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder, tls};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::error::{Doing, Error, Result};

/// A connection that nobody has used for so long is not used again. Servers close theirs after some seconds, and
/// what stands between may forget one without a word: every request on it would be lost.
const IDLE: Duration = Duration::from_secs(20);

/// Shared by the client and its connectors.
#[derive(Clone, Debug)]
struct BySchemes(Arc<Either>);

/// The clients for both schemes, made when first needed.
#[derive(Debug)]
struct Either {
    plain: OnceLock<SharedHttpClient>,
    tls: OnceLock<SharedHttpClient>,
    trust: Option<Vec<u8>>,
}

/// An HTTP client that also trusts the certificates in the PEM file `ca`.
///
/// # Errors
/// If that file can't be read or holds no certificate.
pub(super) fn client(ca: Option<&PathBuf>) -> Result<SharedHttpClient> {
    let trust = ca.map(|path| read_certificates(path)).transpose()?;
    Ok(SharedHttpClient::new(BySchemes(Arc::new(Either {
        plain: OnceLock::new(),
        tls: OnceLock::new(),
        trust,
    }))))
}

fn read_certificates(path: &Path) -> Result<Vec<u8>> {
    let doing = || format!("read certificates from {}", path.display());
    let pem = std::fs::read(path).doing(doing())?;
    if !pem
        .windows(27)
        .any(|window| window == b"-----BEGIN CERTIFICATE-----")
    {
        return Err(Error::permanent(doing(), "there is none in it"));
    }
    Ok(pem)
}

impl Either {
    fn of_scheme(&self, encrypted: bool) -> &SharedHttpClient {
        if encrypted {
            self.tls.get_or_init(|| {
                let context = self.context();
                Builder::new().build_with_connector_fn(move |settings, components| {
                    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
                    let connector = connector(settings, components).tls_provider(provider);
                    connector.tls_context(context.clone()).build()
                })
            })
        } else {
            self.plain.get_or_init(|| {
                Builder::new().build_with_connector_fn(|settings, components| {
                    connector(settings, components).build_http()
                })
            })
        }
    }

    fn context(&self) -> tls::TlsContext {
        let mut store = tls::TrustStore::empty().with_native_roots(true);
        if let Some(pem) = &self.trust {
            store = store.with_pem_certificate(pem.as_slice());
        }
        // Building only collects, and can't fail today; if it ever does, the system's own store serves.
        tls::TlsContext::builder()
            .with_trust_store(store)
            .build()
            .unwrap_or_default()
    }
}

/// A connector that goes through the proxy that the environment names, if it names one.
fn connector(
    settings: Option<&HttpConnectorSettings>,
    components: Option<&RuntimeComponents>,
) -> ConnectorBuilder {
    let mut connector = Connector::builder()
        .proxy_config(ProxyConfig::from_env())
        .pool_idle_timeout(IDLE);
    connector.set_connector_settings(settings.cloned());
    connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
    connector
}

impl HttpClient for BySchemes {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(ByScheme {
            clients: Arc::clone(&self.0),
            settings: settings.clone(),
            components: components.clone(),
        })
    }
}

/// Chooses the client when a request shows its scheme.
#[derive(Debug)]
struct ByScheme {
    clients: Arc<Either>,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for ByScheme {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let encrypted = !request.uri().starts_with("http://");
        let answer = self
            .clients
            .of_scheme(encrypted)
            .http_connector(&self.settings, &self.components)
            .call(request);
        HttpConnectorFuture::new(async move { impostor::unmasked(answer.await?).await })
    }
}
