use serde_json::Value;

use super::service::{ArithClient, ArithServer, Calculator};
use super::support::NatsProcess;

/// NATS ADR-32: the questions of `nats micro ls`, `info` and `stats`.
#[tokio::test(flavor = "multi_thread")]
async fn services_answer_the_questions_of_micro() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let server = nats
        .server()
        .service(ArithServer::new(Calculator::default()));
    let server = server.version("1.2.3").start().await.expect("started");
    let arith = ArithClient::new(&nats);
    assert_eq!(arith.sum_diff(1, 2).await, Ok((3, -1)));
    let _ = arith.divide(1, 0).await;
    let plain = process.plain().await;
    let ask = async |subject: String| {
        let response = plain.request(subject, "".into()).await.expect("answered");
        serde_json::from_slice::<Value>(&response.payload).expect("JSON")
    };
    let id = server.id();
    for part in [String::new(), ".Arith".to_owned(), format!(".Arith.{id}")] {
        let ping = ask(format!("$SRV.PING{part}")).await;
        assert_eq!(ping["type"], "io.nats.micro.v1.ping_response");
        assert_eq!(ping["name"], "Arith");
        assert_eq!(ping["id"], id);
        assert_eq!(ping["version"], "1.2.3");
        let info = ask(format!("$SRV.INFO{part}")).await;
        assert_eq!(info["type"], "io.nats.micro.v1.info_response");
        assert_eq!(
            info["description"],
            "Arithmetic, and what tests need to see."
        );
        let stats = ask(format!("$SRV.STATS{part}")).await;
        assert_eq!(stats["type"], "io.nats.micro.v1.stats_response");
    }
    let info = ask("$SRV.INFO.Arith".to_owned()).await;
    let endpoint = |of: &Value, subject: &str| {
        let endpoints = of["endpoints"].as_array().expect("a list");
        let found = endpoints
            .iter()
            .find(|endpoint| endpoint["subject"] == subject);
        found.expect("the endpoint is listed").clone()
    };
    let sum_diff = endpoint(&info, "Arith.sum_diff");
    assert_eq!(sum_diff["name"], "Arith-sum_diff");
    assert_eq!(sum_diff["queue_group"], "q");
    assert_eq!(sum_diff["metadata"]["documentation"], "Adds and subtracts.");
    assert_eq!(sum_diff["metadata"]["chirp.idempotent"], "true");
    let stats = ask("$SRV.STATS.Arith".to_owned()).await;
    let sum_diff = endpoint(&stats, "Arith.sum_diff");
    assert_eq!(sum_diff["num_requests"], 1);
    assert_eq!(sum_diff["num_errors"], 0);
    let divide = endpoint(&stats, "Arith.divide");
    assert_eq!(divide["num_errors"], 1);
    assert!(
        divide["last_error"]
            .as_str()
            .is_some_and(|text| text.contains("by zero"))
    );
}
