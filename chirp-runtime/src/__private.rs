pub use std::boxed::Box;
pub use std::option::Option::Some;
pub use std::sync::Arc;

pub use crate::codec::form::{Blob, CowSlice8, CowStr, Lent, Opt, Owned, Slice, Slice8, Str};
pub use crate::codec::{
    Bincode, Codec, CodecId, Data, Describe, Encoder, Failure, Field, FieldDecoder, FieldEncoder,
    ServiceError, Wire, WireBorrowed, decode, encode,
};
pub use crate::packet::ErrorData;
pub use crate::peer::{AsCaller, Call, Cast, DuplicateMethod, MethodError, MethodId, Router};
pub use crate::service::*;
