use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The state of a service: whether it can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HealthStatus {
    /// The peer knows no service of this name.
    #[default]
    Unknown,
    /// The service can be used.
    Serving,
    /// The service should not be used now. Its calls may fail.
    NotServing,
}

impl HealthStatus {
    /// Returns the byte for the state.
    pub(super) fn to_byte(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Serving => 1,
            Self::NotServing => 2,
        }
    }

    /// Returns the state for a byte. States of later versions are unknown.
    pub(super) fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Serving,
            2 => Self::NotServing,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Serving => "serving",
            Self::NotServing => "not serving",
        })
    }
}

/// One byte, as an item of a watch.
impl Serialize for HealthStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.to_byte())
    }
}

impl<'de> Deserialize<'de> for HealthStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(Self::from_byte)
    }
}
