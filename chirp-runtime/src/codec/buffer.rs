use std::cell::RefCell;

/// The largest buffer that is kept, in bytes. Larger ones are rare, and are handed over, not copied.
const KEPT_CAPACITY: usize = 16 * 1024;

/// How many buffers each thread keeps: more than a dispatcher fills in one turn.
const KEPT_COUNT: usize = 80;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer to encode into, of the sort that [`give`] took back.
pub fn take() -> Vec<u8> {
    // A thread that is ending has no pool any more; a new buffer is as good.
    POOL.try_with(|pool| pool.borrow_mut().pop())
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// Takes a buffer back, to be used again. Large ones, and those over the number that a thread keeps,
/// are freed.
pub fn give(mut buffer: Vec<u8>) {
    if buffer.capacity() == 0 || buffer.capacity() > KEPT_CAPACITY {
        return;
    }
    buffer.clear();
    // As above: without a pool, the buffer is dropped.
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
    fn small_buffers_come_back_empty_and_large_ones_do_not() {
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
