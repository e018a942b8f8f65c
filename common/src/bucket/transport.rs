//! The HTTP clients under the SDK: plain for `http://`, TLS for `https://`, each made when first needed.
//!
//! Reading the system's certificates takes longer than everything else at start-up, and a bucket on
//! this machine or behind a plain address never needs them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::error::{Doing, Error, Result};

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
    Ok(SharedHttpClient::new(BySchemes(Arc::new(Either { plain: OnceLock::new(), tls: OnceLock::new(), trust }))))
}

fn read_certificates(path: &Path) -> Result<Vec<u8>> {
    let doing = || format!("read certificates from {}", path.display());
    let pem = std::fs::read(path).doing(doing())?;
    if !pem.windows(27).any(|window| window == b"-----BEGIN CERTIFICATE-----") {
        return Err(Error::permanent(doing(), "there is none in it"));
    }
    Ok(pem)
}

impl Either {
    fn of_scheme(&self, encrypted: bool) -> &SharedHttpClient {
        if !encrypted {
            return self.plain.get_or_init(|| Builder::new().build_http());
        }
        self.tls.get_or_init(|| {
            let mut store = tls::TrustStore::empty().with_native_roots(true);
            if let Some(pem) = &self.trust {
                store = store.with_pem_certificate(pem.as_slice());
            }
            let builder = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring));
            match tls::TlsContext::builder().with_trust_store(store).build() {
                Ok(context) => builder.tls_context(context).build_https(),
                // Building a context only collects; it has no way to fail today. The system's own store serves.
                Err(_) => builder.build_https(),
            }
        })
    }
}

impl HttpClient for BySchemes {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(ByScheme { clients: Arc::clone(&self.0), settings: settings.clone(), components: components.clone() })
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
        self.clients.of_scheme(encrypted).http_connector(&self.settings, &self.components).call(request)
    }
}
