//! Accepting nodes: what a connection may call before it has joined, and the join itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use tokio::time::timeout;

use super::entry_state::LinkFacts;
use super::join::{JoinAnswer, JoinRequest, Leave};
use super::names;
use super::node_core::NodeCore;
use super::node_entry::LinkTag;
use super::refusal::cut;
use super::{NodeEvent, Refusal, RefusalReason};
use crate::packet::{FrameworkError, NODE_JOIN_METHOD, NODE_LEAVE_METHOD};
use crate::peer::{Handler, Peer, PeerBuilder, Reply, Request, RouteError, Router, Task};
use crate::server::ServerBuilder;

/// Lets connections of a server join, and call nothing else but what is open to guests.
pub(super) fn admit_nodes(builder: ServerBuilder, core: &Arc<NodeCore>) -> ServerBuilder {
    let core = Arc::downgrade(core);
    builder.routes_with(move |peer, router| {
        let Some(core) = core.upgrade() else {
            return Ok(());
        };
        register(&core, peer, router);
        Ok(())
    })
}

fn register(core: &Arc<NodeCore>, peer: &Peer, router: &mut Router) {
    let joining = Arc::new(Joining {
        core: Arc::downgrade(core),
        peer: peer.clone(),
        has_begun: AtomicBool::new(false),
    });
    let join = move |request: Request| {
        let joining = Arc::clone(&joining);
        async move { joining.join(&request).await }
    };
    router.reserved(NODE_JOIN_METHOD, Arc::new(join));
    router.fallback(not_joined);
    if core.settings.has_guests {
        return;
    }
    // A connection that does not join must not stay.
    let (limit, peer) = (core.settings.join_timeout, peer.clone());
    let work: Task = Box::pin(async move {
        if timeout(limit, peer.closed()).await.is_err() && !peer.is_attached() {
            peer.close();
        }
    });
    core.runtime.spawn(work);
}

/// Adds the methods of joined nodes to the services.
pub(super) fn serve_joined(builder: PeerBuilder) -> PeerBuilder {
    builder.routes(|router| {
        let join: Arc<dyn Handler> = Arc::new(joined_already);
        router.reserved(NODE_JOIN_METHOD, join);
        router.reserved(NODE_LEAVE_METHOD, Arc::new(leave));
        Ok::<_, RouteError>(())
    })
}

/// Answers calls of connections that have not joined.
async fn not_joined(_: Request) -> Reply {
    FrameworkError::PermissionDenied
        .to_error_data("this is a node: a connection has to join before it may call")
        .into()
}

async fn joined_already(_: Request) -> Reply {
    let text = "this connection has joined already";
    let refusal = Refusal::new(RefusalReason::Invalid, text);
    Reply::Value(JoinAnswer::Refused(refusal).encode().into())
}

async fn leave(request: Request) -> Reply {
    let Some(tag) = request.context().attachment::<LinkTag>() else {
        return not_joined(request).await;
    };
    match Leave::decode(request.params()) {
        Ok(leave) => {
            tag.entry.left_there(&tag.core, tag.id, leave);
            Reply::Value(Vec::new().into())
        }
        Err(error) => FrameworkError::InvalidArguments
            .to_error_data(&error)
            .into(),
    }
}

/// A connection that has not joined.
struct Joining {
    core: Weak<NodeCore>,
    peer: Peer,
    /// Each connection may join once.
    has_begun: AtomicBool,
}

impl Joining {
    async fn join(&self, request: &Request) -> Reply {
        let answer = match self.core.upgrade() {
            Some(core) if core.is_running() => self.answer(&core, request).await,
            _ => {
                let text = "the node is shutting down";
                JoinAnswer::Refused(Refusal::new(RefusalReason::ShuttingDown, text))
            }
        };
        Reply::Value(answer.encode().into())
    }

    async fn answer(&self, core: &Arc<NodeCore>, request: &Request) -> JoinAnswer {
        // Checked first: a single connection must not use up the joins of all others.
        if self.has_begun.swap(true, Ordering::Relaxed) {
            let text = "one join per connection";
            return JoinAnswer::Refused(Refusal::new(RefusalReason::Invalid, text));
        }
        if !core.admits_join() {
            // Not an event: there would be too many.
            let max = core.settings.max_joins;
            let text = format!("too many joins: the limit is {max} per second");
            return JoinAnswer::Refused(Refusal::new(RefusalReason::Busy, text));
        }
        let mut name = None;
        match accept(core, &self.peer, request, &mut name).await {
            Ok(()) => JoinAnswer::Joined(core.joined()),
            Err(refusal) => {
                core.publish(NodeEvent::Refused {
                    name: name.map(Into::into),
                    address: self.peer.remote().cloned(),
                    by_this_side: true,
                    refusal: refusal.clone(),
                });
                JoinAnswer::Refused(refusal)
            }
        }
    }
}

/// Decides on a join. Sets `name` once the other side's name is known.
async fn accept(
    core: &Arc<NodeCore>,
    peer: &Peer,
    request: &Request,
    name: &mut Option<String>,
) -> Result<(), Refusal> {
    let refuse = |reason, text: String| Err(Refusal::new(reason, text));
    let invalid = |text: String| Refusal::new(RefusalReason::Invalid, text);
    let join = JoinRequest::decode(request.params())
        .map_err(|error| invalid(format!("the join is invalid: {error}")))?;
    names::check(&join.name)
        .map_err(|why| invalid(format!("invalid name {:?}: {why}", cut(&join.name))))?;
    *name = Some(join.name.clone());
    let (theirs, ours) = (&join.network, &core.settings.network);
    if theirs != ours {
        let theirs = cut(theirs);
        let text = format!(
            "{:?} belongs to the network {ours:?}, and {:?} to {theirs:?}",
            core.name(),
            join.name
        );
        return refuse(RefusalReason::Network, text);
    }
    if join.incarnation == core.incarnation && join.name == **core.name() {
        let text = format!(
            "the node {:?} has dialled itself: the address of {:?} is its own",
            join.name,
            cut(&join.to)
        );
        return refuse(RefusalReason::OwnName, text);
    }
    if join.name == **core.name() {
        let text = format!("{:?} is the name of this node", join.name);
        return refuse(RefusalReason::OwnName, text);
    }
    if join.to != **core.name() {
        let to = cut(&join.to);
        let text = format!("this node is {:?}, not {to:?}", core.name());
        return refuse(RefusalReason::WrongNode, text);
    }
    let is_proven = names::judge(&join.name, peer.identity(), &core.settings.known)
        .map_err(|text| Refusal::new(RefusalReason::Unproven, text))?;
    let entry = core.entry_of_join(&join.name)?;
    let facts = LinkFacts {
        incarnation: join.incarnation,
        labels: join.labels,
        is_proven,
        dialled: false,
    };
    let offer = entry.offer(core, peer, join.sequence, facts, None)?;
    offer.decided().await
}
