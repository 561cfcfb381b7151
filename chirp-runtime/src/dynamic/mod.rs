//! Calls of methods whose types are not known to this program: by name, with values in JSON.

mod describe;
mod json_arguments;
mod json_caller;
mod json_request;
mod json_text;
mod statistics_report;
mod stats;

pub use json_arguments::JsonArguments;
pub use json_caller::JsonCaller;
pub use json_request::{JsonItems, JsonRequest, JsonRequestArgument};
pub use json_text::JsonText;
pub use statistics_report::{
    ConnectionList, ConnectionStatistics, MethodStatistics, StatisticsReport,
};
pub use stats::Statistics;
