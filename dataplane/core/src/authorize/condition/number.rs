//! Numbers of three sorts, 64-bit integers with and without a sign and doubles, as CEL has them. Whatever would give a wrong
//! result gives none: integers do not wrap, and a number that none of the three can hold is no number. Sorts mix in
//! comparisons, which are exact, and never in arithmetic.

use std::cmp::Ordering;

use serde_json::Number;

use super::Failure;
use super::value::Value;

/// What is written without a point or an exponent is an integer, all else a double.
pub(super) fn of_json<'a>(number: &Number) -> Result<Value<'a>, Failure> {
    if let Some(int) = number.as_i64() {
        return Ok(Value::Int(int));
    }
    if let Some(uint) = number.as_u64() {
        return Ok(Value::Uint(uint));
    }
    let text = number.as_str();
    if !text.contains(['.', 'e', 'E']) {
        return Err(Failure::NumberTooLarge);
    }
    let double: f64 = text.parse().map_err(|_| Failure::NumberTooLarge)?;
    let digits = text.split(['e', 'E']).next().unwrap_or_default();
    let vanished = double == 0.0 && digits.contains(|digit: char| matches!(digit, '1'..='9'));
    if !double.is_finite() || vanished {
        return Err(Failure::NumberTooLarge);
    }
    Ok(Value::Double(double))
}

/// How two numbers stand to each other, exactly; `None` when one is no number, or not a number.
pub(super) fn compare(one: &Value<'_>, other: &Value<'_>) -> Option<Ordering> {
    match (one, other) {
        (Value::Double(one), Value::Double(other)) => one.partial_cmp(other),
        (Value::Double(double), other) => with_double(integer(other)?, *double).map(Ordering::reverse),
        (one, Value::Double(double)) => with_double(integer(one)?, *double),
        (one, other) => Some(integer(one)?.cmp(&integer(other)?)),
    }
}

fn integer(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Int(int) => Some(i128::from(*int)),
        Value::Uint(uint) => Some(i128::from(*uint)),
        _ => None,
    }
}

/// An integer of 64 bits against a double, without rounding either.
fn with_double(integer: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // Beyond 2^64 the conversion below saturates far outside of any 64-bit integer, on the right side of it.
    let whole = double.trunc();
    let fraction = double - whole;
    let order = integer.cmp(&(whole as i128));
    Some(if double.is_finite() {
        order.then_with(|| 0.0f64.partial_cmp(&fraction).unwrap_or(Ordering::Equal))
    } else {
        order
    })
}

/// An operation between two numbers of one sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// The result of an operation.
pub(super) fn operate<'a>(operation: Operation, one: &Value<'_>, other: &Value<'_>) -> Result<Value<'a>, Failure> {
    let divides = matches!(operation, Operation::Divide | Operation::Remainder);
    match (one, other) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) if divides => Err(Failure::DivisionByZero),
        (Value::Int(one), Value::Int(other)) => match operation {
            Operation::Add => one.checked_add(*other),
            Operation::Subtract => one.checked_sub(*other),
            Operation::Multiply => one.checked_mul(*other),
            Operation::Divide => one.checked_div(*other),
            Operation::Remainder => one.checked_rem(*other),
        }
        .map(Value::Int)
        .ok_or(Failure::Overflow),
        (Value::Uint(one), Value::Uint(other)) => match operation {
            Operation::Add => one.checked_add(*other),
            Operation::Subtract => one.checked_sub(*other),
            Operation::Multiply => one.checked_mul(*other),
            Operation::Divide => one.checked_div(*other),
            Operation::Remainder => one.checked_rem(*other),
        }
        .map(Value::Uint)
        .ok_or(Failure::Overflow),
        (Value::Double(one), Value::Double(other)) => match operation {
            Operation::Add => Ok(Value::Double(one + other)),
            Operation::Subtract => Ok(Value::Double(one - other)),
            Operation::Multiply => Ok(Value::Double(one * other)),
            Operation::Divide => Ok(Value::Double(one / other)),
            Operation::Remainder => Err(Failure::WrongTypes),
        },
        _ => Err(Failure::WrongTypes),
    }
}

/// The number with the other sign.
pub(super) fn negate<'a>(value: &Value<'_>) -> Result<Value<'a>, Failure> {
    match value {
        Value::Int(int) => int.checked_neg().map(Value::Int).ok_or(Failure::Overflow),
        Value::Double(double) => Ok(Value::Double(-double)),
        _ => Err(Failure::WrongTypes),
    }
}

/// 2^63, the first double above every `i64`.
const INT_END: f64 = 9_223_372_036_854_775_808.0;
/// 2^64, the first double above every `u64`.
const UINT_END: f64 = 18_446_744_073_709_551_616.0;

/// `int(…)`. A double loses its fraction.
pub(super) fn to_int<'a>(value: &Value<'_>) -> Result<Value<'a>, Failure> {
    match value {
        Value::Int(int) => Some(*int),
        Value::Uint(uint) => i64::try_from(*uint).ok(),
        Value::Double(double) if *double > -INT_END && *double < INT_END => Some(*double as i64),
        Value::Text(text) => text.parse().ok(),
        Value::Double(_) => None,
        _ => return Err(Failure::WrongTypes),
    }
    .map(Value::Int)
    .ok_or(Failure::BadConversion)
}

