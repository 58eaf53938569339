//! An authority for one run, and what it vouches for: servers on this machine.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

#[derive(Debug)]
pub(super) struct Certificates {
    authority: String,
    server: Arc<ServerConfig>,
}

impl Certificates {
    pub(super) fn make() -> Self {
        let key = || KeyPair::generate().expect("a key");
        let named = |names: &[&str], called: &str| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let mut params = CertificateParams::new(names).expect("names that a certificate may have");
            params.distinguished_name.push(DnType::CommonName, called);
            params
        };
        let mut authority = named(&[], "Stand-ins of a benchmark");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        let issuer_key = key();
        let authority_pem = authority.self_signed(&issuer_key).expect("a certificate of the authority").pem();
        let issuer = Issuer::new(authority, issuer_key);
        let server_key = key();
        let server = named(&["127.0.0.1", "localhost"], "localhost").signed_by(&server_key, &issuer);
        let server = server.expect("a certificate of the server");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring knows both versions")
            .with_no_client_auth()
            .with_single_cert(vec![server.der().clone()], PrivateKeyDer::Pkcs8(server_key.serialize_der().into()))
            .expect("the key is the certificate's");
        Self { authority: authority_pem, server: Arc::new(config) }
    }

    /// The authority's certificate, PEM.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }
}
