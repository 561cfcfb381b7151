//! The streams that are the results of calls, as notifications: `chirp.items` with the items, and `chirp.credit` with the
//! number of items that the receiver takes further.

mod message;
mod received;
mod sent;

pub(super) use message::{
    CREDIT_METHOD, CreditParams, ITEMS_METHOD, ItemsParams, write_credit, write_items, write_list,
};
pub(super) use received::{INITIAL_CREDIT, ReceivedStreams, TooManyItems, refuse};
pub(super) use sent::{ItemsTo, SentStreams, ToSend};

/// The number of the codec of items: JSON (PROTOCOL.md, section 9.5).
pub(super) const JSON: u8 = 3;