/// `uint(…)`. A double loses its fraction.
pub(super) fn to_uint<'a>(value: &Value<'_>) -> Result<Value<'a>, Failure> {
    match value {
        Value::Int(int) => u64::try_from(*int).ok(),
        Value::Uint(uint) => Some(*uint),
        Value::Double(double) if *double >= 0.0 && *double < UINT_END => Some(*double as u64),
        Value::Text(text) => text.parse().ok(),
        Value::Double(_) => None,
        _ => return Err(Failure::WrongTypes),
    }
    .map(Value::Uint)
    .ok_or(Failure::BadConversion)
}

/// `double(…)`. A large integer is rounded, as is a text; one that no finite double is near has no result.
pub(super) fn to_double<'a>(value: &Value<'_>) -> Result<Value<'a>, Failure> {
    match value {
        Value::Int(int) => Some(*int as f64),
        Value::Uint(uint) => Some(*uint as f64),
        Value::Double(double) => Some(*double),
        Value::Text(text) => text.parse().ok().filter(|double: &f64| double.is_finite()),
        _ => return Err(Failure::WrongTypes),
    }
    .map(Value::Double)
    .ok_or(Failure::BadConversion)
}

/// A number as the index into a list.
pub(super) fn index(value: &Value<'_>) -> Result<usize, Failure> {
    let index = match value {
        Value::Int(int) => usize::try_from(*int).ok(),
        Value::Uint(uint) => usize::try_from(*uint).ok(),
        Value::Double(double) if double.fract() == 0.0 && *double >= 0.0 && *double < INT_END => {
            usize::try_from(*double as u64).ok()
        }
        _ => return Err(Failure::WrongTypes),
    };
    index.ok_or(Failure::NoSuchIndex)
}

#[cfg(test)]
mod tests {
    //! Goal: no number turns into another one unseen. Method: tables at the edges of each sort.

    use super::*;

    #[track_caller]
    fn read(text: &str, want: &str) {
        let number: Number = serde_json::from_str(text).expect(text);
        assert_eq!(format!("{:?}", of_json(&number)), want, "{text}");
    }

    #[test]
    fn numbers_are_read_whole_or_not_at_all() {
        read("7", "Ok(Int(7))");
        read("-9223372036854775808", "Ok(Int(-9223372036854775808))");
        read("9223372036854775807", "Ok(Int(9223372036854775807))");
        read("9223372036854775808", "Ok(Uint(9223372036854775808))");
        read("18446744073709551615", "Ok(Uint(18446744073709551615))");
        read("18446744073709551616", "Err(NumberTooLarge)");
        read("-9223372036854775809", "Err(NumberTooLarge)");
        read("1.5", "Ok(Double(1.5))");
        read("1e3", "Ok(Double(1000.0))");
        read("0.0", "Ok(Double(0.0))");
        read("0e-999", "Ok(Double(0.0))");
        read("1e999", "Err(NumberTooLarge)");
        read("-1e999", "Err(NumberTooLarge)");
        read("1e-999", "Err(NumberTooLarge)");
        read(&"9".repeat(4000), "Err(NumberTooLarge)");
    }

    #[track_caller]
    fn order(one: Value<'_>, other: Value<'_>, want: Option<Ordering>) {
        assert_eq!(compare(&one, &other), want, "{one:?} against {other:?}");
        assert_eq!(compare(&other, &one), want.map(Ordering::reverse), "{other:?} against {one:?}");
    }

    #[test]
    fn comparisons_between_sorts_are_exact() {
        use Ordering::{Equal, Greater, Less};
        order(Value::Int(1), Value::Double(1.0), Some(Equal));
        order(Value::Int(1), Value::Double(1.5), Some(Less));
        order(Value::Int(-1), Value::Double(-1.5), Some(Greater));
        order(Value::Int(-1), Value::Uint(u64::MAX), Some(Less));
        order(Value::Int(9_007_199_254_740_993), Value::Double(9_007_199_254_740_992.0), Some(Greater));
        order(Value::Int(i64::MAX), Value::Double(INT_END), Some(Less));
        order(Value::Int(i64::MIN), Value::Double(-INT_END), Some(Equal));
        order(Value::Uint(u64::MAX), Value::Double(UINT_END), Some(Less));
        order(Value::Uint(u64::MAX), Value::Double(f64::INFINITY), Some(Less));
        order(Value::Int(i64::MIN), Value::Double(f64::NEG_INFINITY), Some(Greater));
        order(Value::Int(0), Value::Double(f64::NAN), None);
        order(Value::Int(0), Value::Double(-0.0), Some(Equal));
        order(Value::Int(0), Value::Bool(false), None);
    }

    #[test]
    fn conversions_have_a_result_or_say_so() {
        let text = |text| Value::Text(super::super::value::Text::Lent(text));
        assert!(matches!(to_int(&Value::Double(-1.9)), Ok(Value::Int(-1))));
        assert!(matches!(to_int(&Value::Double(INT_END)), Err(Failure::BadConversion)));
        assert!(matches!(to_int(&Value::Double(f64::NAN)), Err(Failure::BadConversion)));
        assert!(matches!(to_int(&Value::Uint(u64::MAX)), Err(Failure::BadConversion)));
        assert!(matches!(to_int(&text("12")), Ok(Value::Int(12))));
        assert!(matches!(to_int(&text("1e2")), Err(Failure::BadConversion)));
        assert!(matches!(to_int(&Value::Null), Err(Failure::WrongTypes)));
        assert!(matches!(to_uint(&Value::Int(-1)), Err(Failure::BadConversion)));
        assert!(matches!(to_uint(&Value::Double(UINT_END)), Err(Failure::BadConversion)));
        assert!(matches!(to_double(&text("nan")), Err(Failure::BadConversion)));
        assert!(matches!(to_double(&text("1e400")), Err(Failure::BadConversion)));
    }
}
