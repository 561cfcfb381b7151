//! Converting call errors into a program's error, and what they report about themselves.

use std::error::Error;
use std::time::Duration;

use anyhow::Context;
use chirp::packet::{ErrorData, FrameworkError, PacketType};
use chirp::{CallError, CallSite, Caller, ConnectionError, LimitOwner, MethodError, PacketRole};

use super::{DiskError, Later, StoreClient, StoreError, store};

/// A program's error with a variant for each service.
#[derive(Debug, thiserror::Error)]
enum ByService {
    #[error("the store: {0}")]
    Store(#[from] MethodError<StoreError>),
    #[error("too soon: {0}")]
    Later(#[from] MethodError<Later>),
    #[error(transparent)]
    Call(#[from] CallError),
}

/// A program's error with a variant for each cause.
#[derive(Debug, thiserror::Error)]
enum ByCause {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("it did not come through")]
    Call(#[from] CallError),
}

#[tokio::test]
async fn a_question_mark_is_enough() {
    async fn by_service(store: &StoreClient) -> Result<u64, ByService> {
        let size = store.size().await?;
        Ok(size + store.fail("").await? + store.later(3).await?)
    }
    async fn by_cause(store: &StoreClient) -> Result<u64, ByCause> {
        store.fail("read only").await.map_err(MethodError::flatten)
    }
    async fn boxed(store: &StoreClient) -> Result<u64, Box<dyn Error + Send + Sync>> {
        store.text().await?;
        Ok(store.size().await?)
    }
    async fn anyhow(store: &StoreClient) -> anyhow::Result<i32> {
        store.size().await?;
        store.parse("x").await.context("asking the store")
    }

    let error = by_service(&store()).await.unwrap_err();
    assert_eq!(error.to_string(), "too soon: try again in 3 s");
    let error = by_cause(&store()).await.unwrap_err();
    assert!(matches!(error, ByCause::Store(StoreError::ReadOnly)));
    let error = boxed(&store()).await.unwrap_err();
    assert_eq!(error.to_string(), "in words");
    let error = anyhow(&store()).await.unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "asking the store: invalid digit found in string"
    );
}

/// Every source is reachable, and no text is repeated.
#[tokio::test]
async fn error_sources_are_complete_and_not_repeated() {
    let error: anyhow::Error = store().fail("disk").await.unwrap_err().into();
    assert_eq!(format!("{error:#}"), "the disk failed: block 5 is bad");
    let cause = error.root_cause().downcast_ref::<DiskError>();
    assert_eq!(cause, Some(&DiskError { block: 5 }));
    assert!(error.downcast_ref::<MethodError<StoreError>>().is_some());
}

#[tokio::test]
async fn calls_of_different_errors_are_joined() {
    let store = store();
    let joined = async {
        // An infallible method's call joins with a fallible one's.
        tokio::try_join!(store.fail(""), store.size().err_into())
    };
    assert_eq!(joined.await.unwrap(), (1, 7));

    // Two methods with different errors need a common error type.
    let joined = async {
        tokio::try_join!(
            store.fail("").err_into::<ByService>(),
            store.later(5).err_into(),
            store.size().err_into(),
        )
    };
    let error = joined.await.unwrap_err();
    assert!(matches!(
        error,
        ByService::Later(MethodError::Handler(Later(5)))
    ));

    let joined = async {
        tokio::try_join!(
            store.fail("full").err_into::<anyhow::Error>(),
            store.text().err_into(),
        )
    };
    let error = joined.await.unwrap_err();
    assert_eq!(error.to_string(), format!("1 of {} bytes", u64::MAX));
}

/// A call with a mapped error is still sent, timed out and cancelled as before.
#[tokio::test(start_paused = true)]
async fn a_call_with_another_error_is_still_a_call() {
    let never = Caller::local(|_: chirp::Request| std::future::pending::<Result<(), ErrorData>>());
    let store = StoreClient::new(&never);
    let name = String::from("store");
    let call = store
        .size()
        .timeout(Duration::from_secs(1))
        .map_err(move |error| (name, error))
        .start();
    let (name, error) = call.await.unwrap_err();
    assert_eq!(name, "store");
    assert!(matches!(error, CallError::DeadlineExceeded { .. }));
    let late = store.size().err_into::<ByService>();
    let late = tokio::spawn(late.timeout(Duration::from_secs(1))).await;
    assert!(matches!(
        late.unwrap(),
        Err(ByService::Call(CallError::DeadlineExceeded { .. }))
    ));
}

/// Each failure reports whether the method may have run, and whether a retry makes sense.
#[test]
fn failures_say_whether_the_call_may_have_run() {
    let too_large = |what, whose| CallError::TooLarge {
        what,
        whose,
        limit: 9,
    };
    let refused = |reason: FrameworkError| CallError::Rejected {
        reason,
        message: reason.to_string(),
        site: CallSite::default(),
    };
    for (error, may_have_run, is_transient) in [
        (CallError::Encode(String::new()), false, false),
        (CallError::NameTooLong { len: 256 }, false, false),
        (CallError::ReservedName, false, false),
        (
            CallError::ReservedType {
                kind: PacketType(2),
            },
            false,
            false,
        ),
        (
            too_large(PacketRole::Request, LimitOwner::ThisSide),
            false,
            false,
        ),
        (
            too_large(PacketRole::Request, LimitOwner::OtherSide),
            false,
            false,
        ),
        (
            too_large(PacketRole::Answer, LimitOwner::ThisSide),
            true,
            false,
        ),
        (
            too_large(PacketRole::Custom, LimitOwner::ThisSide),
            false,
            false,
        ),
        (CallError::TooManyPending { limit: 1 }, false, true),
        (
            CallError::DeadlineExceeded {
                site: CallSite::default(),
            },
            true,
            true,
        ),
        (CallError::Cancelled, true, false),
        // A handler in Go may return the result code of a nested call, after it has run.
        (
            CallError::UnknownMethod {
                site: CallSite::default(),
            },
            true,
            false,
        ),
        (CallError::DuplicateRequest, true, false),
        (refused(FrameworkError::Overloaded), false, true),
        (refused(FrameworkError::ShuttingDown), false, true),
        (
            refused(FrameworkError::Panicked { reference: 1 }),
            true,
            false,
        ),
        (refused(FrameworkError::InvalidArguments), false, false),
        (refused(FrameworkError::Unsupported), false, false),
        (refused(FrameworkError::NoReply), true, false),
        (refused(FrameworkError::InvalidResult), true, false),
        (refused(FrameworkError::Other { code: 0xC7FE }), true, false),
        (CallError::Remote(ErrorData::new(1, "no")), true, false),
        (
            CallError::MalformedErrorData(ErrorData::default()),
            true,
            false,
        ),
        (CallError::Decode(String::new()), true, false),
        (
            CallError::ConnectionLost(ConnectionError::ClosedByPeer),
            true,
            true,
        ),
        (
            CallError::ConnectionLost(ConnectionError::ClosedHere),
            true,
            true,
        ),
    ] {
        assert_eq!(error.may_have_run(), may_have_run, "{error}");
        assert_eq!(error.is_safe_to_retry(), !may_have_run, "{error}");
        assert_eq!(error.is_transient(), is_transient, "{error}");
    }
}
