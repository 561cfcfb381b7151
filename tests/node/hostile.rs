//! Nodes that break the rules, on purpose or not: nothing accumulates, and others are not affected.

use std::time::Duration;

use chirp::channel::Endpoint;
use chirp::{NodeState, RefusalReason};

use crate::nodes::{ArithClient, address, connected, node, refused, sees, state};
use crate::raw::{Raw, join};
use crate::support::{in_time, request, response};

const LEAVE: &str = "chirp.node.leave";

/// Says that the program has disconnected the other side, and waits for the answer.
async fn disconnect(raw: &mut Raw) {
    raw.send(&request(9, LEAVE, &[1, 0])).await;
    let answered = async { while raw.next_response().await.expect("an answer").0 != 9 {} };
    in_time(answered).await;
}

fn is_disconnected(state: &NodeState) -> bool {
    matches!(state, NodeState::Disconnected { .. })
}

async fn join_as(address: &str, name: &str, incarnation: u8, sequence: u8) -> Raw {
    let mut raw = Raw::connect(address).await;
    let params = join(name, "alpha", incarnation, sequence);
    let (code, data) = in_time(raw.join(&params)).await;
    assert_eq!((code, data[0]), (0, 0), "{name} has not joined");
    raw
}

/// F6.
#[tokio::test]
async fn long_texts_of_the_other_side_are_cut_wherever_they_go() {
    let address = address();
    let endpoint: Endpoint = address.parse().unwrap();
    let mut listener = endpoint.listen().await.unwrap();
    let alpha = node("alpha").start().await.unwrap();
    let mut events = alpha.watch();
    alpha.connect("beta", &address).unwrap();
    let text = |text: &str| {
        let len = u16::try_from(text.len()).unwrap();
        [&[0xfb][..], &len.to_le_bytes(), text.as_bytes()].concat()
    };
    let long = text(&"n".repeat(7000));
    let network = b"\x04test";
    let beta = b"\x04beta";
    let label = [text(&"\u{1}".repeat(3000)), vec![0]].concat();
    let answers: [&[&[u8]]; 4] = [
        &[&[1, 1], &long],
        &[&[0, 1], &long, network, &[7, 0, 0]],
        &[&[0, 1], beta, &long, &[7, 0, 0]],
        &[&[0, 1], beta, network, &[7, 0, 2], &label, &label],
    ];
    for answer in answers {
        let mut raw = in_time(Raw::accept(&mut listener)).await;
        let (id, ..) = in_time(raw.next_request()).await.unwrap();
        raw.send(&response(id, 0, &answer.concat())).await;
        let (refusal, _) = refused(&mut events).await;
        assert!(refusal.message.len() <= 1024, "{}", refusal.message.len());
    }
    // An error of the call itself.
    let mut raw = in_time(Raw::accept(&mut listener)).await;
    let (id, ..) = in_time(raw.next_request()).await.unwrap();
    raw.send(&response(id, 255, &vec![0x41; 60_000])).await;
    state(&alpha, "beta", |state| match state {
        NodeState::Waiting { reason } => {
            assert!(reason.len() <= 1024, "{}", reason.len());
            reason.starts_with("cannot join")
        }
        _ => false,
    })
    .await;
    // A join.
    let address = crate::nodes::address();
    alpha.listen(&address).await.unwrap();
    let mut raw = Raw::connect(&address).await;
    let mut params = join("evil", "alpha", 7, 1);
    params.pop();
    params.extend([&[2], &*label, &label].concat());
    in_time(raw.join(&params)).await;
    let (refusal, _) = refused(&mut events).await;
    assert!(refusal.message.len() <= 1024, "{}", refusal.message.len());
}

