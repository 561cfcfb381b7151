#[chirp::service]
pub trait DefaultBodies {
    fn now(&self, a: u8) -> u8 {
        a + 1
    }
    async fn later(&self, a: u8, _unused: String) -> u8 {
        let a = a + self.now(a);
        a * 2
    }
    async fn nothing(&self) {}
}
