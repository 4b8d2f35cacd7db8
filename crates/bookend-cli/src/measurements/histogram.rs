//! Bins for response times: exact while small, then ever wider, so that a few hundred bins hold any value to 1 %.

/// Bins per doubling, as a power of two; a value is at most half a bin, `1 / 2^7`, from what its bin stands for.
const PRECISION_BITS: u32 = 6;

/// The bin of `value`: the value itself below 128, then 64 bins per doubling.
pub(super) fn bin(value: u64) -> u32 {
    let shift = shift_of(value);
    let mantissa = u32::try_from(value >> shift).expect("the shift leaves seven bits");
    (shift << PRECISION_BITS) + mantissa
}

/// The value a bin stands for: its middle.
pub(super) fn value(bin: u32) -> u64 {
    let shift = (bin >> PRECISION_BITS).saturating_sub(1);
    let lowest = u64::from(bin - (shift << PRECISION_BITS)) << shift;
    lowest + ((1_u64 << shift) - 1) / 2
}

/// The value that `percent` of a histogram's values do not exceed; `bins` holds (bin, count) in order of bins.
pub(super) fn percentile(bins: &[(u32, u64)], percent: u64) -> Option<u64> {
    let total = bins.iter().map(|&(_, count)| count).sum::<u64>();
    let rank = (total * percent).div_ceil(100).max(1);
    let mut below = 0;
    bins.iter().find_map(|&(bin, count)| {
        below += count;
        (below >= rank).then(|| value(bin))
    })
}

/// How many low bits a bin leaves open.
fn shift_of(value: u64) -> u32 {
    (u64::BITS - value.leading_zeros()).saturating_sub(PRECISION_BITS + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Goal: bins are in the order of values, none is left out, and each is within 1 % of its values.
    // Method: every value up to 100,000, then powers of two and their neighbors up to the type's end.
    #[test]
    fn bins_keep_order_and_precision() {
        let powers = (17..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        let mut last = None;
        for value in (0..100_000).chain(powers).chain([u64::MAX]) {
            let bin = bin(value);
            if value < 100_000 {
                assert!(last.is_none_or(|last| bin == last || bin == last + 1), "{value}");
            }
            assert!(last.is_none_or(|last| bin >= last), "{value}");
            assert!(super::value(bin).abs_diff(value) <= value / 100, "{value}");
            last = Some(bin);
        }
    }

    #[test]
    fn percentiles_are_ranks() {
        let one_to_hundred: Vec<_> = (1..=100).map(|value| (bin(value), 1)).collect();
        for percent in [50, 95, 99] {
            assert_eq!(percentile(&one_to_hundred, percent), Some(percent));
        }
        assert_eq!(percentile(&[(7, 1)], 50), Some(7));
        assert_eq!(percentile(&[], 50), None);
    }
}
