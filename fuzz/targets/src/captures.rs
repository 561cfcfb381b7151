//! Files of packets, as `chirp show` reads them.

use chirp_runtime::capture::CaptureReader;

/// Runs the target: a file of any bytes is read to its end or to an error, in bounded time.
pub fn run(data: &[u8]) {
    let mut reader = CaptureReader::new(data);
    // A file cannot have more events than bytes, apart from the ends of connections.
    for _ in 0..=2 * data.len() + 16 {
        match reader.next_event() {
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return,
        }
    }
    panic!("a file of {} bytes has no end", data.len());
}
