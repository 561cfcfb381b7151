//! Clients that programs of others generate from the document.
#![allow(clippy::unwrap_used, reason = "a test may")]

use crate::client::serve;
use crate::descriptions::{gateway, get, python};

#[tokio::test]
async fn a_client_generated_by_openapi_python_client_calls_methods() {
    let address = serve(gateway()).await;
    let document = get(address, "/openapi.json", &[]).await;
    let base = format!("http://{address}/api");
    let folder = std::env::temp_dir().join(format!("chirp-generated-{}", std::process::id()));
    let script = include_str!("generated_client.py");
    let arguments = [&base, folder.to_str().unwrap()];
    let called = python("openapi_python_client", script, &arguments, document.text()).await;
    let _ = std::fs::remove_dir_all(&folder);
    if let Some(output) = called {
        assert!(output.ends_with("called\n"), "{output}");
    }
}
