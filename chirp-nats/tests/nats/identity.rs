//! TLS, users, nkeys and JWTs, and the permissions that servers of NATS give them.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chirp::{CallError, PeerBuilder, Server};
use chirp_nats::{Nats, NatsError, NatsOptions, NatsServer};
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa};
use serde_json::{Value, json};

use super::service::{ArithClient, ArithServer, Calculator};
use super::support::{NatsProcess, until};

async fn serve(nats: &Nats) -> NatsServer {
    let server = nats
        .server()
        .service(ArithServer::new(Calculator::default()));
    server.start().await.expect("started")
}

async fn refused(process: &NatsProcess, options: NatsOptions, why: &str) {
    match options.connect(process.address()).await {
        Err(NatsError::Connect { .. }) => {}
        other => panic!("{why}: {other:?}"),
    }
}

/// A call of a service, and one through a connection.
async fn works(nats: &Nats) {
    let _server = serve(nats).await;
    assert_eq!(ArithClient::new(nats).sum_diff(1, 2).await, Ok((3, -1)));
    let server = Server::builder()
        .scheme("nats", nats.scheme())
        .service(ArithServer::new(Calculator::default()));
    let server = server.bind("nats://arith").await.expect("bound");
    let running = tokio::spawn(server.run());
    let peers = PeerBuilder::new().scheme("nats", nats.scheme());
    let peer = peers.connect("nats://arith").await.expect("connected");
    assert_eq!(ArithClient::new(&peer).sum_diff(1, 2).await, Ok((3, -1)));
    running.abort();
}

/// An authority, and files `NAME.pem` and `NAME.key` of certificates that it has signed.
fn certificates(authority: &str, names: &[&str]) -> Vec<(String, String)> {
    let key = rcgen::KeyPair::generate().expect("generated");
    let mut params = CertificateParams::new([]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, key).expect("signed");
    let mut files = vec![(format!("{authority}.pem"), issuer.pem())];
    for name in names {
        let key = rcgen::KeyPair::generate().expect("generated");
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).expect("valid");
        let certificate = params.signed_by(&key, &issuer).expect("signed");
        files.push((format!("{name}.pem"), certificate.pem()));
        files.push((format!("{name}.key"), key.serialize_pem()));
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_verified_on_both_sides() {
    let mut files = certificates("ca", &["server", "client"]);
    files.extend(certificates("other", &["stranger"]));
    let config = r#"tls { cert_file: "server.pem", key_file: "server.key", ca_file: "ca.pem", verify: true }"#;
    files.push(("nats.conf".to_owned(), config.to_owned()));
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (&**name, text.clone()))
        .collect();
    let Some(process) = NatsProcess::start_configured(&files) else {
        return;
    };
    let trusting = || NatsOptions::new().root_certificates(process.file("ca.pem"));
    let with = |options: NatsOptions, name: &str| {
        let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
        options.client_certificate(process.file(&certificate), process.file(&key))
    };
    works(&process.connect_with(with(trusting(), "client")).await).await;
    let tls = process.address().replace("nats:", "tls:");
    let nats = with(trusting(), "client").require_tls().connect(tls).await;
    works(&nats.expect("connected")).await;
    refused(&process, NatsOptions::new(), "an unknown authority").await;
    refused(&process, trusting(), "no certificate of the client").await;
    refused(
        &process,
        with(trusting(), "stranger"),
        "a certificate of another authority",
    )
    .await;
    let other = NatsOptions::new().root_certificates(process.file("other.pem"));
    refused(
        &process,
        with(other, "client"),
        "a server of another authority",
    )
    .await;
    // A server without TLS is not talked to.
    let plain = NatsProcess::start().expect("installed");
    refused(&plain, trusting().require_tls(), "a server without TLS").await;
    let tls = plain.address().replace("nats:", "tls:");
    let error = trusting()
        .connect(tls)
        .await
        .expect_err("a server without TLS");
    assert!(matches!(error, NatsError::Connect { .. }), "{error:?}");
}

