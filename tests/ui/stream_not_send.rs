use futures_core::Stream;
use std::rc::Rc;

#[chirp::service]
trait Numbers {
    async fn count(&self) -> impl Stream<Item = u64>;
}

struct Local;

impl Numbers for Local {
    async fn count(&self) -> impl Stream<Item = u64> {
        let numbers = Rc::new([1, 2]);
        async_stream::stream! {
            for number in *numbers {
                yield number;
            }
        }
    }
}

fn main() {}
