use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The notification with items of a stream.
pub(in crate::jsonrpc::adapter) const ITEMS_METHOD: &str = "chirp.items";

/// The notification with which the receiver of a stream asks for more items.
pub(in crate::jsonrpc::adapter) const CREDIT_METHOD: &str = "chirp.credit";

/// The parameters of [`ITEMS_METHOD`].
#[derive(Debug, Deserialize)]
pub(in crate::jsonrpc::adapter) struct ItemsParams<'a> {
    /// The id of the request whose result the stream is.
    #[serde(borrow)]
    pub(in crate::jsonrpc::adapter) id: &'a RawValue,
    #[serde(borrow)]
    pub(in crate::jsonrpc::adapter) items: Vec<&'a RawValue>,
}

/// The parameters of [`CREDIT_METHOD`].
#[derive(Debug, Deserialize)]
pub(in crate::jsonrpc::adapter) struct CreditParams<'a> {
    /// The id of the request whose result the stream is.
    #[serde(borrow)]
    pub(in crate::jsonrpc::adapter) id: &'a RawValue,
    /// The number of items that may be sent in addition.
    pub(in crate::jsonrpc::adapter) count: u64,
}

/// Appends the parameters of [`ITEMS_METHOD`].
pub(in crate::jsonrpc::adapter) fn write_items(out: &mut Vec<u8>, id: &str, items: &[Bytes]) {
    out.extend_from_slice(b"{\"id\":");
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(b",\"items\":");
    write_list(out, items);
    out.push(b'}');
}

/// Appends an array of items, which are JSON.
pub(in crate::jsonrpc::adapter) fn write_list(out: &mut Vec<u8>, items: &[Bytes]) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(item);
    }
    out.push(b']');
}

/// Returns the parameters of [`CREDIT_METHOD`].
pub(in crate::jsonrpc::adapter) fn write_credit(id: u32, count: u64) -> String {
    format!("{{\"id\":{id},\"count\":{count}}}")
}
