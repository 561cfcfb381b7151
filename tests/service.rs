//! What `#[chirp::service]` generates, through the public interface: calls of implementations in this
//! process, which are encoded and decoded as on a connection.

use std::borrow::Cow;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use chirp::{CallContext, CallError, MethodError};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct SumDiff {
    sum: i64,
    diff: i64,
}

/// Integer arithmetic.
#[chirp::service]
trait Arith {
    /// Sum and difference.
    async fn sum_diff(&self, a: i64, b: i64) -> Result<SumDiff, chirp::packet::ErrorData>;
    fn version(&self) -> u32;
    async fn digest(&self, name: &str, data: &[u8]) -> u64;
    #[chirp(oneway)]
    async fn log(&self, line: &str);
    async fn notify_me(&self, cx: &CallContext, every: Duration) -> u64;
}

#[derive(Default)]
struct Calculator {
    lines: Mutex<Vec<String>>,
}

impl Arith for Calculator {
    async fn sum_diff(&self, a: i64, b: i64) -> Result<SumDiff, chirp::packet::ErrorData> {
        Ok(SumDiff {
            sum: a + b,
            diff: a - b,
        })
    }

    fn version(&self) -> u32 {
        7
    }

    async fn digest(&self, name: &str, data: &[u8]) -> u64 {
        tokio::task::yield_now().await;
        name.len() as u64 + data.iter().map(|&byte| u64::from(byte)).sum::<u64>()
    }

    async fn log(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    async fn notify_me(&self, _: &CallContext, every: Duration) -> u64 {
        every.as_secs()
    }
}

#[tokio::test]
async fn a_call_goes_there_and_back() {
    let arith = ArithClient::local(Calculator::default());
    assert_eq!(arith.sum_diff(100, 250).await.unwrap(), SumDiff { sum: 350, diff: -150 });
    assert_eq!(arith.version().await.unwrap(), 7);
    assert_eq!(arith.digest("name", &[1, 2, 255]).await.unwrap(), 262);
    arith.log("said \"hi\"\n").await.unwrap();
    assert_eq!(arith.notify_me(Duration::from_secs(3)).await.unwrap(), 3);
}
