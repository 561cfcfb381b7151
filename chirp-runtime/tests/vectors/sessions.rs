use bytes::{BufMut, Bytes};
use chirp_runtime::packet::{ErrorData, PacketDecoder, Payload, RequestPacket, ResultCode};
use chirp_runtime::session::{
    Batch, CallOutcome, Event, Fatal, InboundCallId, Limits, OutboundCallId, Refused, Session,
};
use serde_json::Value;

use crate::recording::{from_hex, list, text, to_hex};

/// One end of a recorded connection: a session with the handlers that the recordings were made with.
struct Player {
    session: Session,
    decoder: PacketDecoder,
    /// The running `callback` handler, with the call that it made.
    calling_back: Option<(InboundCallId, OutboundCallId)>,
    out: Vec<u8>,
}

impl Player {
    fn new() -> Self {
        let limits = Limits::default();
        Self {
            decoder: PacketDecoder::new(limits.max_payload),
            session: Session::new(limits),
            calling_back: None,
            out: Vec::new(),
        }
    }

    /// Handles bytes from the channel.
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Fatal> {
        self.decoder.buffer().put_slice(bytes);
        while let Some(incoming) = self.decoder.decode()? {
            match self.session.handle(incoming)? {
                Some(Event::Request(run, request)) => self.run(run, request),
                Some(Event::Interrupt(run)) => self.session.finish(run),
                Some(Event::Answered(call, outcome)) => self.called_back(call, outcome),
                Some(Event::Hello | Event::GoingAway(_) | Event::Packet(..)) | None => {}
            }
            self.transmit();
        }
        Ok(())
    }

    fn run(&mut self, run: InboundCallId, request: RequestPacket) {
        let (code, data): (_, Payload) = match request.method() {
            b"echo" => (ResultCode::Success, request.into_params().into()),
            b"fail" => {
                let text = String::from_utf8(request.params().to_vec()).expect("it is text");
                (
                    ResultCode::ServiceError,
                    ErrorData::from(text).encode().into(),
                )
            }
            b"edata" => {
                let error = ErrorData::new(17, "hey").with_data(&b"stuff"[..]);
                (ResultCode::ServiceError, error.encode().into())
            }
            b"eempty" => (
                ResultCode::ServiceError,
                ErrorData::default().encode().into(),
            ),
            b"wait" => return,
            b"callback" => {
                let call = self.call_back(request.into_params());
                self.calling_back = Some((run, call.expect("there is room")));
                return;
            }
            _ => (ResultCode::UnknownMethod, Payload::default()),
        };
        self.answer(run, code, data);
    }

    fn call_back(&mut self, params: Bytes) -> Result<OutboundCallId, Refused> {
        self.session
            .call(&Bytes::from_static(b"back"), &mut params.into())
    }

    fn called_back(&mut self, call: OutboundCallId, outcome: CallOutcome) {
        self.session.release(call);
        let (run, expected) = self.calling_back.take().expect("a handler called");
        assert_eq!(call, expected);
        match outcome {
            CallOutcome::Response(response) => {
                self.answer(run, response.code, response.data.into());
            }
            CallOutcome::TooLarge { .. } => panic!("it was small"),
        }
    }

    fn answer(&mut self, run: InboundCallId, code: ResultCode, mut data: Payload) {
        self.session.respond(run, code, &mut data);
        self.session.finish(run);
    }

    fn transmit(&mut self) {
        while let Ok(mut batch) = self.session.take_batch(Batch::default()) {
            while !batch.is_done() {
                let mut slices = [std::io::IoSlice::new(&[]); 4];
                let count = batch.slices(&mut slices);
                let before = self.out.len();
                slices[..count]
                    .iter()
                    .for_each(|slice| self.out.extend_from_slice(slice));
                batch.advance(self.out.len() - before);
            }
            self.session.batch_written();
        }
    }
}

/// Plays a recording whose bytes arrive in pieces of `piece` bytes.
fn check(recording: &Value, piece: usize) {
    let name = text(recording, "name");
    let mut player = Player::new();
    let feed = |player: &mut Player, hex: &str| {
        from_hex(hex)
            .chunks(piece)
            .try_for_each(|bytes| player.feed(bytes))
    };
    let packets = recording["in"].as_array().expect("a recording has input");
    let mut ended = packets
        .iter()
        .try_for_each(|packet| feed(&mut player, packet.as_str().expect("hex")));
    if let Some(then) = recording["in_then"].as_str() {
        assert_eq!(to_hex(&player.out), text(recording, "after_first_out"));
        ended = ended.and_then(|()| feed(&mut player, then));
    }
    let ended = ended.and_then(|()| player.decoder.finish().map_err(Fatal::from));
    assert_eq!(to_hex(&player.out), text(recording, "out"), "{name}");
    assert_eq!(
        ended.is_err(),
        recording["fatal"] == true,
        "{name}: {ended:?}"
    );
    if ended.is_ok() {
        // CH-T6: no call is left.
        assert_eq!(player.session.running(), 0, "{name}");
        assert_eq!(player.session.pending(), 0, "{name}");
        assert!(player.session.is_drained(), "{name}");
    }
}

#[test]
fn recorded_sessions_replay_identically() {
    let recordings = list("sessions");
    for recording in &recordings {
        for piece in [1, 3, 4096] {
            check(recording, piece);
        }
    }
    assert_eq!(recordings.len(), 17);
}
