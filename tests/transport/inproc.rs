//! Named endpoints within a process, and the streams between them: ST-T1 to ST-T17.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use chirp::channel::{Endpoint, InprocError, InprocListener, InprocStream, Listener};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::Instant;

/// A name that no other test uses.
fn name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("test {}", COUNT.fetch_add(1, Ordering::Relaxed))
}

async fn connected() -> (InprocStream, InprocStream) {
    let name = name();
    let mut listener = InprocListener::bind(&name).unwrap();
    let (dialled, accepted) = tokio::join!(InprocStream::connect(&name), listener.accept_stream());
    (dialled.unwrap(), accepted)
}

/// A connect that is in the backlog.
async fn waiting(name: &str) -> tokio::task::JoinHandle<io::Result<InprocStream>> {
    let name = name.to_owned();
    let mut dial = Box::pin(async move { InprocStream::connect(&name).await });
    assert!(
        std::future::poll_fn(|cx| Poll::Ready(dial.as_mut().poll(cx)))
            .await
            .is_pending()
    );
    tokio::spawn(dial)
}

fn is(error: &io::Error, kind: ErrorKind, inproc: &InprocError) {
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(InprocError::of(error), Some(inproc));
}

#[tokio::test]
async fn st_t1_both_get_a_stream_and_its_address() {
    let name = name();
    let mut listener = InprocListener::bind(&name).unwrap();
    let dial = tokio::spawn({
        let name = name.clone();
        async move { InprocStream::connect(&name).await }
    });
    let mut accepted = listener.accept_stream().await;
    let mut dialled = dial.await.unwrap().unwrap();
    assert_eq!((dialled.name(), accepted.name()), (&*name, &*name));
    assert_eq!(listener.endpoint().to_string(), format!("inproc://{name}"));
    dialled.write_all(b"there").await.unwrap();
    accepted.write_all(b"back").await.unwrap();
    let mut five = [0; 5];
    accepted.read_exact(&mut five).await.unwrap();
    assert_eq!(&five, b"there");
    dialled.read_exact(&mut five[..4]).await.unwrap();
    assert_eq!(&five[..4], b"back");
}

#[tokio::test]
async fn st_t2_a_name_in_use_is_refused() {
    let name = name();
    let _listener = InprocListener::bind(&name).unwrap();
    let taken = InprocListener::bind(&name).unwrap_err();
    is(
        &taken,
        ErrorKind::AddrInUse,
        &InprocError::InUse { name: name.clone() },
    );
    // The same through its address.
    let endpoint: Endpoint = format!("inproc://{name}").parse().unwrap();
    let taken = endpoint.listen().await.err().unwrap();
    is(&taken, ErrorKind::AddrInUse, &InprocError::InUse { name });
    assert!(taken.to_string().contains(&endpoint.to_string()), "{taken}");
}

#[tokio::test]
async fn st_t3_nobody_listens() {
    let name = name();
    let refused = InprocStream::connect(&name).await.unwrap_err();
    let expected = InprocError::Refused { name: name.clone() };
    is(&refused, ErrorKind::ConnectionRefused, &expected);
    let endpoint = Endpoint::Inproc(name);
    let refused = endpoint.connect().await.unwrap_err();
    is(&refused, ErrorKind::ConnectionRefused, &expected);
    let nameless = InprocListener::bind("").unwrap_err();
    is(&nameless, ErrorKind::InvalidInput, &InprocError::Nameless);
}

#[tokio::test]
async fn st_t4_what_was_written_does_not_change_with_its_buffer() {
    let (mut one, mut other) = connected().await;
    let original: Vec<u8> = (0..=255).cycle().take(1024).collect();
    let mut buffer = original.clone();
    one.write_all(&buffer).await.unwrap();
    buffer.fill(0xEE);
    let mut echoed = vec![0; 1024];
    other.read_exact(&mut echoed).await.unwrap();
    other.write_all(&echoed).await.unwrap();
    echoed.fill(0xEE);
    one.read_exact(&mut buffer).await.unwrap();
    assert_eq!(buffer, original);
}

