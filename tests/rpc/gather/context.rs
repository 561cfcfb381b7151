//! Metadata, deadlines and traces of templates.

use std::sync::Arc;
use std::time::Duration;

use chirp::{CallContext, Gather, Peer, PeerBuilder, Targets, channel};

use crate::support::in_time;

#[chirp::service]
trait Relay {
    /// The metadata `a` of the call, and whether it has a deadline.
    async fn show(&self, cx: &CallContext) -> (Option<String>, bool);
    /// Asks each of this handler's targets within the call.
    async fn spread(&self, cx: &CallContext) -> Vec<(Option<String>, bool)>;
}

struct Node(Option<Targets>);

impl Relay for Node {
    async fn show(&self, cx: &CallContext) -> (Option<String>, bool) {
        let value = cx.metadata().get("a");
        let value = value.map(|value| String::from_utf8_lossy(value).into_owned());
        (value, cx.deadline().is_some())
    }

    async fn spread(&self, cx: &CallContext) -> Vec<(Option<String>, bool)> {
        let template = RelayClient::unbound().show().within(cx);
        let group: Gather<_> = self.0.as_ref().expect("has targets").gather(template);
        let answers = group.await;
        answers
            .into_iter()
            .map(|answer| answer.result.unwrap())
            .collect()
    }
}

/// A peer whose other side serves the node.
fn serve(node: Node, inherited: &[&str]) -> (Peer, Peer) {
    let (near, far) = channel::memory();
    let serves = PeerBuilder::new()
        .inherit_metadata(inherited.iter().copied())
        .service(RelayServer::new(node));
    let far = serves.start(far).unwrap();
    (PeerBuilder::new().start(near).unwrap(), far)
}

#[tokio::test]
async fn every_target_gets_the_metadata_and_the_deadline_of_the_template() {
    let (peers, _far): (Vec<_>, Vec<_>) = (0..3).map(|_| serve(Node(None), &[])).unzip();
    let targets = Targets::new(
        peers
            .into_iter()
            .map(|peer| (Arc::<str>::from("peer"), peer)),
    );
    let template = RelayClient::unbound()
        .show()
        .metadata("a", "1")
        .timeout(Duration::from_secs(100));
    let answers = in_time(targets.gather(template)).await;
    assert_eq!(answers.len(), 3);
    for answer in answers {
        let (value, _) = answer.result.unwrap();
        assert_eq!(value.as_deref(), Some("1"));
    }
    let client = RelayClient::unbound().with_metadata("a", "2");
    for answer in in_time(targets.gather(client.show())).await {
        assert_eq!(answer.result, Ok((Some("2".to_owned()), false)));
    }
}

#[tokio::test]
async fn a_group_within_a_call_inherits_its_context() {
    let (peers, _far): (Vec<_>, Vec<_>) = (0..3).map(|_| serve(Node(None), &[])).unzip();
    let targets = Targets::new(
        peers
            .into_iter()
            .map(|peer| (Arc::<str>::from("peer"), peer)),
    );
    let (relay, _far) = serve(Node(Some(targets)), &["a"]);
    let call = RelayClient::new(&relay).spread().metadata("a", "1");
    let shown = in_time(call).await.unwrap();
    assert_eq!(shown.len(), 3);
    assert!(shown.iter().all(|(value, _)| value.as_deref() == Some("1")));
}
