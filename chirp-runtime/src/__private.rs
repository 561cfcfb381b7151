pub use std::boxed::Box;
pub use std::option::Option::Some;
pub use std::string::String;
pub use std::sync::Arc;
pub use std::vec::Vec;

pub use crate::__reflected as reflected;
pub use crate::__reflected_items as reflected_items;
pub use crate::__requires_schema as requires_schema;
pub use crate::__schema as schema;
#[cfg(feature = "reflect")]
pub use crate::codec::argument_table::ArgumentTable;
pub use crate::codec::data::{Data, Describe, Kept, MaybeError, NoError};
pub use crate::codec::encoder::Encoder;
pub use crate::codec::form::{Blob, CowSlice8, CowStr, Lent, Opt, Owned, Slice, Slice8, Str};
#[cfg(feature = "reflect")]
pub use crate::codec::service_error::DescribeErrors;
pub use crate::codec::service_error::{Failure, Field, FieldDecoder, FieldEncoder};
pub use crate::codec::wire::{Argument, Parameter, Returned, Wire, WireBorrowed};
pub use crate::codec::{Bincode, Chosen, Codec, CodecId, ServiceError};
pub use crate::packet::ErrorData;
pub use crate::peer::{
    AsCaller, BlockingPool, Call, ClientLayer, Layer, MethodError, MethodId, OneWayCall,
    RetryPolicy, RouteError, Router,
};
pub use crate::service::*;
pub use crate::stream::{IntoReceiver, ItemError, Receiver, Sender};

/// The method of a generated client that makes its calls in JSON, which exists with the feature `json` of this crate.
#[cfg(feature = "json")]
#[doc(hidden)]
#[macro_export]
macro_rules! __json_client {
    ([$($vis:tt)*] [$($phantom:tt)*]) => {
        /// Makes the calls of the returned client in JSON, whatever the codec of the service is: a method `Name` is called
        /// as `Name;json`, with its arguments by name. The other side needs neither Rust nor this service's codec.
        #[must_use]
        $($vis)* fn with_json(self) -> Self {
            Self(self.0.with_json() $($phantom)*)
        }
    };
}

/// Without the feature `json`, clients have no such method.
#[cfg(not(feature = "json"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __json_client {
    ($($tokens:tt)*) => {};
}

pub use crate::__json_client as json_client;
