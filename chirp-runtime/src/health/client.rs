use super::HealthStatus;
use crate::codec::{Bincode, CodecId};
use crate::packet::{HEALTH_CHECK_METHOD, HEALTH_WATCH_METHOD};
use crate::peer::{AsCaller, Call, CallError, Caller, MethodName};
use crate::service::Streamed;
use crate::stream::Receiver;

/// Asks a peer for the states of its services.
///
/// The peer answers if its program has set up [`Health`](super::Health). Otherwise calls fail with
/// [`CallError::UnknownMethod`].
#[derive(Clone, Debug)]
pub struct HealthClient {
    caller: Caller,
}

impl HealthClient {
    /// Creates a client of the peer that `caller` calls.
    pub fn new(caller: &impl AsCaller) -> Self {
        Self {
            caller: caller.as_caller(),
        }
    }

    /// Asks for the state of a service. The empty name stands for the program as a whole.
    ///
    /// # Errors
    ///
    /// The call fails as every call does, and with [`CallError::Decode`] if the answer is empty.
    pub fn check(&self, service: &str) -> Call<HealthStatus> {
        Call::new(
            self.caller.clone(),
            MethodName::from(HEALTH_CHECK_METHOD),
            Ok(service.as_bytes().to_vec().into()),
            |answer, _| match answer?.into_bytes()?.first() {
                Some(byte) => Ok(HealthStatus::from_byte(*byte)),
                None => Err(CallError::Decode("the state is missing".to_owned())),
            },
        )
        .idempotent()
    }

    /// Asks for the state of a service and all its changes. States that follow each other quickly may be skipped. The
    /// stream ends when the connection drains, after [`HealthStatus::NotServing`].
    pub fn watch(&self, service: &str) -> Call<Receiver<HealthStatus>> {
        Call::streaming(
            self.caller.clone(),
            MethodName::from(HEALTH_WATCH_METHOD),
            Ok(service.as_bytes().to_vec().into()),
            CodecId::Bincode,
            |answer, method| {
                <HealthStatus as Streamed<Bincode>>::receive(answer, method, |error, _| error)
            },
        )
    }
}
