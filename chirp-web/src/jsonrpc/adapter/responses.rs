//! Responses of the other side to calls of this side.

use chirp_runtime::packet::ResultCode;

use super::packets::{respond, respond_error};
use super::translator::{Translated, Translator};
use crate::jsonrpc::errors::{self, CANCELLED};
use crate::jsonrpc::message::{ErrorObject, METHOD_NOT_FOUND};

impl Translator {
    /// Removes the call of this side that a response is for. Some programs print the id of a request in another way, such as
    /// `1.0` or `"1"` for `1`.
    pub(super) fn end_call(&mut self, id: &str) -> Option<u32> {
        let inside = id.strip_prefix('"').and_then(|id| id.strip_suffix('"'));
        let id = inside.unwrap_or(id);
        let number = match id.parse() {
            Ok(number) => number,
            Err(_) => whole(id.parse().ok()?)?,
        };
        self.calls.remove(&number).then_some(number)
    }

    /// Ends a call of this side.
    pub(super) fn handle_outcome(
        &mut self,
        call: u32,
        outcome: Result<&str, ErrorObject<'_>>,
        out: &mut Translated,
    ) {
        if self.received.contains(call) {
            return self.end_received(call, outcome, out);
        }
        match outcome {
            Ok(result) => respond(call, ResultCode::Success, result.as_bytes(), out),
            Err(error) if error.code == METHOD_NOT_FOUND => {
                respond(call, ResultCode::UnknownMethod, &[], out);
            }
            Err(error) if error.code == CANCELLED => {
                respond(call, ResultCode::Cancelled, &[], out);
            }
            Err(error) => respond_error(call, &errors::from_json(&error), out),
        }
    }
}

/// Returns a number without fraction.
fn whole(number: f64) -> Option<u32> {
    let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number is in range"
    )]
    is_whole.then_some(number as u32)
}
