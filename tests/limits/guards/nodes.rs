//! Nodes and the code that they call.

use async_trait::async_trait;
use chirp::{AddressList, Announcement, AsCaller, Discovered, Discovery, Node};

use super::{Once, soon};
use crate::support::echo;

/// Panics at each of its methods in turn, and when it is dropped.
struct Broken {
    begin: bool,
    once: Once,
}

#[async_trait]
impl Discovery for Broken {
    fn begin(&mut self, _: &Announcement) {
        assert!(!self.begin, "the discovery begins");
    }

    async fn next(&mut self) -> Option<Discovered> {
        panic!("the discovery goes on");
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        self.once.panic("a drop");
    }
}

#[tokio::test]
async fn discoveries() {
    let address = "inproc://guards of discoveries";
    let alpha = Node::builder("alpha").configure_peers(|peers| peers.handle("echo", echo));
    let _alpha = alpha.listen(address).start().await.unwrap();
    let list = AddressList::new();
    let mut beta = Node::builder("beta");
    for begin in [true, false] {
        let once = Once::default();
        beta = beta.discovery(Broken { begin, once });
    }
    let beta = beta.discovery(list.clone()).start().await.unwrap();
    let mut events = beta.watch();
    list.set("alpha", [address]).unwrap();
    soon(events.recv()).await.unwrap();
    let answer = soon(beta.peer("alpha").as_caller().call("echo", "alive")).await;
    assert_eq!(answer.unwrap(), "alive");
}
