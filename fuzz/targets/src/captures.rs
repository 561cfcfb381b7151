//! Files of packets, as `chirp show` reads them.

use chirp_runtime::capture::{CaptureEvent, CaptureReader};

/// Runs the target: a file of any bytes is read to its end or to an error, in bounded time, and its connections are counted.
pub fn run(data: &[u8]) {
    let mut reader = CaptureReader::new(data);
    let mut connections = 0;
    // A file cannot have more events than bytes, apart from the ends of connections.
    for _ in 0..=2 * data.len() + 16 {
        match reader.next_event() {
            Ok(Some(CaptureEvent::Opened { connection, .. })) => {
                connections += 1;
                assert_eq!(connection, connections);
            }
            Ok(Some(_)) => {}
            Ok(None) => {
                assert_eq!(reader.summary().connections, connections);
                return;
            }
            Err(_) => return,
        }
    }
    panic!("a file of {} bytes has no end", data.len());
}
