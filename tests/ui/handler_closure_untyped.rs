use chirp::PeerBuilder;

fn handlers() {
    let _ = PeerBuilder::new().handle("a", |request| async move {
        Ok::<_, String>(request.params().len().to_string())
    });
}

fn main() {}
