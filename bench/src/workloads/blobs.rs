//! Echoes of large blobs, four at a time.

use std::time::Duration;

use bytes::Bytes;

use crate::link::Link;
use crate::load::drive;
use crate::record::Reading;
use crate::rounds::Case;
use crate::system::{Client, Connection, Result, Skills};

const OUTSTANDING: usize = 4;

/// The type of the argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A plain `Vec<u8>`.
    Vec,
    /// The fastest type of the system; `&[u8]` for Chirp.
    Bytes,
}

/// All forms.
pub(super) const FORMS: [Form; 2] = [Form::Vec, Form::Bytes];

/// Echoes of one size in one form.
#[derive(Clone, Debug)]
pub(super) struct Blobs {
    pub(super) len: usize,
    pub(super) form: Form,
}

impl Case for Blobs {
    const WORKLOAD: &'static str = "blobs";

    fn name(&self) -> String {
        let form = match self.form {
            Form::Vec => "Vec<u8>",
            Form::Bytes => "best type",
        };
        format!("{} KiB, {form}", self.len >> 10)
    }

    fn link(&self) -> Option<Link> {
        Some(Link::Unix)
    }

    fn takes(&self, skills: Skills) -> bool {
        skills.concurrent
    }

    async fn round<C: Client>(
        self,
        connection: Connection<C>,
        time: Duration,
    ) -> Result<Vec<Reading>> {
        let client = connection.client;
        // Sends the received blob again, so that the harness copies nothing.
        let load = match self.form {
            Form::Vec => {
                let callers = vec![(client, vec![7; self.len]); OUTSTANDING];
                let call = move |(client, data): (C, Vec<u8>)| async move {
                    let data = client.blob(data).await?;
                    check(data.len(), self.len)?;
                    Ok((client, data))
                };
                drive(callers, time, call).await?
            }
            Form::Bytes => {
                let data = || Bytes::from(vec![7; self.len]);
                let callers = (0..OUTSTANDING).map(|_| (client.clone(), data()));
                let call = move |(client, data): (C, Bytes)| async move {
                    let data = client.bytes(data).await?;
                    check(data.len(), self.len)?;
                    Ok((client, data))
                };
                drive(callers.collect(), time, call).await?
            }
        };
        Ok(load.readings())
    }
}

fn check(len: usize, sent: usize) -> Result<()> {
    if len == sent {
        Ok(())
    } else {
        Err("wrong echo".into())
    }
}
