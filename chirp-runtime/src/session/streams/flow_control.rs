use super::store::RecvHalf;

/// The window of a stream at first.
pub(super) const FIRST: u32 = 16 << 10;
/// As many streams whose items come from their opener have a window at first, without having asked.
pub(super) const TAKEN: usize = 1024;
/// The window of a stream for which there was no room: so that none waits for others, which may be idle.
const SMALL: usize = 256;
/// The largest window.
const LARGEST: usize = 1 << 20;
/// All windows together: 32 MiB, of which 16 may be taken without asking, and 4 are for small ones.
const SHARED: usize = (32 << 20) - TAKEN * FIRST as usize - MOST_STREAMS * SMALL;
/// The most streams there can be.
pub(super) const MOST_STREAMS: usize = 16_384;

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
    pub(super) fn first(&mut self, receiving: &mut RecvHalf) -> u32 {
        if !self.has_room(FIRST as usize) {
            return 0;
        }
        self.shared += FIRST as usize;
        receiving.shared = FIRST as usize;
        self.open(receiving, FIRST as usize);
        FIRST
    }

    /// The window that the other side has taken for a stream.
    pub(super) fn taken(&mut self, receiving: &mut RecvHalf, window: u32) {
        self.open(receiving, window as usize);
    }

    /// A stream that has no window is given a small one.
    pub(super) fn small(&mut self, receiving: &mut RecvHalf) {
        self.open(receiving, SMALL);
        receiving.to_grant = SMALL as u64;
    }

    fn open(&mut self, receiving: &mut RecvHalf, window: usize) {
        receiving.window = window;
        // A megabyte at the most.
        receiving.credit = i64::try_from(window).unwrap_or(i64::MAX);
        self.total += window;
    }

    /// What was taken is given back, when it is worth a packet. The window doubles where the consumer has once taken
    /// all that had come since the last time, and shrinks where room is short. Whether there is something to grant.
    pub(super) fn grant(&mut self, receiving: &mut RecvHalf) -> bool {
        let all_taken = receiving.held == 0;
        receiving.kept_up |= all_taken;
        if receiving.taken * 2 < receiving.window && !(all_taken && receiving.credit <= 0) {
            return false;
        }
        let keeps_up = std::mem::take(&mut receiving.kept_up);
        let mut give = std::mem::take(&mut receiving.taken);
        if !self.has_room(FIRST as usize) && receiving.window > FIRST as usize {
            let less = (receiving.window / 2).min(receiving.shared).min(give / 2);
            receiving.window -= less;
            receiving.shared -= less;
            self.shared -= less;
            self.total -= less;
            give -= less;
        } else if keeps_up {
            let more = receiving.window.min(LARGEST - receiving.window);
            if self.has_room(more) {
                receiving.window += more;
                receiving.shared += more;
                self.shared += more;
                self.total += more;
                give += more;
            }
        }
        receiving.credit = receiving.credit.saturating_add_unsigned(give as u64);
        receiving.to_grant += give as u64;
        give > 0
    }

    /// A stream takes nothing more.
    pub(super) fn close(&mut self, receiving: &mut RecvHalf) {
        self.give_back(receiving);
        receiving.window = 0;
        receiving.shared = 0;
        receiving.to_grant = 0;
    }

    pub(super) fn give_back(&mut self, receiving: &RecvHalf) {
        self.shared -= receiving.shared;
        self.total -= receiving.window;
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.shared + bytes <= SHARED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The consumer takes an item of this cost as soon as it has come.
    fn pass(windows: &mut Windows, receiving: &mut RecvHalf, cost: usize) {
        receiving.credit = receiving.credit.saturating_sub_unsigned(cost as u64);
        receiving.taken += cost;
        windows.grant(receiving);
    }

    #[test]
    fn a_window_doubles_up_to_a_megabyte() {
        let (mut windows, mut receiving) = (Windows::default(), RecvHalf::default());
        windows.first(&mut receiving);
        for _ in 0..10_000 {
            pass(&mut windows, &mut receiving, 5000);
            let under_way = receiving.window - receiving.taken;
            assert_eq!(
                receiving.credit,
                i64::try_from(under_way).expect("it is small")
            );
        }
        assert_eq!(receiving.window, LARGEST);
        windows.close(&mut receiving);
        assert_eq!((windows.total, windows.shared), (0, 0));
    }

    /// A hundred streams that would all have a megabyte; then one more, which had to begin without.
    #[test]
    fn windows_stay_together_and_shrink_for_others() {
        let mut windows = Windows::default();
        let mut streams: Vec<_> = (0..100).map(|_| RecvHalf::default()).collect();
        for receiving in &mut streams {
            windows.first(receiving);
        }
        for round in 0..2000 {
            for receiving in &mut streams {
                pass(&mut windows, receiving, 5000);
            }
            assert!(windows.total <= SHARED, "round {round}");
            let sum: usize = streams.iter().map(|receiving| receiving.window).sum();
            assert_eq!(sum, windows.total);
        }
        let mut late = RecvHalf::default();
        windows.small(&mut late);
        for _ in 0..2000 {
            for receiving in &mut streams {
                pass(&mut windows, receiving, 5000);
            }
            pass(&mut windows, &mut late, 500);
        }
        assert!(late.window >= FIRST as usize, "{}", late.window);
        for receiving in streams.iter_mut().chain([&mut late]) {
            windows.close(receiving);
        }
        assert_eq!((windows.total, windows.shared), (0, 0));
    }
}