/// Permissions are by user and subject: one serves, one calls one method, and one may do nothing of that.
#[tokio::test(flavor = "multi_thread")]
async fn users_and_nkeys_have_the_permissions_of_their_subjects() {
    let (bob, eve) = (KeyPair::new_user(), KeyPair::new_user());
    let config = format!(
        r#"authorization {{ users: [
            {{ user: ann, password: secret, permissions: {{ publish: ["_INBOX.>", "_bob.>"], subscribe: ["Arith.>", "_chirp.>", "$SRV.>", "_INBOX.>"] }} }},
            {{ nkey: {}, permissions: {{ publish: ["Arith.sum_diff", "_chirp.all.>", "_bob.>"], subscribe: ["_bob.>"] }} }},
        ] }}"#,
        bob.public_key()
    );
    let Some(process) = NatsProcess::start_configured(&[("nats.conf", config)]) else {
        return;
    };
    let nkey = |pair: &KeyPair| NatsOptions::new().nkey(pair.seed().expect("a seed"));
    refused(&process, NatsOptions::new(), "nobody").await;
    refused(&process, nkey(&eve), "an unknown key").await;
    let wrong = NatsOptions::new().user_and_password("ann", "guess");
    refused(&process, wrong, "a wrong password").await;
    let ann = NatsOptions::new().user_and_password("ann", "secret");
    let ann = process.connect_with(ann).await;
    let _server = serve(&ann).await;
    let bob = process.connect_with(nkey(&bob).inbox_prefix("_bob")).await;
    let arith = ArithClient::new(&bob);
    assert_eq!(arith.sum_diff(1, 2).await, Ok((3, -1)));
    let (denied, all) = tokio::join!(async { arith.divide(6, 2).await }, async {
        bob.everyone()
            .gather(ArithClient::unbound().divide(6, 2))
            .expect(1)
            .await
    },);
    // The server of NATS takes the message and says nothing to its sender about this one.
    let denied = denied.expect_err("not permitted");
    let chirp::MethodError::Call(error) = &denied else {
        panic!("{denied:?}");
    };
    assert!(matches!(error, CallError::ConnectionLost(_)), "{error:?}");
    assert_eq!(all.expect("sent").answers.len(), 1);
    // A program that may not receive requests cannot serve, and is told so.
    let server = bob
        .server()
        .service(ArithServer::new(Calculator::default()));
    let error = server.start().await.expect_err("not permitted");
    // Of its subscriptions, any of those that are refused may be reported first.
    assert!(
        error.to_string().contains("refuses a subscription: "),
        "{error}"
    );
    let error = arith.sum_diff(1, 2).await;
    assert_eq!(error, Ok((3, -1)), "the connection goes on");
    // Nor can who has no inbox call.
    let config = "authorization { users: [{ user: cid, password: x, permissions: { subscribe: [\"none\"] } }] }";
    let process =
        NatsProcess::start_configured(&[("nats.conf", config.to_owned())]).expect("installed");
    let cid = NatsOptions::new().user_and_password("cid", "x");
    let error = cid.connect(process.address()).await.expect_err("no inbox");
    assert!(matches!(error, NatsError::NoAnswer(..)), "{error:?}");
}