#[tokio::test]
async fn st_t5_what_was_written_before_the_end_is_read() {
    let (mut one, mut other) = connected().await;
    one.write_all(b"abc").await.unwrap();
    one.write_all(b"def").await.unwrap();
    drop(one);
    let mut read = Vec::new();
    other.read_to_end(&mut read).await.unwrap();
    assert_eq!(read, b"abcdef");
    assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn st_t6_the_33rd_that_waits_is_one_too_many() {
    let name = name();
    let mut listener = InprocListener::bind(&name).unwrap();
    let mut dials = Vec::new();
    for _ in 0..32 {
        dials.push(waiting(&name).await);
    }
    let full = InprocError::QueueFull {
        name: name.clone(),
        backlog: 32,
    };
    let error = InprocStream::connect(&name).await.unwrap_err();
    is(&error, ErrorKind::ResourceBusy, &full);
    assert!(full.is_temporary());
    // A connect that gave up frees a place, and so does an accept.
    dials.pop().unwrap().abort();
    tokio::task::yield_now().await;
    dials.push(waiting(&name).await);
    InprocStream::connect(&name).await.unwrap_err();
    listener.accept_stream().await;
    dials.push(waiting(&name).await);
    for _ in 0..32 {
        listener.accept_stream().await;
    }
    for dial in dials {
        dial.await.unwrap().unwrap();
    }
    // A backlog other than the default.
    drop(listener);
    let _listener = InprocListener::bind_with_backlog(&name, 1).unwrap();
    let _first = waiting(&name).await;
    let error = InprocStream::connect(&name).await.unwrap_err();
    is(
        &error,
        ErrorKind::ResourceBusy,
        &InprocError::QueueFull { name, backlog: 1 },
    );
}

#[tokio::test(start_paused = true)]
async fn st_t7_a_read_that_times_out_keeps_what_came() {
    let (mut one, mut other) = connected().await;
    one.write_all(b"part").await.unwrap();
    let mut read = BytesMut::new();
    let all = tokio::time::timeout(Duration::from_secs(1), async {
        while read.len() < 10 {
            other.read_buf(&mut read).await.unwrap();
        }
    });
    all.await.expect_err("six bytes never come");
    assert_eq!(&read[..], b"part");
    // A write times out when the other side does not read, and reports how much was written.
    let mut written = 0;
    let all = tokio::time::timeout(Duration::from_secs(1), async {
        loop {
            written += other.write(&[7; 1000]).await.unwrap();
        }
    });
    all.await.expect_err("nobody reads");
    assert_eq!(written, 64 << 10);
}

#[tokio::test]
async fn st_t10_a_read_gives_no_more_than_was_asked_for() {
    let (mut one, mut other) = connected().await;
    one.write_all(&[1; 64]).await.unwrap();
    let mut buffer = vec![0; 64];
    assert_eq!(other.read(&mut buffer[..10]).await.unwrap(), 10);
    assert_eq!(buffer[10..], [0; 54]);
    assert_eq!(other.read(&mut []).await.unwrap(), 0);
    // The rest is kept for the next read.
    assert_eq!(other.read(&mut buffer).await.unwrap(), 54);
}

#[tokio::test]
async fn st_t11_a_read_gives_what_there_is() {
    let (mut one, other) = connected().await;
    one.write_all(b"hello").await.unwrap();
    let mut other = BufReader::new(other);
    let mut buffer = [0; 100];
    assert_eq!(other.read(&mut buffer).await.unwrap(), 5);
    one.write_all(b"a li").await.unwrap();
    one.write_all(b"ne\nand more").await.unwrap();
    let mut line = String::new();
    other.read_line(&mut line).await.unwrap();
    assert_eq!(line, "a line\n");
}

#[tokio::test]
async fn st_t12_closing_twice_is_well_and_writing_after_it_fails() {
    let (mut one, mut other) = connected().await;
    one.shutdown().await.unwrap();
    one.shutdown().await.unwrap();
    let error = one.write_all(b"x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    // One half is closed; the other half works.
    assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 0);
    other.write_all(b"back").await.unwrap();
    let mut four = [0; 4];
    one.read_exact(&mut four).await.unwrap();
    assert_eq!(&four, b"back");
    one.close_read();
    one.close_read();
    drop(one);
    let error = other.write_all(b"x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    other.shutdown().await.unwrap();
}

#[tokio::test]
async fn st_t13_a_write_to_nobody_always_fails_and_writes_nothing() {
    for _ in 0..200 {
        let (mut one, other) = connected().await;
        let (reader, writer) = other.into_split();
        drop(reader);
        let error = one.write(b"abc").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        drop(writer);
        one.write(b"abc").await.unwrap_err();
    }
    // A write that waits for space fails.
    let (mut one, other) = connected().await;
    one.write_all(&vec![0; 64 << 10]).await.unwrap();
    let blocked = tokio::spawn(async move { one.write(b"x").await });
    tokio::task::yield_now().await;
    drop(other);
    assert_eq!(
        blocked.await.unwrap().unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
}

#[tokio::test]
async fn st_t14_reading_what_was_closed_gives_the_end_at_once() {
    let (mut one, mut other) = connected().await;
    other.write_all(b"unread").await.unwrap();
    one.close_read();
    assert_eq!(one.read(&mut [0; 8]).await.unwrap(), 0);
    let error = other.write(b"x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    // The other direction still works.
    one.write_all(b"on").await.unwrap();
    assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn st_t15_a_deadline_wakes_a_read_that_blocks() {
    let (_one, mut other) = connected().await;
    let begin = Instant::now();
    let mut deadline = Box::pin(tokio::time::sleep(Duration::from_hours(1)));
    let mut buffer = [0; 8];
    {
        let mut read = Box::pin(other.read(&mut buffer));
        assert!(
            std::future::poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx)))
                .await
                .is_pending()
        );
        // The read blocks, and its deadline is moved forward.
        deadline.as_mut().reset(begin + Duration::from_secs(1));
        tokio::select! {
            _ = read => panic!("nothing comes"),
            () = deadline => {}
        }
    }
    assert_eq!(begin.elapsed().as_secs(), 1);
    // A deadline that has passed takes precedence over waiting bytes, if it is polled first.
    let (mut one, mut other) = connected().await;
    for _ in 0..200 {
        one.write_all(b"x").await.unwrap();
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(begin) => {}
            _ = other.read(&mut buffer) => panic!("the deadline has passed"),
        }
    }
    assert_eq!(
        tokio::time::timeout(Duration::ZERO, other.read(&mut buffer))
            .await
            .unwrap()
            .unwrap(),
        8
    );
}

#[tokio::test]
async fn st_t16_a_connect_that_gave_up_is_passed_over() {
    let name = name();
    let mut listener = InprocListener::bind(&name).unwrap();
    for _ in 0..5 {
        waiting(&name).await.abort();
    }
    tokio::task::yield_now().await;
    let good = waiting(&name).await;
    let mut accepted = listener.accept_stream().await;
    let mut dialled = good.await.unwrap().unwrap();
    dialled.write_all(b"x").await.unwrap();
    assert_eq!(accepted.read(&mut [0; 8]).await.unwrap(), 1);
    // A cancelled accept loses no connection either.
    {
        let mut accept = Box::pin(listener.accept_stream());
        assert!(
            std::future::poll_fn(|cx| Poll::Ready(accept.as_mut().poll(cx)))
                .await
                .is_pending()
        );
    }
    let (dialled, _accepted) = tokio::join!(InprocStream::connect(&name), listener.accept_stream());
    dialled.unwrap();
}

#[tokio::test]
async fn st_t17_a_listener_that_goes_frees_its_name_and_refuses_who_waits() {
    let name = name();
    let listener = InprocListener::bind(&name).unwrap();
    let dials = [waiting(&name).await, waiting(&name).await];
    drop(listener);
    for dial in dials {
        let refused = dial.await.unwrap().unwrap_err();
        is(
            &refused,
            ErrorKind::ConnectionRefused,
            &InprocError::Refused { name: name.clone() },
        );
    }
    InprocStream::connect(&name).await.unwrap_err();
    let mut listener = InprocListener::bind(&name).unwrap();
    let (dialled, _accepted) = tokio::join!(InprocStream::connect(&name), listener.accept_stream());
    dialled.unwrap();
}

/// Both ends send far more than the buffers hold, and nothing is lost or changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_amounts_pass_both_ways_at_once() {
    const MUCH: usize = 5 << 20;
    let (one, other) = connected().await;
    let side = |stream: InprocStream, seed: u8| {
        let (mut reader, mut writer) = stream.into_split();
        let data = move |seed: u8| {
            (0..=250)
                .cycle()
                .take(MUCH)
                .map(move |byte: u8| byte ^ seed)
        };
        let write = tokio::spawn(async move {
            let data: Vec<u8> = data(seed).collect();
            for part in data.chunks(7919) {
                writer.write_all(part).await.unwrap();
            }
        });
        let read = tokio::spawn(async move {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).await.unwrap();
            assert!(read.into_iter().eq(data(!seed)));
        });
        async move {
            write.await.unwrap();
            read.await.unwrap();
        }
    };
    tokio::join!(side(one, 0), side(other, !0));
}
