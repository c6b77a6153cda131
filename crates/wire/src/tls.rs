//! Encrypted connections, with a certificate of one's own or one that is made.

use std::sync::Arc;

use rcgen::{KeyPair, RsaKeySize};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// What a server shows to whoever connects encrypted. Clones share it.
#[derive(Clone)]
pub struct Tls {
    pub(crate) acceptor: TlsAcceptor,
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub struct Certificate {
    pub chain: String,
    pub key: String,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the certificate is none: {0}")]
    Certificate(String),
    #[error("the key is none: {0}")]
    Key(String),
    #[error("certificate and key do not go together: {0}")]
    Pair(String),
    #[error("no certificate could be made: {0}")]
    NotMade(String),
}

impl Certificate {
    /// One that nobody has signed but itself, for these names and addresses.
    pub fn for_names(names: &[&str]) -> Result<Self, TlsError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names);
        let made = made.map_err(|cause| TlsError::NotMade(cause.to_string()))?;
        Ok(Self {
            chain: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        })
    }

    /// One with a key of the older kind, for signing: not every program that verifies knows the newer ones.
    pub fn for_signing(name: &str) -> Result<Self, TlsError> {
        let not_made = |cause: rcgen::Error| TlsError::NotMade(cause.to_string());
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048);
        let key = key.map_err(not_made)?;
        let parameters = rcgen::CertificateParams::new(vec![name.to_owned()]);
        let made = parameters.and_then(|parameters| parameters.self_signed(&key));
        Ok(Self {
            chain: made.map_err(not_made)?.pem(),
            key: key.serialize_pem(),
        })
    }
}

impl Tls {
    /// HTTP/2 is offered before HTTP/1.1.
    pub fn new(certificate: &Certificate) -> Result<Self, TlsError> {
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(certificate.chain.as_bytes()).collect();
        let chain = chain.map_err(|cause| TlsError::Certificate(cause.to_string()))?;
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes());
        let key = key.map_err(|cause| TlsError::Key(cause.to_string()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let pair = |cause: rustls::Error| TlsError::Pair(cause.to_string());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(pair)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(pair)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_can_be_shown_and_what_is_no_certificate_cannot() {
        let made = Certificate::for_names(&["localhost", "127.0.0.1"]).unwrap();
        Tls::new(&made).unwrap();
        let other = Certificate::for_names(&["localhost"]).unwrap();
        let mixed = Certificate {
            chain: made.chain.clone(),
            key: other.key,
        };
        assert!(matches!(Tls::new(&mixed), Err(TlsError::Pair(_))));
        let broken = Certificate {
            key: "no key".into(),
            ..made
        };
        assert!(matches!(Tls::new(&broken), Err(TlsError::Key(_))));
    }
}