/// Signs claims as `nsc` does.
fn jwt(issuer: &KeyPair, subject: &str, expires: Option<u64>, nats: &Value) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let mut claims = json!({ "jti": subject, "iat": now, "iss": issuer.public_key(), "sub": subject, "name": "test", "nats": nats });
    if let Some(expires) = expires {
        claims["exp"] = expires.into();
    }
    let parts = [json!({ "typ": "JWT", "alg": "ed25519-nkey" }), claims];
    let text = parts
        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
        .join(".");
    let signature = issuer.sign(text.as_bytes()).expect("signed");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn credentials(jwt: &str, user: &KeyPair) -> String {
    format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.seed().expect("a seed")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_files_are_used_and_checked() {
    let (operator, account) = (KeyPair::new_operator(), KeyPair::new_account());
    let (user, other) = (KeyPair::new_user(), KeyPair::new_user());
    let limits = json!({ "subs": -1, "conn": -1, "leaf": -1, "imports": -1, "exports": -1, "data": -1, "payload": -1, "wildcards": true });
    let operator_jwt = jwt(
        &operator,
        &operator.public_key(),
        None,
        &json!({ "type": "operator", "version": 2 }),
    );
    let account_jwt = jwt(
        &operator,
        &account.public_key(),
        None,
        &json!({ "limits": limits, "type": "account", "version": 2 }),
    );
    let claims = json!({ "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2 });
    let valid = jwt(&account, &user.public_key(), None, &claims);
    let expired = jwt(&account, &user.public_key(), Some(1_000), &claims);
    let foreign = jwt(&KeyPair::new_account(), &user.public_key(), None, &claims);
    let config = format!(
        "operator: {operator_jwt}\nresolver: MEMORY\nresolver_preload: {{ {}: {account_jwt} }}\n",
        account.public_key()
    );
    let files = [
        ("nats.conf", config),
        ("valid.creds", credentials(&valid, &user)),
        ("expired.creds", credentials(&expired, &user)),
        ("foreign.creds", credentials(&foreign, &user)),
        ("stolen.creds", credentials(&valid, &other)),
        ("broken.creds", "-----BEGIN NATS USER JWT-----\n".to_owned()),
    ];
    let Some(process) = NatsProcess::start_configured(&files) else {
        return;
    };
    let with = |name: &str| NatsOptions::new().credentials_file(process.file(name));
    works(&process.connect_with(with("valid.creds")).await).await;
    refused(&process, NatsOptions::new(), "nobody").await;
    for name in ["expired.creds", "foreign.creds", "stolen.creds"] {
        refused(&process, with(name), name).await;
    }
    let broken = with("broken.creds").connect(process.address()).await;
    let error = broken.expect_err("broken");
    assert!(matches!(error, NatsError::Settings(_)), "{error:?}");
    assert!(error.to_string().contains("broken.creds"), "{error}");
}

/// The rights that the guide lists are enough: of a server, of a caller, and of both sides of a connection.
#[tokio::test(flavor = "multi_thread")]
async fn the_permissions_of_the_guide_are_enough() {
    let config = r#"authorization { users: [
        { user: serving, password: x, permissions: {
            publish: ["_INBOX.>"],
            subscribe: ["Arith.>", "_chirp.all.Arith.>", "_chirp.worker.>", "$SRV.>", "_INBOX.>"] } },
        { user: calling, password: x, permissions: {
            publish: ["Arith.>", "_chirp.all.Arith.>", "_chirp.worker.>"], subscribe: ["_INBOX.>"] } },
        { user: listening, password: x, permissions: {
            publish: ["_INBOX.>"], subscribe: ["_chirp.channel.arith", "_INBOX.>"] } },
        { user: dialling, password: x, permissions: {
            publish: ["_chirp.channel.arith", "_INBOX.>"], subscribe: ["_INBOX.>"] } },
    ] }"#;
    let Some(process) = NatsProcess::start_configured(&[("nats.conf", config.to_owned())]) else {
        return;
    };
    let user = async |name: &str| {
        let options = NatsOptions::new().user_and_password(name, "x");
        process.connect_with(options).await
    };
    let serving = user("serving").await;
    let calculator = Calculator::default();
    let server = serving
        .server()
        .service(ArithServer::new(calculator.clone()));
    let server = server.start().await.expect("started");
    let calling = user("calling").await;
    let arith = ArithClient::new(&calling);
    assert_eq!(arith.sum_diff(1, 2).await, Ok((3, -1)));
    let all = calling
        .everyone()
        .gather(ArithClient::unbound().sum_diff(1, 2));
    assert_eq!(all.expect(1).await.expect("sent").answers.len(), 1);
    let dropped = arith.wait().start();
    until(|| calculator.waiting() == 1).await;
    drop(dropped);
    until(|| calculator.waiting() == 0).await;
    calling
        .flush()
        .await
        .expect("the server of NATS has answered");
    server.ready().await.expect("ready");
    server.close().await.expect("closed");
    let listening = user("listening").await;
    let server = Server::builder()
        .scheme("nats", listening.scheme())
        .service(ArithServer::new(calculator));
    let server = server.bind("nats://arith").await.expect("bound");
    tokio::spawn(server.run());
    let dialling = user("dialling").await;
    let peers = PeerBuilder::new().scheme("nats", dialling.scheme());
    let peer = peers.connect("nats://arith").await.expect("connected");
    assert_eq!(ArithClient::new(&peer).sum_diff(1, 2).await, Ok((3, -1)));
    // A program that may not receive on a name cannot listen there, and is told so.
    let server = Server::builder().scheme("nats", dialling.scheme());
    let error = server
        .bind("nats://arith")
        .await
        .expect_err("not permitted");
    assert!(
        error.to_string().contains("_chirp.channel.arith"),
        "{error}"
    );
}
