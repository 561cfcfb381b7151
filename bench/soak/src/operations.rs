//! The operations of callers. Each checks its own answer.

use std::time::Duration;

use bytes::Bytes;
use chirp::packet::FrameworkError;
use chirp::{ByteReader, ByteWriter, CallError, Caller, MethodError, StreamError, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::content::{self, checksum};
use crate::failure::Failure;
use crate::ledger::{Knowledge, Ledger, NO_TICKET};
use crate::random::Random;
use crate::service::{WorkClient, WorkError, through};

/// An operation of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Add,
    Burst,
    Echo,
    EchoLarge,
    Fail,
    Deadline,
    Cancel,
    Panic,
    Grind,
    Block,
    Note,
    CallBack,
    Count,
    CountDropped,
    Total,
    TotalDropped,
    Relay,
    Download,
    Upload,
    Unknown,
}

/// The share of each operation among all, and its name.
const WEIGHTS: [(Operation, u64, &str); 20] = [
    (Operation::Add, 300, "add"),
    (Operation::Burst, 10, "burst of 100 calls"),
    (Operation::Echo, 100, "echo, small"),
    (Operation::EchoLarge, 20, "echo, up to 1 MiB"),
    (Operation::Fail, 40, "method fails"),
    (Operation::Deadline, 30, "deadline"),
    (Operation::Cancel, 60, "cancel"),
    (Operation::Panic, 10, "handler panics"),
    (Operation::Grind, 20, "blocking method"),
    (Operation::Block, 2, "handler blocks"),
    (Operation::Note, 50, "one-way call"),
    (Operation::CallBack, 50, "callback, nested"),
    (Operation::Count, 50, "stream of numbers"),
    (Operation::CountDropped, 30, "stream, receiver dropped"),
    (Operation::Total, 40, "stream to the server"),
    (Operation::TotalDropped, 20, "stream, sender dropped"),
    (Operation::Relay, 40, "streams both ways"),
    (Operation::Download, 15, "byte stream, download"),
    (Operation::Upload, 15, "byte stream, upload"),
    (Operation::Unknown, 10, "unknown method"),
];

const SIZES: [usize; 5] = [0, 1, 80, 1_000, 5_000];
const LARGE_SIZES: [usize; 4] = [16 << 10, 64 << 10, 256 << 10, 1 << 20];

type Done = Result<(), Failure>;

impl Operation {
    /// Chooses an operation.
    pub(crate) fn choose(random: &mut Random) -> Self {
        let total: u64 = WEIGHTS.iter().map(|(_, weight, _)| weight).sum();
        let mut left = random.below(total);
        for (operation, weight, _) in WEIGHTS {
            if left < weight {
                return operation;
            }
            left -= weight;
        }
        Self::Add
    }

    pub(crate) fn name(self) -> &'static str {
        let entry = WEIGHTS.iter().find(|(operation, ..)| *operation == self);
        entry.map_or("?", |(.., name)| name)
    }

    /// Runs the operation.
    pub(crate) async fn run(self, caller: &Caller, ledger: &Ledger, random: &mut Random) -> Done {
        let client = WorkClient::new(caller);
        let (a, b) = (random.below(1 << 40), random.below(1 << 40));
        match self {
            Self::Add => add(&client, ledger, a, b).await,
            Self::Burst => burst(&client, a).await,
            Self::Echo => {
                let data = content::bytes(a, random.one_of(&SIZES), random.below(2) == 0);
                echo(&client, &data).await
            }
            Self::EchoLarge => {
                let data = content::bytes(a, random.one_of(&LARGE_SIZES), random.below(2) == 0);
                echo(&client, &data).await
            }
            Self::Fail => fail(&client, a).await,
            Self::Deadline => deadline(&client, ledger, random.below(5)).await,
            Self::Cancel => cancel(&client, ledger, random.below(4)).await,
            Self::Panic => panic(&client, a).await,
            Self::Grind => is(1, client.grind(1).await?),
            Self::Block => is(3, client.block(3).await?),
            Self::Note => note(&client, ledger).await,
            Self::CallBack => call_back(&client, a, random.below(6) as u8).await,
            Self::Count => count(&client, a, random.below(3_000)).await,
            Self::CountDropped => count_dropped(&client, a, random.below(50)).await,
            Self::Total => total(&client, random.below(3_000)).await,
            Self::TotalDropped => total_dropped(&client, random.below(100)).await,
            Self::Relay => relay(&client, a, random.below(40)).await,
            Self::Download => download(&client, a, random.below(400_000)).await,
            Self::Upload => upload(&client, a, random.below(400_000)).await,
            Self::Unknown => unknown(caller).await,
        }
    }
}

