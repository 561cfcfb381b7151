use super::Run;
use super::side::Side;

/// How far a side is in leaving the connection.
#[derive(Debug, Default)]
pub(crate) struct Departure {
    /// Whether this side shuts down at some time.
    pub(crate) leaves: bool,
    /// Whether this side has to say that it goes away.
    pub(crate) to_agree: bool,
    /// Whether this side has closed the channel.
    pub(crate) closed: bool,
}

impl Side {
    /// Agrees that the other side leaves, or says that this side does, now that the other side accepts it.
    pub(crate) fn agree(&mut self) -> bool {
        let agrees = std::mem::take(&mut self.departure.to_agree) && self.session.may_leave();
        if agrees {
            self.session.leave();
        }
        agrees
    }

    /// Whether this side closes the channel now. A side that refuses requests instead may lose one.
    fn closes(&self) -> bool {
        let session = &self.session;
        session.is_draining()
            && session.has_said_going_away()
            && session.may_close()
            && !session.has_output()
            && session.unsent() == 0
    }
}

impl Run {
    /// Closes the channel if a side wants to, and checks that no call is lost: the other side has an answer to every call,
    /// and none is on its way. Returns whether the channel is closed.
    pub(crate) fn try_close(&mut self, side: usize) -> bool {
        let [one, other] = &mut self.sides;
        let (this, that) = if side == 0 {
            (one, other)
        } else {
            (other, one)
        };
        this.departure.closed |= this.closes();
        // The other side reads up to the end.
        if !this.departure.closed || !that.inbox.is_empty() {
            return false;
        }
        assert!(
            that.calls.is_empty(),
            "seed {}: {}",
            self.seed,
            that.describe()
        );
        assert_eq!(that.one_way, 0, "seed {}: {}", self.seed, that.describe());
        // What it sends meanwhile has no call: see `Side::start`.
        while that.write(&mut this.inbox, usize::MAX) {}
        while this.read(usize::MAX) {}
        self.sides.iter_mut().for_each(Side::end);
        true
    }
}
