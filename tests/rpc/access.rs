//! Access rules by peer identity.
#![allow(clippy::unwrap_used, reason = "a test may")]

use crate::support::echo;
use chirp::channel::{Channel, memory};
use chirp::packet::FrameworkError;
use chirp::{
    AccessPolicy, CallContext, CallError, Compatibility, Identity, Mismatch, Peer, PeerBuilder,
    PublicKey,
};

#[chirp::service]
trait Vault {
    #[chirp(alias = "look")]
    async fn count(&self, cx: &CallContext) -> String;
    #[chirp(alias = "empty")]
    async fn take(&self, what: &str) -> String;
}

struct Cellar;

impl Vault for Cellar {
    async fn count(&self, cx: &CallContext) -> String {
        cx.identity().to_string()
    }

    async fn take(&self, what: &str) -> String {
        what.to_owned()
    }
}

const OWNER: PublicKey = PublicKey::from_bytes([1; 32]);
const GUEST: PublicKey = PublicKey::from_bytes([2; 32]);

fn access() -> AccessPolicy {
    AccessPolicy::new()
        .allow([VaultMethods::COUNT], |who| !who.is_anonymous())
        .allow([VaultMethods::TAKE], |who| who.is_key(&OWNER))
}

/// A client of the cellar, known there as `who`.
fn known_as(who: Identity, serving: &PeerBuilder) -> Peer {
    let (here, there): (Channel, Channel) = memory();
    serving.start(there.with_identity(who)).unwrap();
    PeerBuilder::new().start(here).unwrap()
}

