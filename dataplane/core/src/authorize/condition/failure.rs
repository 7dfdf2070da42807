//! Why a condition has no answer. It names what happened and never what the caller sent.

/// Why a condition could not be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// A field or key that is not there. `has(…)` asks first.
    NoSuchField,
    /// An index beyond the end of a list, or below its start.
    NoSuchIndex,
    /// An operator or function over values it does not know, such as a number plus a text.
    WrongTypes,
    /// The result of the whole is neither true nor false.
    NotTrueOrFalse,
    /// An integer beyond 64 bits came out.
    Overflow,
    /// Division by zero.
    DivisionByZero,
    /// A number of the caller's that no number of a condition can hold.
    NumberTooLarge,
    /// A conversion of something that is no such number.
    BadConversion,
    /// A map written with one key twice.
    DuplicateKey,
    /// More work than a condition may cost.
    TooManySteps,
}

impl Failure {
    /// A short text for the explanation of a decision.
    pub fn text(self) -> &'static str {
        match self {
            Failure::NoSuchField => "a field is missing",
            Failure::NoSuchIndex => "an index is out of range",
            Failure::WrongTypes => "values of the wrong types",
            Failure::NotTrueOrFalse => "neither true nor false",
            Failure::Overflow => "an integer overflows",
            Failure::DivisionByZero => "a division by zero",
            Failure::NumberTooLarge => "a number is too large",
            Failure::BadConversion => "a conversion has no result",
            Failure::DuplicateKey => "a key stands twice",
            Failure::TooManySteps => "more steps than a condition may take",
        }
    }
}
