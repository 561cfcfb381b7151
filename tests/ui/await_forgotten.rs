#![deny(unused_must_use)]

#[chirp::service]
trait Log {
    async fn flush(&self);
    #[chirp(oneway)]
    async fn line(&self, text: &str);
}

fn log(client: &LogClient) {
    client.flush();
    client.line("hello");
}

fn main() {}
