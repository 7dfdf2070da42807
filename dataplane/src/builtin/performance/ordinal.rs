//! Numbers as whole numbers in the same order, so that a histogram can count them: the sign, the exponent and the first
//! seven bits behind it of a floating point number. It never counts anything.

/// Bits kept of what follows the leading one: 128 steps for each doubling, so that a number is at most 2^-8 (0.4 %)
/// away from its step.
const FRACTION_BITS: u32 = 7;
const DROPPED_BITS: u32 = f64::MANTISSA_DIGITS - 1 - FRACTION_BITS;
/// The first step is 2^-64, some 5e-20; what is smaller counts as zero.
const FIRST: i64 = (1023 - 64) << FRACTION_BITS;
/// The last step is just below 2^63, some 9e18; what is larger counts as that.
pub const LAST: i16 = 127 << FRACTION_BITS;

/// The step of a finite number.
pub fn of(value: f64) -> i16 {
    let half = 1 << (DROPPED_BITS - 1);
    // Rounded to the nearest step; a carry into the exponent is the next doubling, as it should be.
    let kept = ((value.abs().to_bits() + half) >> DROPPED_BITS) as i64;
    let step = (kept - FIRST + 1).clamp(0, i64::from(LAST)) as i16;
    if value < 0.0 { -step } else { step }
}

/// The number that a step stands for.
pub fn value(step: i16) -> f64 {
    if step == 0 {
        return 0.0;
    }
    let kept = i64::from(step.unsigned_abs()) - 1 + FIRST;
    let magnitude = f64::from_bits((kept as u64) << DROPPED_BITS);
    if step < 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_whole_numbers_are_their_own_steps() {
        for number in -256..=256 {
            let number = f64::from(number);
            assert_eq!(value(of(number)), number);
        }
    }

    #[test]
    fn the_ends_are_held() {
        assert_eq!(of(0.0), 0);
        assert_eq!(of(-0.0), 0);
        assert_eq!(of(1e-30), 0);
        assert_eq!(of(f64::MIN_POSITIVE), 0);
        assert_eq!(of(f64::MAX), LAST);
        assert_eq!(of(f64::MIN), -LAST);
        assert!(value(LAST) > 9e18 && value(LAST) < 9.3e18);
    }

    proptest! {
        #[test]
        fn a_step_is_near_its_number(magnitude in 1e-19..9e18f64, exponent in -18..18i32, negative: bool) {
            let number = (magnitude % 1e3 + 1e-3) * 10f64.powi(exponent.clamp(-15, 14));
            let number = if negative { -number } else { number };
            let error = (value(of(number)) - number).abs();
            prop_assert!(error <= number.abs() / 256.0, "{number} is {error} away");
        }

        #[test]
        fn steps_keep_the_order(one: f64, other: f64) {
            prop_assume!(one.is_finite() && other.is_finite());
            let (low, high) = if one <= other { (one, other) } else { (other, one) };
            prop_assert!(of(low) <= of(high));
            prop_assert_eq!(of(-one), -of(one));
        }
    }
}
