use std::path::Path;

use chirp::packet::{DESCRIBE_METHOD, ErrorData, FrameworkError};
use chirp::record::CaptureEvent;
use chirp::reflect::{Description, MethodDescription, ValueReader};

use super::calls::{CallTracker, PacketContents};
use super::file::{RecordFile, is_stdin};
use crate::failure::Failure;
use crate::reflection;

/// The maximum number of descriptions that are kept.
const MAX_DESCRIPTIONS: usize = 64;

/// The descriptions in a record, by which values are decoded.
#[derive(Debug, Default)]
pub(crate) struct Descriptions(Vec<Description>);

impl Descriptions {
    /// Collects the descriptions of a file, which need not come before the calls, and the one in `saved`.
    pub(crate) fn collect(path: &Path, saved: Option<&Path>) -> Result<Self, Failure> {
        let mut descriptions = Self::default();
        if let Some(saved) = saved {
            descriptions.0.push(reflection::read(saved)?);
        }
        if is_stdin(path) {
            return Ok(descriptions);
        }
        let mut file = RecordFile::open(path)?;
        let mut calls = CallTracker::default();
        // A damaged file is reported when it is read for good.
        while let Ok(Some(event)) = file.next() {
            let CaptureEvent::Packet { connection, packet } = event else {
                continue;
            };
            let packet = calls.packet(connection, packet);
            descriptions.note(packet.method.as_deref(), &packet.contents);
        }
        Ok(descriptions)
    }

    /// Keeps a description that is the answer to a question for it.
    pub(crate) fn note(&mut self, method: Option<&str>, contents: &PacketContents) {
        if let (Some(DESCRIBE_METHOD), PacketContents::Success(bytes)) = (method, contents)
            && self.0.len() < MAX_DESCRIPTIONS
            && let Ok(description) = serde_json::from_slice::<Description>(bytes)
            && !self.0.contains(&description)
        {
            self.0.push(description);
        }
    }

    /// Returns a method and a reader of its values, from the newest description that has it.
    pub(crate) fn method(&self, name: &str) -> Option<(ValueReader<'_>, &MethodDescription)> {
        let mut newest = self.0.iter().rev();
        newest.find_map(|description| ValueReader::of_method(description, name).ok())
    }

    /// Returns parameters in JSON.
    pub(crate) fn arguments(&self, method: &str, bytes: &[u8]) -> Option<String> {
        let (reader, described) = self.method(method)?;
        reader.arguments(described, bytes).ok()
    }

    /// Returns a result in JSON.
    pub(crate) fn result(&self, method: &str, bytes: &[u8]) -> Option<String> {
        if method == DESCRIBE_METHOD {
            return None;
        }
        let (reader, described) = self.method(method)?;
        match &described.result {
            Some(value) => reader.value(value, bytes).ok(),
            None => None,
        }
    }

    /// Returns an item in JSON. `argument` is the place of the stream among those that came with the call, or `None` for
    /// the result.
    pub(crate) fn item(
        &self,
        method: &str,
        argument: Option<usize>,
        codec: u8,
        bytes: &[u8],
    ) -> Option<String> {
        const JSON: u8 = 3;
        if codec == JSON {
            let value: &serde_json::value::RawValue = serde_json::from_slice(bytes).ok()?;
            return Some(value.get().to_owned());
        }
        let (reader, described) = self.method(method)?;
        let value = match argument {
            None => described.items.as_ref()?,
            Some(place) => {
                let mut streams = described
                    .arguments
                    .iter()
                    .filter(|argument| argument.stream);
                &streams.nth(place)?.value
            }
        };
        reader.value(value, bytes).ok()
    }

    /// Returns the name of an error, and its data in JSON.
    pub(crate) fn error(
        &self,
        method: Option<&str>,
        error: &ErrorData,
    ) -> (Option<String>, Option<String>) {
        if let Some(framework) = FrameworkError::from_error_data(error) {
            return (Some(format!("{framework:?}")), None);
        }
        let Some((reader, described)) = method.and_then(|method| self.method(method)) else {
            return (None, None);
        };
        let Some(known) = described
            .errors
            .iter()
            .find(|known| known.code == error.code)
        else {
            return (None, None);
        };
        let data = (!error.data.is_empty())
            .then(|| reader.error_data(known, &error.data).ok())
            .flatten();
        (Some(known.name.clone()), data)
    }
}
