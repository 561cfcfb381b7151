use std::future::IntoFuture;
use std::time::{Duration, Instant};

use chirp::{CallError, MethodError};
use chirp_nats::{MulticastEnd, Nats, NatsServer};

use super::service::{ArithClient, ArithError, ArithServer, Calculator};
use super::support::{NatsProcess, until};

async fn servers(nats: &Nats, calculators: &[Calculator]) -> Vec<NatsServer> {
    let mut servers = Vec::new();
    for calculator in calculators {
        let server = nats
            .server()
            .service(ArithServer::new(calculator.clone()))
            .start();
        servers.push(server.await.expect("started"));
    }
    servers
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_answers_a_multicast() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let (hosting, calling) = (process.connect().await, process.connect().await);
    let calculators: Vec<_> = (0..5).map(|_| Calculator::default()).collect();
    let servers = servers(&hosting, &calculators).await;
    let arith = ArithClient::unbound();
    let all = calling
        .everyone()
        .gather(arith.sum_diff(1, 2))
        .expect(5)
        .await
        .expect("sent");
    assert_eq!(all.end, MulticastEnd::Expected);
    assert!(all.is_complete());
    assert!(
        all.answers
            .iter()
            .all(|answer| answer.result == Ok((3, -1)))
    );
    let mut from: Vec<_> = all.answers.iter().map(|answer| &*answer.from).collect();
    let mut ids: Vec<_> = servers.iter().map(NatsServer::id).collect();
    from.sort_unstable();
    ids.sort_unstable();
    assert_eq!(from, ids);
    // Errors are those of the method.
    let failed = calling
        .everyone()
        .gather(arith.divide(1, 0))
        .await
        .expect("sent");
    assert_eq!(failed.end, MulticastEnd::Quiet);
    assert!(!failed.is_complete(), "nobody knows how many there are");
    let error = Err(MethodError::Handler(ArithError::ByZero(1)));
    assert_eq!(failed.answers.len(), 5);
    assert!(failed.answers.iter().all(|answer| answer.result == error));
    // A sixth that does not exist.
    let six = calling.everyone().gather(arith.sum_diff(1, 2)).expect(6);
    let six = six.timeout(Duration::from_millis(300)).await.expect("sent");
    assert_eq!((six.answers.len(), six.end), (5, MulticastEnd::TimedOut));
    let two = calling
        .everyone()
        .gather(arith.sum_diff(1, 2))
        .max(2)
        .await
        .expect("sent");
    assert_eq!((two.answers.len(), two.end), (2, MulticastEnd::Full));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_multicast_without_servers_ends_at_once() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let begin = Instant::now();
    let none = nats
        .everyone()
        .gather(ArithClient::unbound().sum_diff(1, 2))
        .expect(3);
    let none = none.timeout(Duration::from_mins(1)).await.expect("sent");
    assert_eq!((none.answers.len(), none.end), (0, MulticastEnd::NoServers));
    assert!(none.is_complete());
    assert!(begin.elapsed() < Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_multicast_is_cancelled_everywhere() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let (hosting, calling) = (process.connect().await, process.connect().await);
    let calculators: Vec<_> = (0..3).map(|_| Calculator::default()).collect();
    let servers = servers(&hosting, &calculators).await;
    let waiting = || calculators.iter().map(Calculator::waiting).sum::<usize>();
    let all = calling
        .everyone()
        .gather(ArithClient::unbound().wait())
        .expect(3);
    let all = tokio::spawn(all.into_future());
    until(|| waiting() == 3).await;
    all.abort();
    until(|| waiting() == 0).await;
    until(|| servers.iter().all(|server| server.running_calls() == 0)).await;
    until(|| calling.pending_calls() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_way_calls_go_to_one_server_or_to_all() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let (hosting, calling) = (process.connect().await, process.connect().await);
    let calculators: Vec<_> = (0..3).map(|_| Calculator::default()).collect();
    let _servers = servers(&hosting, &calculators).await;
    let notes = || calculators.iter().map(Calculator::notes).sum::<usize>();
    ArithClient::new(&calling).note(1).await.expect("sent");
    until(|| notes() == 1).await;
    let all = calling
        .everyone()
        .gather(ArithClient::unbound().note(10))
        .await
        .expect("sent");
    assert_eq!(all.end, MulticastEnd::OneWay);
    until(|| notes() == 31).await;
    assert_eq!(ArithClient::new(&calling).sum_diff(1, 2).await, Ok((3, -1)));
    assert_eq!(notes(), 31, "one server had the first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_sent_is_no_template() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let sent = ArithClient::new(&nats).sum_diff(1, 2).start();
    let error = nats.everyone().gather(sent).await;
    assert!(matches!(error, Err(CallError::NotTemplate(_))), "{error:?}");
}
