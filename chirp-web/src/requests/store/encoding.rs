//! The parts of stored requests that JSON has no form of its own for.

/// Times, in milliseconds since 1970.
pub(super) mod time {
    use std::time::{Duration, SystemTime};

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn to_millis(time: SystemTime) -> u64 {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
    }

    pub(in super::super) fn serialize<S: Serializer>(
        time: &SystemTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(to_millis(*time))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SystemTime, D::Error> {
        let millis = u64::deserialize(deserializer)?;
        let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis));
        time.ok_or_else(|| serde::de::Error::custom("a time that this system cannot represent"))
    }
}

/// Times that may be missing.
pub(super) mod optional_time {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize, Serialize)]
    struct Millis(#[serde(with = "super::time")] SystemTime);

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(in super::super) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Millis).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        let time = Option::<Millis>::deserialize(deserializer)?;
        Ok(time.map(|Millis(time)| time))
    }
}

/// Bytes of a fixed number, in base64.
pub(super) mod array {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<const N: usize, S: Serializer>(
        bytes: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(in super::super) fn deserialize<'de, const N: usize, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(Error::custom)?;
        let bytes = bytes.try_into();
        bytes.map_err(|_| Error::custom(format_args!("there must be {N} bytes")))
    }
}

/// Metadata, as a list of entries.
pub(super) mod metadata {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use chirp_runtime::packet::Metadata;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize, Serialize)]
    struct MetadataEntry {
        key: String,
        /// In base64.
        value: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        optional: bool,
    }

    pub(in super::super) fn serialize<S: Serializer>(
        metadata: &Metadata,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(metadata.iter().map(|(key, value)| MetadataEntry {
            key: key.into(),
            value: STANDARD.encode(value),
            optional: metadata.is_optional(key),
        }))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Metadata, D::Error> {
        let mut metadata = Metadata::new();
        for entry in Vec::<MetadataEntry>::deserialize(deserializer)? {
            let value = STANDARD.decode(&entry.value).map_err(Error::custom)?;
            metadata.append(&entry.key, value).map_err(Error::custom)?;
            if entry.optional {
                metadata.optional(&entry.key);
            }
        }
        Ok(metadata)
    }
}

/// The place of a request in a trace, as its two headers.
pub(super) mod trace {
    use chirp_runtime::packet::TraceContext;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize, Serialize)]
    struct TraceHeaders {
        parent: String,
        state: String,
    }

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(in super::super) fn serialize<S: Serializer>(
        trace: &Option<TraceContext>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let headers = trace.as_ref().map(|trace| TraceHeaders {
            parent: trace.traceparent(),
            state: trace.state().into(),
        });
        headers.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<TraceContext>, D::Error> {
        let Some(headers) = Option::<TraceHeaders>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let trace = TraceContext::parse(&headers.parent).map_err(Error::custom)?;
        if headers.state.is_empty() {
            return Ok(Some(trace));
        }
        let trace = trace.with_state(&headers.state).map_err(Error::custom)?;
        Ok(Some(trace))
    }
}
