use std::any::Any;
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use crate::peer::PeerState;
use crate::peer::monitoring::traffic::ReadPauses;
use crate::peer::server::service_order::ServiceOrders;
use crate::sync::Mutex;

/// Parts of a connection that few connections need. They are created together when one of them is used, so that idle
/// connections are smaller.
#[derive(Default)]
pub(in crate::peer) struct RareParts {
    pub(super) service_orders: Mutex<ServiceOrders>,
    /// The channel of [`ConnectionCore::watch`](super::connection_core::ConnectionCore::watch), created by its first call.
    pub(super) watch: OnceLock<watch::Sender<PeerState>>,
    /// A value that a higher layer keeps with the connection.
    pub(in crate::peer) attachment: OnceLock<Arc<dyn Any + Send + Sync>>,
    pub(in crate::peer) read_pauses: ReadPauses,
}
