//! Decides whether numbers stay flat.

/// The number of rounds after which single values no longer decide.
const MANY_ROUNDS: usize = 30;

/// Returns the growth of heap memory that is no leak, in bytes over so many rounds: tables and buffers that reach their size
/// late, and in a few rounds the buffers that happen to be in use.
pub(crate) fn heap_growth(rounds: usize) -> f64 {
    if rounds < MANY_ROUNDS {
        512.0 * 1024.0
    } else {
        256.0 * 1024.0
    }
}

/// The same for resident memory, which also depends on where the allocator finds room.
pub(crate) const RESIDENT_GROWTH: f64 = 32.0 * 1024.0 * 1024.0;

/// Returns by how much values at equal distances have grown from the first to the last, as a straight line: the median of the
/// slopes of all pairs of values (Theil and Sen), which single outliers do not change.
pub(crate) fn growth(values: &[f64]) -> f64 {
    let mut slopes = Vec::new();
    for (at, value) in values.iter().enumerate() {
        for (distance, later) in values[at + 1..].iter().enumerate() {
            slopes.push((later - value) / (distance + 1) as f64);
        }
    }
    slopes.sort_by(f64::total_cmp);
    let median = slopes.get(slopes.len() / 2).copied().unwrap_or(0.0);
    median * values.len().saturating_sub(1) as f64
}

#[cfg(test)]
mod tests {
    use super::growth;

    #[test]
    fn a_line_grows_by_its_slope_and_outliers_do_not_count() {
        let mut values: Vec<f64> = (0..40).map(|at| 1_000.0 + 3.0 * f64::from(at)).collect();
        assert!((growth(&values) - 117.0).abs() < 1e-6);
        values[7] = 1e9;
        values[31] = -1e9;
        assert!((growth(&values) - 117.0).abs() < 1.0);
    }

    #[test]
    fn values_that_go_up_and_down_do_not_grow() {
        let values: Vec<f64> = (0..60).map(|at| f64::from(at * 37 % 11)).collect();
        assert!(growth(&values).abs() < 3.0);
        assert!(growth(&[]).abs() < f64::EPSILON && growth(&[5.0]).abs() < f64::EPSILON);
    }
}