fn is_forbidden<T: std::fmt::Debug>(answer: Result<T, CallError>) -> bool {
    match answer {
        Err(error @ CallError::Rejected { reason, .. }) => {
            assert!(!error.may_have_run() && !error.is_transient());
            reason == FrameworkError::PermissionDenied
        }
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn a_method_is_called_only_by_peers_that_its_rule_admits() {
    let serving = PeerBuilder::new()
        .service(VaultServer::new(Cellar))
        .access(access());
    let owner = VaultClient::new(&known_as(Identity::Key(OWNER), &serving));
    assert_eq!(owner.count().await.unwrap(), format!("key {OWNER}"));
    assert_eq!(owner.take("gold").await.unwrap(), "gold");
    let guest = VaultClient::new(&known_as(Identity::Key(GUEST), &serving));
    assert_eq!(guest.count().await.unwrap(), format!("key {GUEST}"));
    assert!(is_forbidden(guest.take("gold").await));
    let nobody = VaultClient::new(&known_as(Identity::Anonymous, &serving));
    assert!(is_forbidden(nobody.count().await));
    assert!(is_forbidden(nobody.take("gold").await));
}

/// Crafted names are denied, and an alias has its method's rule.
#[tokio::test]
async fn access_is_checked_for_the_method_that_would_run() {
    let serving = PeerBuilder::new()
        .service(VaultServer::new(Cellar))
        .routes(|router| {
            assert!(router.alias("shortcut", "Vault.take"));
            assert!(router.alias("shorter", "shortcut"));
            Ok(())
        })
        .access(access().allow(["Vault.empty", "shortcut", "shorter"], |_| true));
    let guest = known_as(Identity::Key(GUEST), &serving);
    for name in ["Vault.take", "Vault.empty", "shortcut", "shorter"] {
        assert!(is_forbidden(guest.call(name, "").await), "{name}");
    }
    assert!(guest.call("Vault.look", "").await.is_ok());
    let owner = known_as(Identity::Key(OWNER), &serving);
    for name in ["Vault.take", "Vault.empty", "shortcut", "shorter"] {
        assert!(!matches!(
            owner.call(name, "").await,
            Err(CallError::Rejected {
                reason: FrameworkError::PermissionDenied,
                ..
            })
        ));
    }
}

/// A service under another name has separate rules.
#[tokio::test]
async fn each_service_name_has_its_own_rules() {
    let serving = PeerBuilder::new()
        .service(VaultServer::new(Cellar))
        .service(VaultServer::new(Cellar).named("Attic"))
        .access(access().allow(["Attic.take"], |who| who.is_key(&GUEST)));
    let peer = known_as(Identity::Key(GUEST), &serving);
    assert!(is_forbidden(VaultClient::new(&peer).take("gold").await));
    let attic = VaultClient::new(&peer).named("Attic");
    assert_eq!(attic.take("lamp").await.unwrap(), "lamp");
    assert!(is_forbidden(attic.count().await));
}

#[tokio::test]
async fn a_caller_without_access_cannot_probe_for_names() {
    let serving = PeerBuilder::new()
        .service(VaultServer::new(Cellar))
        .fallback(echo)
        .access(access());
    let nobody = known_as(Identity::Anonymous, &serving);
    assert!(is_forbidden(nobody.call("Vault.count", "").await));
    assert!(is_forbidden(nobody.call("no such method", "").await));
    let compared = VaultClient::new(&nobody)
        .check_compatibility()
        .await
        .unwrap();
    let Compatibility::Differs(differences) = compared else {
        panic!("{compared:?}")
    };
    assert_eq!(differences.len(), VaultMethods::ALL.len());
    let missing = |difference: &Mismatch| matches!(difference, Mismatch::Missing { .. });
    assert!(differences.iter().all(missing), "{differences:?}");

    let owner = known_as(Identity::Key(OWNER), &serving);
    let compared = VaultClient::new(&owner)
        .check_compatibility()
        .await
        .unwrap();
    assert_eq!(compared, Compatibility::Same);
}

#[tokio::test]
async fn the_default_rule_decides_about_other_methods() {
    let serving = PeerBuilder::new()
        .service(VaultServer::new(Cellar))
        .access(access().default_rule(|who| who.is_key(&GUEST)));
    let guest = known_as(Identity::Key(GUEST), &serving);
    let unknown = guest.call("no such method", "").await;
    assert!(matches!(unknown, Err(CallError::UnknownMethod { .. })));
    assert!(is_forbidden(VaultClient::new(&guest).take("gold").await));
    let nobody = known_as(Identity::Anonymous, &serving);
    assert!(is_forbidden(nobody.call("no such method", "").await));
}

#[tokio::test]
async fn rules_may_change_and_a_panicking_rule_denies() {
    let serving = PeerBuilder::new().handle("echo", echo);
    let (here, there) = memory();
    let serving = serving.start(there).unwrap();
    let peer = PeerBuilder::new().start(here).unwrap();
    assert_eq!(peer.call("echo", "x").await.unwrap(), "x");
    let panics = AccessPolicy::new().allow(["echo"], |_| panic!("undecided"));
    serving.update_routes(|router| _ = router.access(panics));
    let error = peer.call("echo", "x").await.unwrap_err();
    assert!(matches!(
        error,
        CallError::Rejected {
            reason: FrameworkError::Panicked { .. },
            ..
        }
    ));
    serving.update_routes(|router| _ = router.access(AccessPolicy::new()));
    assert!(is_forbidden(peer.call("echo", "x").await));
}

/// A JSON name is denied where its method is, whether it is an alias, goes to a fallback or has a handler of its own.
#[tokio::test]
async fn a_json_name_has_the_rule_of_its_method() {
    let names = [
        "Vault.take",
        "Vault.empty",
        "shortcut",
        "Daemon.stop",
        "own",
    ];
    let serving = PeerBuilder::new()
        .service(VaultServer::new(Cellar))
        .handle("own;json", echo)
        .routes(|router| {
            assert!(router.alias("shortcut", "Vault.take"));
            assert!(router.alias("hidden;json", "Vault.take"));
            Ok(())
        })
        .fallback(echo)
        .access(
            access()
                .allow(["Daemon.stop", "own"], |who| who.is_key(&OWNER))
                .allow(["Daemon.stop;json", "own;json", "hidden"], |_| true)
                .allow(["Vault.take;json", "Vault.empty", "shortcut"], |_| true)
                .default_rule(|_| true),
        );
    let guest = known_as(Identity::Key(GUEST), &serving);
    for name in names.into_iter().chain(["hidden"]) {
        let name = format!("{name};json");
        assert!(is_forbidden(guest.call(name.clone(), "").await), "{name}");
    }
    assert!(guest.call("free;json", "").await.is_ok());
    let owner = known_as(Identity::Key(OWNER), &serving);
    for name in ["Daemon.stop;json", "own;json"] {
        assert_eq!(owner.call(name, "x").await.unwrap(), "x", "{name}");
    }
    assert!(!AccessPolicy::new().allows(&Identity::Anonymous, b"own;json"));
}
