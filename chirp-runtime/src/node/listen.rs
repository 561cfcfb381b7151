//! The listeners of a node. Their connections are served by the node's server.

use std::io;
use std::sync::Arc;

use super::NodeError;
use super::node_core::{ActiveListener, NodeCore};
use crate::channel::Endpoint;
use crate::peer::{ConnectError, Task, guard};
use crate::server::{Listeners, ServerHandle};

/// Listens on an address. Returns the actual one.
pub(super) async fn start(core: &Arc<NodeCore>, asked: Endpoint) -> Result<Endpoint, NodeError> {
    let tls = core.settings.server_tls.as_ref();
    if matches!(asked, Endpoint::Tls { .. }) && tls.is_none() {
        return Err(NodeError::NoTls { address: asked });
    }
    let server = core.server().ok_or(NodeError::Closed)?;
    let schemes = &core.settings.schemes;
    schemes.check(&asked)?;
    let listener = guard::run("a scheme", asked.listen_with(tls, schemes)).await;
    let listener = listener.map_err(io::Error::from).flatten();
    let listener = listener.map_err(ConnectError::from)?;
    let endpoint = listener.endpoint().clone();
    let mut listeners = Listeners::default();
    listeners.push(listener);
    let work: Task = Box::pin(accept(listeners, server));
    let added = core.add_listener(ActiveListener {
        asked,
        endpoint: endpoint.clone(),
        accepting: core.runtime.spawn(work),
    });
    if let Err(listener) = added {
        listener.accepting.abort();
        return Err(NodeError::Closed);
    }
    Ok(endpoint)
}

async fn accept(mut listeners: Listeners, server: ServerHandle) {
    while let Some(next) = listeners.next().await {
        match next {
            Ok(incoming) => {
                if server.serve_connection(incoming).await.is_err() {
                    return;
                }
            }
            Err((endpoint, error)) => {
                #[cfg(feature = "tracing")]
                tracing::warn!("cannot accept a connection on {endpoint}: {error}");
                #[cfg(not(feature = "tracing"))]
                drop((endpoint, error));
            }
        }
    }
}
