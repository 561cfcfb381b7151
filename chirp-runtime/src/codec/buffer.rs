use std::cell::RefCell;

/// The largest capacity of a buffer that is kept, in bytes. Larger buffers are rare, and are sent without a copy.
const KEPT_CAPACITY: usize = 16 * 1024;

/// The maximum number of buffers that each thread keeps: more than a dispatcher fills in one batch.
const KEPT_COUNT: usize = 80;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Returns an empty buffer to encode into, from those passed to [`give`] if possible.
pub(crate) fn take() -> Vec<u8> {
    // The pool of an exiting thread may be gone; a new buffer serves as well.
    POOL.try_with(|pool| pool.borrow_mut().pop())
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// Keeps a buffer for reuse. Large buffers are freed, and so are those beyond the maximum per thread.
pub(crate) fn give(mut buffer: Vec<u8>) {
    if buffer.capacity() == 0 || buffer.capacity() > KEPT_CAPACITY {
        return;
    }
    buffer.clear();
    // Without a pool, the buffer is dropped, as above.
    let _ = POOL.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        if pool.len() < KEPT_COUNT {
            pool.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_buffers_are_reused_empty_and_large_ones_are_freed() {
        let mut small = Vec::with_capacity(100);
        small.push(1);
        give(small);
        let again = take();
        assert!(again.is_empty() && again.capacity() >= 100);
        give(Vec::with_capacity(KEPT_CAPACITY + 1));
        assert_eq!(take().capacity(), 0);
        for _ in 0..100 {
            give(Vec::with_capacity(10));
        }
        POOL.with(|pool| assert_eq!(pool.borrow().len(), KEPT_COUNT));
    }
}
