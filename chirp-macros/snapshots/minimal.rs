/// Greets people.
#[chirp::service]
pub trait Greeter {
    /// A greeting.
    async fn greet(&self, name: &str) -> String;
}
