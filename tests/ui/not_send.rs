#[chirp::service]
pub trait Arith {
    async fn wait(&self);
}

struct Waits;
impl Arith for Waits {
    async fn wait(&self) {
        let here = std::rc::Rc::new(1);
        std::future::ready(()).await;
        drop(here);
    }
}

fn main() {}
