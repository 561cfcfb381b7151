//! A board on which several people draw, each in a browser.
//!
//! ```console
//! cargo run --manifest-path examples/board/Cargo.toml    # prints an address to open in two windows
//! ```
//!
//! `board.rs` has the traits of both sides and the server's half; `page/src` has the page in TypeScript, with a client that
//! `chirp typescript` has written.

mod board;
#[cfg(test)]
mod client;

use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use chirp::Server;
use chirp::websocket::WebSocket;
use tokio::net::TcpListener;

use board::{BoardServer, Seat, Table};

/// The page, as `npm run build` in `page` has made it.
const FILES: [(&str, &str, &str); 3] = [
    ("/", "text/html", include_str!("../page/index.html")),
    ("/style.css", "text/css", include_str!("../page/style.css")),
    (
        "/board.js",
        "text/javascript",
        include_str!("../page/board.js"),
    ),
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1);
    let socket = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    let address = socket.local_addr()?;

    // Only the board's own page may connect: other pages that somebody visits may not.
    let (upgrades, connections) = WebSocket::new()
        .allow_origin(format!("http://{address}"))
        .allow_origin(format!("http://localhost:{}", address.port()))
        .service();
    let table = Arc::new(Table::default());
    let server = Server::builder()
        .service_with(move |peer| BoardServer::new(Seat::new(&table, peer)))
        // Pages call methods in JSON.
        .reflect()
        .listen(Box::new(connections));
    tokio::spawn(server.run());

    let mut program = Router::new().route_service("/chirp", upgrades);
    for (path, content_type, content) in FILES {
        let file = move || async move { ([(CONTENT_TYPE, content_type)], content) };
        program = program.route(path, get(file));
    }
    println!("http://{address}");
    Ok(axum::serve(socket, program).await?)
}
