//! Raw public keys as identities: accepted and rejected keys, and key files.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::certificates::Authority;
use crate::support::echo;
use chirp::channel::{
    Channel, KeyPolicy, Keypair, Refusal, TlsClient, TlsError, TlsServer, memory,
};
use chirp::{Identity, PeerBuilder, PublicKey, Server};

async fn shake(
    client: &TlsClient,
    server: &TlsServer,
) -> (Result<Identity, TlsError>, Result<Identity, TlsError>) {
    let (one, other) = memory();
    let (client, server) = tokio::join!(client.wrap(one, "any.test"), server.wrap(other));
    let said = |channel: io::Result<Channel>| match channel {
        Ok(channel) => Ok(channel.identity()),
        Err(error) => Err(TlsError::of(&error)
            .cloned()
            .unwrap_or_else(|| panic!("{error}"))),
    };
    (said(client), said(server))
}

#[tokio::test]
async fn both_ends_are_identified_by_their_keys() {
    let (here, there) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let client = TlsClient::keys(&here, there.public());
    let server = TlsServer::keys(
        &there,
        [Keypair::generate().unwrap().public(), here.public()],
    );
    let (client, server) = shake(&client, &server).await;
    assert_eq!(client, Ok(Identity::Key(there.public())));
    assert_eq!(server, Ok(Identity::Key(here.public())));
}

#[tokio::test]
async fn an_unknown_key_is_rejected_by_either_end() {
    let (here, there) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let stranger = Keypair::generate().unwrap();
    let told = || Err(TlsError::Refused(Refusal::NotAdmitted));

    let server = TlsServer::keys(&there, here.public());
    let (client, server) = shake(&TlsClient::keys(&stranger, there.public()), &server).await;
    assert_eq!(server, Err(TlsError::NotAdmitted(stranger.public())));
    assert_eq!(client, told());

    let server = TlsServer::keys(&stranger, KeyPolicy::anyone());
    let (client, server) = shake(&TlsClient::keys(&here, there.public()), &server).await;
    assert_eq!(client, Err(TlsError::NotAdmitted(stranger.public())));
    assert_eq!(server, told());
}

#[tokio::test]
async fn a_key_policy_may_change() {
    let (here, there) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let known = Arc::new(Mutex::new(HashSet::new()));
    let rule = Arc::clone(&known);
    let admission = KeyPolicy::by(move |key| rule.lock().unwrap().contains(key));
    let server = TlsServer::keys(&there, admission);
    let client = TlsClient::keys(&here, there.public());
    assert!(shake(&client, &server).await.1.is_err());
    known.lock().unwrap().insert(here.public());
    assert!(shake(&client, &server).await.1.is_ok());
    known.lock().unwrap().clear();
    // The earlier handshake is not resumed.
    assert!(shake(&client, &server).await.1.is_err());
}

/// A client that presents another peer's key and signs with its own.
fn impostor(shown: &[u8], own: &Keypair) -> rustls::ClientConfig {
    use rustls::client::AlwaysResolvesClientRawPublicKeys;
    use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
    use rustls::sign::CertifiedKey;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let secret = PrivateKeyDer::from_pem_slice(own.to_pem().as_bytes()).unwrap();
    let signs = provider.key_provider.load_private_key(secret).unwrap();
    let prefix = &signs.public_key().unwrap().as_ref()[..12].to_vec();
    let shown = CertifiedKey::new(vec![[prefix, shown].concat().into()], signs);
    rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous(provider)))
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::new(
            shown,
        ))))
}

