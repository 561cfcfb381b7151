use std::io;
use std::sync::Arc;

use chirp_runtime::channel::{TlsClient, TlsRoots};
use tokio::sync::OnceCell;

/// The settings of TLS: those of the program, or the authorities of the system, which are read when first needed.
#[derive(Clone, Debug, Default)]
pub(super) struct TlsSettings(Arc<OnceCell<TlsClient>>);

impl TlsSettings {
    pub(super) fn new(tls: TlsClient) -> Self {
        Self(Arc::new(OnceCell::new_with(Some(for_http(tls)))))
    }

    pub(super) async fn get(&self) -> io::Result<TlsClient> {
        let read = || async {
            let roots = tokio::task::spawn_blocking(TlsRoots::system).await??;
            io::Result::Ok(for_http(TlsClient::new(&roots)))
        };
        self.0.get_or_try_init(read).await.cloned()
    }
}

fn for_http(tls: TlsClient) -> TlsClient {
    tls.alpn(["http/1.1"])
}
