use crate::reflect::{MethodDescription, ServiceDescription, ShapeTables};

/// A service that can be described.
pub(crate) trait ReflectedService: Send + Sync {
    /// Describes the service, without its methods.
    fn describe(&self) -> ServiceDescription;

    /// Describes the method with this index, without its names.
    fn describe_method(&self, index: usize, tables: &mut ShapeTables) -> MethodDescription;

    /// Returns the reason why the method with this index cannot be called in JSON, if its shapes show one.
    fn json_obstacle(&self, index: usize) -> Option<&str>;
}
