//! Reflection: descriptions of services, the shapes of types, and calls of any method in JSON.
//!
//! [`JsonCaller`] lists and calls the methods of a peer without their traits. [`Shapes`] finds how values of a serde type
//! are written, without a derive.

pub use chirp_runtime::dynamic::{
    ConnectionList, ConnectionStatistics, JsonArguments, JsonCaller, JsonItems, JsonRequest,
    JsonRequestArgument, JsonText, MethodStatistics, Statistics, StatisticsReport,
};
pub use chirp_runtime::reflect::*;