#[tokio::test]
async fn a_refusal_is_one_line_of_a_log() {
    let address = address();
    let endpoint: Endpoint = address.parse().unwrap();
    let mut listener = endpoint.listen().await.unwrap();
    let alpha = node("alpha").start().await.unwrap();
    let mut events = alpha.watch();
    alpha.connect("beta", &address).unwrap();
    let mut raw = in_time(Raw::accept(&mut listener)).await;
    let (id, ..) = in_time(raw.next_request()).await.unwrap();
    raw.send(&response(id, 0, b"\x01\x01\x08no\nalpha")).await;
    let (refusal, _) = refused(&mut events).await;
    assert_eq!(&*refusal.message, "no alpha");
}

#[tokio::test]
async fn connections_that_were_left_do_not_accumulate() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let mut held = Vec::new();
    for _ in 0..100 {
        let mut raw = join_as(&address, "evil", 7, 1).await;
        disconnect(&mut raw).await;
        held.push(raw);
    }
    // Sooner than keep-alive would find that these answer nothing.
    let closed = async {
        while alpha.connections() > 33 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(12), closed)
        .await
        .expect("old connections are closed");
}

/// A node that says that it has disconnected this one, and stays.
#[tokio::test(start_paused = true)]
async fn a_connection_that_was_disconnected_ends() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let mut raw = join_as(&address, "evil", 7, 1).await;
    disconnect(&mut raw).await;
    state(&alpha, "evil", is_disconnected).await;
    tokio::time::timeout(Duration::from_secs(8), raw.ignore())
        .await
        .expect("the connection ends");
}

#[tokio::test]
async fn names_that_have_left_make_room_for_others() {
    let address = address();
    let builder = node("alpha").max_nodes(2).listen(&address);
    let alpha = builder.start().await.unwrap();
    for name in ["x1", "x2"] {
        let mut raw = join_as(&address, name, 7, 1).await;
        disconnect(&mut raw).await;
        drop(raw);
        state(&alpha, name, is_disconnected).await;
    }
    in_time(async {
        while alpha.connections() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let beta = node("beta")
        .connect("alpha", &address)
        .start()
        .await
        .unwrap();
    connected(&beta, "alpha").await;
}

#[tokio::test]
async fn one_connection_does_not_use_up_the_joins_of_others() {
    let address = address();
    let builder = node("alpha").max_joins_per_second(5).listen(&address);
    let alpha = builder.start().await.unwrap();
    let mut raw = Raw::connect(&address).await;
    for _ in 0..20 {
        // Refused: it is meant for another node.
        in_time(raw.join(&join("evil", "other", 7, 1))).await;
    }
    join_as(&address, "beta", 7, 1).await;
    drop(alpha);
}

#[tokio::test(start_paused = true)]
async fn another_process_is_answered_if_the_first_disconnects_during_the_probe() {
    let address = address();
    // Connections that have not joined may stay.
    let builder =
        chirp::Node::builder("alpha")
            .network("test")
            .open_service(crate::nodes::ArithServer::new(crate::nodes::Calculator(
                "open".to_owned(),
            )));
    let alpha = builder.listen(&address).start().await.unwrap();
    let mut first = join_as(&address, "beta", 7, 1).await;
    let mut second = Raw::connect(&address).await;
    second
        .send(&request(1, "chirp.node.join", &join("beta", "alpha", 8, 1)))
        .await;
    // The probe.
    loop {
        let (_, method, _) = in_time(first.next_request()).await.unwrap();
        if alpha.connections() == 2 && method == "chirp.contract" {
            break;
        }
    }
    disconnect(&mut first).await;
    let (_, code, data) = in_time(second.next_response()).await.expect("an answer");
    assert_eq!((code, data[0]), (0, 0));
    sees(&alpha, &["beta"]).await;
}

#[tokio::test]
async fn a_late_leave_of_an_old_connection_does_not_end_new_links() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let mut one = join_as(&address, "beta", 7, 1).await;
    let mut other = join_as(&address, "beta", 7, 2).await;
    disconnect(&mut one).await;
    state(&alpha, "beta", is_disconnected).await;
    let _new = join_as(&address, "beta", 7, 3).await;
    disconnect(&mut other).await;
    assert!(alpha.peer("beta").is_connected());
}

#[tokio::test(start_paused = true)]
async fn a_program_that_asks_for_a_connection_does_not_wait_for_the_pause() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let beta = node("beta").refused_pause(Duration::from_mins(10));
    let beta = beta.connect("alpha", &address).start().await.unwrap();
    connected(&beta, "alpha").await;
    in_time(alpha.disconnect("beta")).await.unwrap();
    state(&beta, "alpha", is_disconnected).await;
    let mut events = beta.watch();
    beta.reconnect("alpha").unwrap();
    let (refusal, _) = refused(&mut events).await;
    assert_eq!(refusal.reason, RefusalReason::Disconnected);
    alpha.reconnect("beta").unwrap();
    beta.reconnect("alpha").unwrap();
    connected(&beta, "alpha").await;
}

