pub use std::boxed::Box;
pub use std::convert::Infallible;
pub use std::sync::Arc;

pub use crate::codec::form::*;
pub use crate::codec::{Bincode, CodecId, ServiceError, decode_fields, encode_fields};
pub use crate::packet::ErrorData;
pub use crate::peer::{
    AsCaller, Call, Cast, DuplicateMethod, MethodError, MethodId, Reply, Router,
};
pub use crate::service::*;