#[derive(Debug)]
struct Credulous(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        let algorithms = self.0.signature_verification_algorithms;
        algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// A client must hold the private key of the public key that it presents.
#[tokio::test]
async fn a_client_must_prove_that_it_holds_its_key() {
    let (here, there) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let stranger = Keypair::generate().unwrap();
    for (own, is_admitted) in [(&here, true), (&stranger, false)] {
        let config = Arc::new(impostor(here.public().as_bytes(), own));
        let server = TlsServer::keys(&there, here.public());
        let (one, other) = tokio::io::duplex(1 << 16);
        let client = tokio_rustls::TlsConnector::from(config);
        let name = "any.test".try_into().unwrap();
        let (_client, server) =
            tokio::join!(client.connect(name, one), server.wrap(Channel::io(other)));
        assert_eq!(server.is_ok(), is_admitted, "{server:?}");
    }
}

#[tokio::test]
async fn keys_and_certificates_do_not_mix() {
    let authority = Authority::new();
    let (here, there) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let with_key = TlsServer::keys(&there, KeyPolicy::anyone());
    let (client, server) = shake(&authority.client(), &with_key).await;
    assert_eq!(server, Err(TlsError::OtherKind));
    assert_eq!(client, Err(TlsError::Refused(Refusal::OtherKind)));
    let with_certificate = authority.server("any.test");
    let client = TlsClient::keys(&here, KeyPolicy::anyone());
    let (client, server) = shake(&client, &with_certificate).await;
    assert_eq!(server, Err(TlsError::OtherKind));
    assert_eq!(client, Err(TlsError::Refused(Refusal::OtherKind)));
}

#[tokio::test]
async fn a_connection_over_an_address_knows_both_keys() {
    let (here, there) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let server = Server::builder()
        .handle("who", |request: chirp::Request| async move {
            Ok::<_, String>(request.context().identity().to_string().into_bytes())
        })
        .tls(TlsServer::keys(&there, here.public()))
        .bind("tls://127.0.0.1:0")
        .await
        .unwrap();
    let address = server.endpoint().to_string();
    let mut connections = server.incoming();
    tokio::spawn(server.run());

    let builder = PeerBuilder::new().tls(TlsClient::keys(&here, there.public()));
    let peer = builder.connect(&address).await.unwrap();
    assert_eq!(*peer.identity(), Identity::Key(there.public()));
    let seen = connections.recv().await.unwrap();
    assert!(seen.identity.is_key(&here.public()));
    assert!(seen.peer.identity().is_key(&here.public()));
    let who = peer.call("who", "").await.unwrap();
    assert_eq!(who, format!("key {}", here.public()));

    let stranger = Keypair::generate().unwrap();
    let builder = PeerBuilder::new().tls(TlsClient::keys(&stranger, there.public()));
    let error = builder.connect(&address).await.unwrap_err().to_string();
    assert!(error.contains("does not admit this side's key"), "{error}");
}

/// On a Unix socket the key is the identity, and the credentials from the operating system are available, too.
#[tokio::test]
async fn any_channel_may_be_encrypted() {
    let (here, there) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let tls = TlsServer::keys(&there, here.public());
    let server = Server::builder()
        .handle("echo", echo)
        .handshake(move |channel| {
            let tls = tls.clone();
            async move { tls.wrap(channel).await }
        })
        .bind(format!(
            "unix://{}",
            crate::support::socket_path().display()
        ))
        .await
        .unwrap();
    let endpoint = server.endpoint().clone();
    let mut connections = server.incoming();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(server.run_until(stopped));
    let channel = endpoint.connect().await.unwrap();
    let tls = TlsClient::keys(&here, there.public());
    let peer = PeerBuilder::new()
        .start(tls.wrap(channel, "").await.unwrap())
        .unwrap();
    assert_eq!(peer.call("echo", "x").await.unwrap(), "x");
    let seen = connections.recv().await.unwrap();
    assert!(seen.identity.is_key(&here.public()));
    assert!(seen.peer.credentials().is_some());
    drop(stop);
    server.await.unwrap();
}

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("chirp-keys-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_key_file_is_readable_by_its_owner_only() {
    let dir = Dir::new("kept");
    let path = dir.0.join("key.pem");
    let key = Keypair::load_or_generate(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(
        Keypair::load_or_generate(&path).unwrap().public(),
        key.public()
    );
    // An existing file is not overwritten, and no temporary file is left.
    let error = Keypair::generate().unwrap().save(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("key.pem"), "{error}");
    assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 1);

    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = Keypair::load(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains(&format!("{mode:o}")), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(Keypair::load(&path).unwrap().public(), key.public());
}

#[test]
fn a_key_has_a_text_form() {
    let key = Keypair::generate().unwrap();
    let name = key.public().to_string();
    assert_eq!(name.len(), 64);
    assert_eq!(
        format!(" {}\n", name.to_uppercase()).parse(),
        Ok(key.public())
    );
    for wrong in [
        "",
        &name[1..],
        &format!("{name}0"),
        &name.replace(&name[..1], "g"),
    ] {
        let error = wrong.parse::<PublicKey>().unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits"), "{error}");
    }
    let again = Keypair::from_pem(&key.to_pem()).unwrap();
    assert_eq!(again.public(), key.public());
    assert_eq!(again.to_pem(), key.to_pem());
    // `Debug` prints the public key and nothing of the private key.
    assert_eq!(format!("{key:?}"), format!("Keypair({name})"));
    for wrong in [
        "",
        "x",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ] {
        let error = Keypair::from_pem(wrong).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
    let other_kind = Authority::new().issue("x.test").key;
    let error = Keypair::from_pem(&other_kind).unwrap_err().to_string();
    assert!(error.contains("expected an Ed25519 key"), "{error}");
}

/// The key of RFC 8032, section 7.1, test 1, in the format of RFC 8410.
#[test]
fn the_key_of_rfc_8032_is_read() {
    let pem = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
        -----END PRIVATE KEY-----\n";
    let name = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let key = Keypair::from_pem(pem);
    assert_eq!(key.unwrap().public().to_string(), name);
}

/// Exchanges keys with the program `openssl`, if it is installed.
#[test]
fn openssl_reads_and_writes_keys() {
    let dir = Dir::new("openssl");
    let openssl = |args: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(args).current_dir(&dir.0).stderr(Stdio::null());
        command
            .output()
            .map(|output| (output.status.success(), output.stdout))
    };
    if openssl(&["version"]).is_err() {
        println!("skipped: there is no program `openssl`");
        return;
    }
    let key = Keypair::generate().unwrap();
    key.save(dir.0.join("ours.pem")).unwrap();
    let (read, der) = openssl(&["pkey", "-in", "ours.pem", "-pubout", "-outform", "DER"]).unwrap();
    assert!(read);
    assert!(der.ends_with(key.public().as_bytes()));

    let (written, pem) = openssl(&["genpkey", "-algorithm", "ed25519"]).unwrap();
    assert!(written);
    Keypair::from_pem(std::str::from_utf8(&pem).unwrap()).unwrap();
}
