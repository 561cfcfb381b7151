use super::store::RecvHalf;

/// The window of a stream at first.
pub(super) const INITIAL_WINDOW: u32 = 16 << 10;
/// As many streams whose items come from their opener have a window at first, without having asked.
pub(super) const UNREQUESTED_WINDOWS: usize = 1024;
/// The window of a stream for which there was no room: so that none waits for others, which may be idle.
const MIN_WINDOW: usize = 256;
/// The largest window.
const MAX_WINDOW: usize = 1 << 20;
/// All windows together: 32 MiB, of which 16 may be taken without asking, and 4 are for small ones.
const SHARED_BUDGET: usize =
    (32 << 20) - UNREQUESTED_WINDOWS * INITIAL_WINDOW as usize - MAX_STREAMS * MIN_WINDOW;
/// The most streams there can be.
pub(super) const MAX_STREAMS: usize = 16_384;

/// How much the sending sides of all streams may send at once.
#[derive(Debug, Default)]
pub(super) struct Windows {
    /// What is in use of what all share.
    shared: usize,
    total: usize,
}

impl Windows {
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// A window for a stream whose items come to its opener; none where room is short.
    pub(super) fn open_initial(&mut self, recv: &mut RecvHalf) -> u32 {
        if !self.has_room(INITIAL_WINDOW as usize) {
            return 0;
        }
        self.shared += INITIAL_WINDOW as usize;
        recv.shared = INITIAL_WINDOW as usize;
        self.open(recv, INITIAL_WINDOW as usize);
        INITIAL_WINDOW
    }

    /// The window that the other side has taken for a stream.
    pub(super) fn open_requested(&mut self, recv: &mut RecvHalf, window: u32) {
        self.open(recv, window as usize);
    }

    /// A stream that has no window is given a small one.
    pub(super) fn open_minimal(&mut self, recv: &mut RecvHalf) {
        self.open(recv, MIN_WINDOW);
        recv.to_grant = MIN_WINDOW as u64;
    }

    fn open(&mut self, recv: &mut RecvHalf, window: usize) {
        recv.window = window;
        // A megabyte at the most.
        recv.credit = i64::try_from(window).unwrap_or(i64::MAX);
        self.total += window;
    }

    /// What was taken is given back, when it is worth a packet. The window doubles where the consumer has once taken
    /// all that had come since the last time, and shrinks where room is short. Whether there is something to grant.
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

    /// A stream takes nothing more.
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

    /// The consumer takes an item of this cost as soon as it has come.
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

    /// A hundred streams that would all have a megabyte; then one more, which had to begin without.
    #[test]
    fn windows_stay_together_and_shrink_for_others() {
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
