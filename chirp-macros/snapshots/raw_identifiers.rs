#[chirp::service(crate = ::chirp)]
trait RawIdentifiers {
    fn r#match(&self, r#type: u8) -> u8;
    async fn r#async(&self, r#fn: &str) {
        let _ = r#fn;
    }
}