fn is<T: PartialEq + std::fmt::Debug + Copy>(expected: T, value: T) -> Done {
    if expected == value {
        return Ok(());
    }
    Err(Failure::Wrong(format!(
        "{value:?} in place of {expected:?}"
    )))
}

fn wrong(what: impl Into<String>) -> Done {
    Err(Failure::Wrong(what.into()))
}

fn knowledge<T>(result: &Result<T, CallError>) -> Knowledge {
    match result {
        Ok(_) => Knowledge::Ran,
        Err(error) if error.is_safe_to_retry() => Knowledge::DidNotRun,
        Err(_) => Knowledge::MayHaveRun,
    }
}

async fn add(client: &WorkClient, ledger: &Ledger, a: u64, b: u64) -> Done {
    let ticket = ledger.ticket();
    let result = client.add(ticket, a, b).await;
    ledger.told(ticket, knowledge(&result));
    is(a + b, result?)
}

/// Makes many calls at once, which are written together.
async fn burst(client: &WorkClient, a: u64) -> Done {
    let mut calls = JoinSet::new();
    for b in 0..100 {
        let call = client.add(NO_TICKET, a, b);
        calls.spawn(async move { (b, call.await) });
    }
    while let Some(joined) = calls.join_next().await {
        let (b, result) = joined.map_err(|error| Failure::Wrong(error.to_string()))?;
        is(a + b, result?)?;
    }
    Ok(())
}

async fn echo(client: &WorkClient, data: &Bytes) -> Done {
    if client.echo(data).await? == *data {
        return Ok(());
    }
    wrong(format!("an echo of {} bytes differs", data.len()))
}

async fn fail(client: &WorkClient, number: u64) -> Done {
    match client.fail(number).await {
        Ok(value) if number.is_multiple_of(2) => is(number, value),
        Err(MethodError::Handler(WorkError::Refused { number: told }))
            if !number.is_multiple_of(2) =>
        {
            is(number, told)
        }
        Err(MethodError::Call(error)) => Err(error.into()),
        other => wrong(format!("{other:?} for number {number}")),
    }
}

/// Calls a method that takes longer than the caller waits.
async fn deadline(client: &WorkClient, ledger: &Ledger, millis: u64) -> Done {
    const LONG: u64 = 60_000;
    let ticket = ledger.ticket();
    let call = client.wait(ticket, LONG);
    let result = call.timeout(Duration::from_millis(millis)).await;
    ledger.told(ticket, knowledge(&result));
    match result {
        Err(CallError::DeadlineExceeded { .. }) => Ok(()),
        Err(CallError::NotConnected(_)) => Err(Failure::NoConnectionInTime),
        Err(error) => Err(error.into()),
        Ok(_) => wrong("a method returned long before its end"),
    }
}

/// Starts a call and drops it, at once or a little later.
async fn cancel(client: &WorkClient, ledger: &Ledger, millis: u64) -> Done {
    let ticket = ledger.ticket();
    let call = client.wait(ticket, 2).start();
    let waited = tokio::time::timeout(Duration::from_millis(millis), call).await;
    let Ok(result) = waited else {
        ledger.told(ticket, Knowledge::MayHaveRun);
        return Ok(());
    };
    ledger.told(ticket, knowledge(&result));
    is(2, result?)
}

async fn panic(client: &WorkClient, number: u64) -> Done {
    match client.panic(number).await {
        Err(CallError::Rejected {
            reason: FrameworkError::Panicked { .. },
            ..
        }) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(()) => wrong("a handler that panics has answered"),
    }
}

