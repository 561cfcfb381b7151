//! Names that are proven by keys and certificates.

use std::time::Duration;

use chirp::channel::{KeyPolicy, Keypair, TlsCertificate, TlsClient, TlsRoots, TlsServer};
use chirp::{Identity, Node, NodeBuilder, NodeError, RefusalReason};

use crate::nodes::{ArithClient, ArithServer, Calculator, address, connected, node, refused, sees};
use crate::raw::{Raw, join};
use crate::support::in_time;

fn key() -> Keypair {
    Keypair::generate().unwrap()
}

fn keyed(name: &str, keys: &Keypair) -> NodeBuilder {
    node(name).keys(keys, KeyPolicy::anyone())
}

#[tokio::test]
async fn the_text_of_a_key_is_a_proven_name() {
    let (one, other) = (key(), key());
    let (first, second) = (one.public().to_string(), other.public().to_string());
    let alpha = keyed(&first, &one)
        .listen("tls://127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let address = alpha.addresses().remove(0);
    let beta = keyed(&second, &other)
        .connect(&first, &address)
        .start()
        .await
        .unwrap();
    connected(&beta, &first).await;
    sees(&alpha, &[&second]).await;
    let link = alpha.peer(&second).info().link.unwrap();
    assert!(link.authenticated);
    assert_eq!(link.identity, Identity::Key(other.public()));
    let (_, name) = in_time(ArithClient::new(&beta.peer(&first)).add(1, 2))
        .await
        .unwrap();
    assert_eq!(name, Some(second));
}

#[tokio::test]
async fn a_known_name_is_given_to_its_key_alone() {
    let (own, good, evil) = (key(), key(), key());
    let address = address();
    let builder = keyed("alpha", &own).known("beta", good.public());
    let alpha = builder
        .listen("tls://127.0.0.1:0")
        .listen(&address)
        .start()
        .await
        .unwrap();
    let tls = alpha.addresses().remove(0);
    let dials = |name: &'static str, keys: &Keypair| {
        keyed(name, keys)
            .known("alpha", own.public())
            .connect("alpha", &tls)
    };
    // Another key under the name, a key under a name that is not known, and no key at all.
    for (name, builder) in [
        ("beta", dials("beta", &evil)),
        ("gamma", dials("gamma", &evil)),
        ("beta", node("beta").connect("alpha", &address)),
    ] {
        let mut events = alpha.watch();
        let _other = builder.start().await.unwrap();
        let (refusal, here) = refused(&mut events).await;
        assert!(here);
        assert_eq!(refusal.reason, RefusalReason::Unproven, "{name}: {refusal}");
    }
    let beta = dials("beta", &good).start().await.unwrap();
    connected(&beta, "alpha").await;
    sees(&alpha, &["beta"]).await;
    assert!(alpha.peer("beta").info().link.unwrap().authenticated);
    // A name without a key remains a claim.
    let mut raw = Raw::connect(&address).await;
    let (_, data) = in_time(raw.join(&join("plain", "alpha", 7, 1))).await;
    assert_eq!(data[0], 0);
    assert!(!alpha.peer("plain").info().link.unwrap().authenticated);
}

#[tokio::test]
async fn a_dialled_name_must_be_proven_by_the_other_side() {
    let (own, right, wrong) = (key(), key(), key());
    let builder = keyed("beta", &wrong).known("alpha", own.public());
    let beta = builder.listen("tls://127.0.0.1:0").start().await.unwrap();
    let address = beta.addresses().remove(0);
    let alpha = keyed("alpha", &own)
        .known("beta", right.public())
        .start()
        .await
        .unwrap();
    let mut events = alpha.watch();
    alpha.connect("beta", &address).unwrap();
    let (refusal, here) = refused(&mut events).await;
    assert!(here);
    assert_eq!(refusal.reason, RefusalReason::Unproven);
    assert!(alpha.connected().is_empty() && beta.connected().is_empty());
}

fn certified(
    name: &str,
    authority: &rcgen::Issuer<'_, rcgen::KeyPair>,
    roots: &TlsRoots,
) -> NodeBuilder {
    let params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let certificate = TlsCertificate::from_pem(&certificate.pem(), &key.serialize_pem()).unwrap();
    let server = TlsServer::new(&certificate).require_client_certificate(roots);
    Node::builder(name)
        .network("test")
        .refused_pause(Duration::from_millis(50))
        .service(ArithServer::new(Calculator(name.to_owned())))
        .certificates(TlsClient::new(roots).certificate(&certificate), server)
}

#[tokio::test]
async fn a_certificate_must_be_valid_for_the_name() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let roots = TlsRoots::from_pem(&authority.pem()).unwrap();
    let authority = rcgen::Issuer::new(params, key);
    // Names are those of nodes, whatever the addresses.
    let alpha = certified("alpha", &authority, &roots).listen("tls://127.0.0.1:0");
    let alpha = alpha.start().await.unwrap();
    let address = alpha.addresses().remove(0);
    let beta = certified("beta", &authority, &roots).connect("alpha", &address);
    let beta = beta.start().await.unwrap();
    connected(&beta, "alpha").await;
    sees(&alpha, &["beta"]).await;
    for node in [&alpha, &beta] {
        assert!(node.connected()[0].info().link.unwrap().authenticated);
    }
    // The certificate of beta is not valid for gamma.
    let mut events = alpha.watch();
    let params = rcgen::CertificateParams::new(["beta".to_owned()]).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let certificate = TlsCertificate::from_pem(&certificate.pem(), &key.serialize_pem()).unwrap();
    let client = TlsClient::new(&roots).certificate(&certificate);
    let gamma = node("gamma").certificates(client, TlsServer::new(&certificate));
    let _gamma = gamma.connect("alpha", &address).start().await.unwrap();
    let (refusal, _) = refused(&mut events).await;
    assert_eq!(refusal.reason, RefusalReason::Unproven);
    assert!(
        refusal.message.contains("not in the certificate"),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_node_does_not_bear_the_text_of_another_key() {
    let (own, other) = (key(), key());
    let error = keyed(&other.public().to_string(), &own)
        .start()
        .await
        .unwrap_err();
    assert!(matches!(error, NodeError::InvalidName { .. }), "{error}");
}
