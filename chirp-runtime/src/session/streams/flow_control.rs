use super::store::RecvHalf;

/// The initial window of a stream, in bytes.
pub(super) const INITIAL_WINDOW: u32 = 16 << 10;
/// The number of streams from their opener that start with the initial window, without a grant.
pub(super) const UNREQUESTED_WINDOWS: usize = 1024;
/// The window of a stream when the shared budget is used up. It lets every stream make progress, even if the
/// others are idle.
const MIN_WINDOW: usize = 256;
/// The largest window of a stream, in bytes.
const MAX_WINDOW: usize = 1 << 20;
/// The budget that streams share, in bytes. All windows together have 32 MiB, of which 16 MiB are for windows
/// without a grant, and 4 MiB for minimal windows.
const SHARED_BUDGET: usize =
    (32 << 20) - UNREQUESTED_WINDOWS * INITIAL_WINDOW as usize - MAX_STREAMS * MIN_WINDOW;
/// The most streams that a connection can have.
pub(super) const MAX_STREAMS: usize = 16_384;

/// The flow-control windows of all receive halves.
#[derive(Debug, Default)]
pub(super) struct Windows {
    /// Bytes of the shared budget that are in use.
    shared: usize,
    total: usize,
}

impl Windows {
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Opens the window of a stream that the other side sends to its opener. Returns 0 if the shared budget
    /// is used up.
    pub(super) fn open_initial(&mut self, recv: &mut RecvHalf) -> u32 {
        if !self.has_room(INITIAL_WINDOW as usize) {
            return 0;
        }
        self.shared += INITIAL_WINDOW as usize;
        recv.shared = INITIAL_WINDOW as usize;
        self.open(recv, INITIAL_WINDOW as usize);
        INITIAL_WINDOW
    }

    /// Opens the window that the other side has taken without a grant.
    pub(super) fn open_requested(&mut self, recv: &mut RecvHalf, window: u32) {
        self.open(recv, window as usize);
    }

    /// Opens a minimal window.
    pub(super) fn open_minimal(&mut self, recv: &mut RecvHalf) {
        self.open(recv, MIN_WINDOW);
        recv.to_grant = MIN_WINDOW as u64;
    }

    fn open(&mut self, recv: &mut RecvHalf, window: usize) {
        recv.window = window;
        // At most 1 MiB, so that this fits.
        recv.credit = i64::try_from(window).unwrap_or(i64::MAX);
        self.total += window;
    }

    /// Returns consumed bytes to the other side as credit once they are worth a packet. The window doubles if
    /// the consumer has kept up since the last grant, and shrinks if the shared budget is used up. Returns
    /// whether there is credit to send.
    pub(super) fn grant(&mut self, recv: &mut RecvHalf) -> bool {
        let all_taken = recv.held == 0;
        recv.kept_up |= all_taken;
        if recv.ungranted * 2 < recv.window && !(all_taken && recv.credit <= 0) {
            return false;
        }
        let keeps_up = std::mem::take(&mut recv.kept_up);
        let mut give = std::mem::take(&mut recv.ungranted);
        if !self.has_room(INITIAL_WINDOW as usize) && recv.window > INITIAL_WINDOW as usize {
            let less = (recv.window / 2).min(recv.shared).min(give / 2);
            recv.window -= less;
            recv.shared -= less;
            self.shared -= less;
            self.total -= less;
            give -= less;
        } else if keeps_up {
            let more = recv.window.min(MAX_WINDOW - recv.window);
            if self.has_room(more) {
                recv.window += more;
                recv.shared += more;
                self.shared += more;
                self.total += more;
                give += more;
            }
        }
        recv.credit = recv.credit.saturating_add_unsigned(give as u64);
        recv.to_grant += give as u64;
        give > 0
    }

    /// Closes the window of a receive half.
    pub(super) fn close(&mut self, recv: &mut RecvHalf) {
        self.give_back(recv);
        recv.window = 0;
        recv.shared = 0;
        recv.to_grant = 0;
    }

    pub(super) fn give_back(&mut self, recv: &RecvHalf) {
        self.shared -= recv.shared;
        self.total -= recv.window;
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.shared + bytes <= SHARED_BUDGET
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Receives and consumes an item of this cost.
    fn pass(windows: &mut Windows, recv: &mut RecvHalf, cost: usize) {
        recv.credit = recv.credit.saturating_sub_unsigned(cost as u64);
        recv.ungranted += cost;
        windows.grant(recv);
    }

    #[test]
    fn a_window_doubles_up_to_a_megabyte() {
        let (mut windows, mut recv) = (Windows::default(), RecvHalf::default());
        windows.open_initial(&mut recv);
        for _ in 0..10_000 {
            pass(&mut windows, &mut recv, 5000);
            let under_way = recv.window - recv.ungranted;
            assert_eq!(recv.credit, i64::try_from(under_way).expect("it is small"));
        }
        assert_eq!(recv.window, MAX_WINDOW);
        windows.close(&mut recv);
        assert_eq!((windows.total, windows.shared), (0, 0));
    }

    /// A hundred streams fast enough for the largest window, and later one with a minimal window.
    #[test]
    fn windows_stay_within_the_budget_and_shrink_for_others() {
        let mut windows = Windows::default();
        let mut streams: Vec<_> = (0..100).map(|_| RecvHalf::default()).collect();
        for recv in &mut streams {
            windows.open_initial(recv);
        }
        for round in 0..2000 {
            for recv in &mut streams {
                pass(&mut windows, recv, 5000);
            }
            assert!(windows.total <= SHARED_BUDGET, "round {round}");
            let sum: usize = streams.iter().map(|recv| recv.window).sum();
            assert_eq!(sum, windows.total);
        }
        let mut late = RecvHalf::default();
        windows.open_minimal(&mut late);
        for _ in 0..2000 {
            for recv in &mut streams {
                pass(&mut windows, recv, 5000);
            }
            pass(&mut windows, &mut late, 500);
        }
        assert!(late.window >= INITIAL_WINDOW as usize, "{}", late.window);
        for recv in streams.iter_mut().chain([&mut late]) {
            windows.close(recv);
        }
        assert_eq!((windows.total, windows.shared), (0, 0));
    }
}
