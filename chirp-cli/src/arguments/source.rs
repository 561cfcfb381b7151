use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::pin::Pin;

use tokio::io::AsyncRead;

use crate::failure::Failure;

/// The longest input for one value, in bytes. Payloads are shorter by default; a stream has no such limit.
const MAX_VALUE: u64 = 256 << 20;

/// Where the contents of an argument come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    File(PathBuf),
    Stdin,
}

/// An open source.
pub(crate) struct OpenSource {
    pub(crate) reader: Pin<Box<dyn AsyncRead + Send>>,
    /// The number of bytes, if the source is a file of a known length.
    pub(crate) length: Option<u64>,
}

impl Source {
    /// Returns the source that is written behind an `@`.
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "-" => Self::Stdin,
            path => Self::File(path.into()),
        }
    }

    /// Reads everything.
    pub(super) fn read(&self) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let read = match self {
            Self::Stdin => io::stdin()
                .lock()
                .take(MAX_VALUE + 1)
                .read_to_end(&mut bytes),
            Self::File(path) => fs::File::open(path)
                .and_then(|file| file.take(MAX_VALUE + 1).read_to_end(&mut bytes)),
        };
        read.map_err(|error| Failure::file("read", self, &error))?;
        if bytes.len() as u64 > MAX_VALUE {
            return Err(Failure::usage(format!(
                "{self} is too long for one value: at most {} MiB",
                MAX_VALUE >> 20
            )));
        }
        Ok(bytes)
    }

    /// Reads everything as text.
    pub(super) fn read_text(&self) -> Result<String, Failure> {
        String::from_utf8(self.read()?)
            .map_err(|_| Failure::usage(format!("{self} is not text: it is not UTF-8")))
    }

    /// Opens the source for reading it piece by piece.
    pub(super) async fn open(&self) -> Result<OpenSource, Failure> {
        match self {
            Self::Stdin => Ok(OpenSource {
                reader: Box::pin(tokio::io::stdin()),
                length: None,
            }),
            Self::File(path) => {
                let opened = async {
                    let file = tokio::fs::File::open(path).await?;
                    let metadata = file.metadata().await?;
                    if metadata.is_dir() {
                        return Err(io::ErrorKind::IsADirectory.into());
                    }
                    let length = metadata.is_file().then_some(metadata.len());
                    Ok((file, length))
                };
                let (file, length) = opened
                    .await
                    .map_err(|error| Failure::file("read", self, &error))?;
                Ok(OpenSource {
                    reader: Box::pin(file),
                    length,
                })
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}