/// Joins at once, dies in the middle of joins, and never reads.
#[tokio::test]
async fn joins_that_are_cut_off_leave_nothing() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let packet = request(1, "chirp.node.join", &join("evil", "alpha", 7, 1));
    for len in 0..packet.len() {
        let mut raw = Raw::connect(&address).await;
        raw.send(&packet[..len]).await;
    }
    for _ in 0..20 {
        let mut raw = Raw::connect(&address).await;
        raw.send(&packet).await;
    }
    in_time(async {
        while alpha.connections() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let beta = node("beta")
        .connect("alpha", &address)
        .start()
        .await
        .unwrap();
    assert_eq!(
        in_time(ArithClient::new(&beta.peer("alpha")).name())
            .await
            .unwrap(),
        "alpha"
    );
}

#[tokio::test]
async fn fifty_restarts_against_five_nodes_end_with_one_link_each() {
    let mut fleet = Vec::new();
    let mut addresses = Vec::new();
    for index in 0..5 {
        let address = address();
        let node = node(&format!("n{index}")).listen(&address);
        fleet.push(node.start().await.unwrap());
        addresses.push(address);
    }
    let mut last = None;
    for _ in 0..50 {
        // The process before dies.
        drop(last.take());
        let mut builder = node("restarts");
        for (index, address) in addresses.iter().enumerate() {
            builder = builder.connect(format!("n{index}"), address);
        }
        let started = builder.start().await.unwrap();
        connected(&started, "n3").await;
        last = Some(started);
    }
    let last = last.unwrap();
    let names: Vec<_> = (0..5).map(|index| format!("n{index}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    sees(&last, &names).await;
    for node in &fleet {
        sees(node, &["restarts"]).await;
        let settled = async {
            while node.connections() != 1 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        in_time(settled).await;
        let client = ArithClient::new(&node.peer("restarts"));
        assert_eq!(in_time(client.name()).await.unwrap(), "restarts");
    }
    assert!(last.connections() <= 5, "{}", last.connections());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_closed_while_it_connects_dials_no_more() {
    for _ in 0..200 {
        let address = address();
        let endpoint: Endpoint = address.parse().unwrap();
        let mut listener = endpoint.listen().await.unwrap();
        let alpha = node("alpha").start().await.unwrap();
        let closing = tokio::spawn({
            let alpha = alpha.clone();
            async move { alpha.close() }
        });
        let _ = alpha.connect("beta", &address);
        closing.await.unwrap();
        let mut count = 0;
        let dials = async {
            while listener.accept().await.is_ok() {
                count += 1;
                assert!(count < 3, "a closed node dials");
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(30), dials).await;
    }
}

#[tokio::test]
async fn events_tell_of_a_name_that_two_processes_claim() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let mut events = alpha.watch();
    let first = node("beta")
        .connect("alpha", &address)
        .start()
        .await
        .unwrap();
    connected(&first, "alpha").await;
    let second = node("beta")
        .connect("alpha", &address)
        .start()
        .await
        .unwrap();
    for _ in 0..3 {
        let (refusal, here) = refused(&mut events).await;
        assert!(here);
        assert_eq!(refusal.reason, RefusalReason::NameTaken);
    }
    assert_eq!(alpha.connected().len(), 1);
    drop((first, second));
}
