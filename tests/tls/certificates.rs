//! A test CA, and the certificates that it signs.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file takes what it needs, and a test may"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use chirp::channel::{TlsCertificate, TlsClient, TlsRoots, TlsServer};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType, date_time_ymd,
};

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A chain and its private key, in PEM.
pub(crate) struct Issued {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        Self::named(&format!(
            "authority {}",
            COUNT.fetch_add(1, Ordering::Relaxed)
        ))
    }

    pub(crate) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn roots(&self) -> TlsRoots {
        TlsRoots::from_pem(&self.pem()).unwrap()
    }

    pub(crate) fn pem(&self) -> String {
        self.0.as_ref().pem()
    }

    /// A certificate for a name, and also for 127.0.0.1 if the name is `localhost`.
    pub(crate) fn issue(&self, name: &str) -> Issued {
        self.issue_with(name, |_| ())
    }

    pub(crate) fn issue_with(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if name == "localhost" {
            params
                .subject_alt_names
                .push(SanType::IpAddress([127, 0, 0, 1].into()));
        }
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Issued {
            chain: params.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    pub(crate) fn expired(&self, name: &str) -> Issued {
        self.issue_with(name, |params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        })
    }

    pub(crate) fn not_yet_valid(&self, name: &str) -> Issued {
        self.issue_with(name, |params| params.not_before = date_time_ymd(3000, 1, 1))
    }

    pub(crate) fn server(&self, name: &str) -> TlsServer {
        TlsServer::new(&self.issue(name).certificate())
    }

    pub(crate) fn client(&self) -> TlsClient {
        TlsClient::new(&self.roots())
    }
}

impl Issued {
    pub(crate) fn certificate(&self) -> TlsCertificate {
        TlsCertificate::from_pem(&self.chain, &self.key).unwrap()
    }
}
