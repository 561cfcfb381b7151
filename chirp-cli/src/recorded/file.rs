use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use chirp::record::{CaptureEvent, CaptureReader, CaptureSummary};

use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// A capture file that is being read.
pub(crate) struct RecordFile {
    reader: CaptureReader<Box<dyn Read>>,
    name: String,
}

impl RecordFile {
    /// Opens a file, or standard input for `-`.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let input: Box<dyn Read> = if is_stdin(path) {
            Box::new(io::stdin().lock())
        } else {
            let file = File::open(path).map_err(|error| Failure::file("read", &name, &error))?;
            Box::new(BufReader::with_capacity(256 << 10, file))
        };
        Ok(Self {
            reader: CaptureReader::new(input),
            name,
        })
    }

    /// Returns the next event, and `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<CaptureEvent>, Failure> {
        let event = self.reader.next_event();
        event.map_err(|error| Failure::new(ExitCode::Usage, format!("{}: {error}", self.name)))
    }

    pub(crate) fn summary(&self) -> CaptureSummary {
        self.reader.summary()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Returns whether a path stands for standard input, which can be read once.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}