async fn note(client: &WorkClient, ledger: &Ledger) -> Done {
    let ticket = ledger.ticket();
    let sent = client.note(ticket).await;
    let knowledge = match &sent {
        Err(error) if error.is_safe_to_retry() => Knowledge::DidNotRun,
        _ => Knowledge::MayHaveRun,
    };
    ledger.told(ticket, knowledge);
    Ok(sent?)
}

async fn call_back(client: &WorkClient, value: u64, depth: u8) -> Done {
    let answer = client.call_back(value, depth).await?;
    is((0..=depth).fold(value, through), answer)
}

async fn count(client: &WorkClient, from: u64, many: u64) -> Done {
    let mut numbers = client.count(from, from + many).await?;
    for expected in from..from + many {
        match numbers.recv().await {
            Some(number) => is(expected, number?)?,
            None => return wrong(format!("a stream ended before {expected}")),
        }
    }
    match numbers.recv().await {
        None => Ok(()),
        Some(number) => {
            let number = number?;
            wrong(format!("{number} after the last number"))
        }
    }
}

/// Drops a stream without an end after some numbers.
async fn count_dropped(client: &WorkClient, from: u64, many: u64) -> Done {
    let mut numbers = client.count(from, u64::MAX).await?;
    for expected in from..from + many {
        match numbers.recv().await {
            Some(number) => is(expected, number?)?,
            None => return wrong("a stream without an end has ended"),
        }
    }
    Ok(())
}

async fn total(client: &WorkClient, many: u64) -> Done {
    let total = client.total(tokio_stream::iter(0..many)).await?;
    is((0..many).sum(), total)
}

/// Sends numbers and drops the sender: the receiver must not take that for the end.
async fn total_dropped(client: &WorkClient, many: u64) -> Done {
    let (mut sender, receiver) = stream::channel();
    let call = client.total(receiver).start();
    for number in 0..many {
        sender.send(number).await?;
    }
    drop(sender);
    match call.await {
        // The error of the method, which is sent as a text.
        Err(MethodError::Handler(StreamError::Failed(error)))
            if error.message == StreamError::Cancelled.to_string() =>
        {
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(total) => wrong(format!("a broken stream was added up: {total}")),
    }
}

async fn relay(client: &WorkClient, seed: u64, many: u64) -> Done {
    let piece = move |index| content::bytes(seed + index, (index * 97 % 5_000) as usize, true);
    let mut pieces = client
        .relay(tokio_stream::iter((0..many).map(piece)))
        .await?;
    for index in 0..many {
        match pieces.recv().await {
            Some(received) => {
                if received? != piece(index) {
                    return wrong(format!("piece {index} differs"));
                }
            }
            None => return wrong(format!("a stream ended before piece {index}")),
        }
    }
    match pieces.recv().await {
        None => Ok(()),
        Some(piece) => {
            let len = piece?.len();
            wrong(format!("a piece of {len} bytes after the last"))
        }
    }
}

async fn download(client: &WorkClient, seed: u64, length: u64) -> Done {
    let mut reader = ByteReader::new(client.download(seed, length).await?);
    let mut received = Vec::new();
    reader.read_to_end(&mut received).await?;
    if content::bytes(seed, length as usize, false) == received {
        return Ok(());
    }
    wrong(format!(
        "{} bytes of {length} were received, or they differ",
        received.len()
    ))
}

async fn upload(client: &WorkClient, seed: u64, length: u64) -> Done {
    let content = content::bytes(seed, length as usize, false);
    let (sender, receiver) = stream::channel();
    let call = client.upload(receiver).start();
    let mut writer = ByteWriter::new(sender);
    writer.write_all(&content).await?;
    writer.shutdown().await?;
    let (arrived, sum) = call.await?;
    is(length, arrived)?;
    is(checksum(0, &content), sum)
}

async fn unknown(caller: &Caller) -> Done {
    match caller.call("Work.nothing", Bytes::new()).await {
        Err(CallError::UnknownMethod { .. }) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => wrong("a method that nobody serves has answered"),
    }
}
