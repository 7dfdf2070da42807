//! What may be said of an effect: real, none shown, or not to be told. Pure.

use serde::Serialize;

use crate::compare::figure::Figure;
use crate::compare::statistics::Effect;

/// An interval that reaches further than this from 1 and holds 1 tells nothing: the effect may be one that matters.
const TELLING_WIDTHS: f64 = 2.5;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The interval leaves out 1, and the effect is large enough to matter.
    Better,
    Worse,
    /// The interval leaves out 1, and the effect is too small to matter.
    Slight,
    NoDifference,
    /// The interval holds 1, and effects that would matter.
    TooNoisy,
    /// No interval can be given of so few.
    TooFewRounds,
}

impl Verdict {
    pub fn words(self) -> &'static str {
        match self {
            Self::Better => "real: better",
            Self::Worse => "real: worse",
            Self::Slight => "too small to matter",
            Self::NoDifference => "no difference shown",
            Self::TooNoisy => "too noisy to tell",
            Self::TooFewRounds => "too few rounds",
        }
    }
}

pub fn verdict(figure: Figure, effect: &Effect) -> Verdict {
    let Some((low, high)) = effect.interval else { return Verdict::TooFewRounds };
    let smallest = figure.smallest_effect();
    if low <= 1.0 && high >= 1.0 {
        let reach = (1.0 / low).max(high) - 1.0;
        return if reach > TELLING_WIDTHS * smallest { Verdict::TooNoisy } else { Verdict::NoDifference };
    }
    // As far down as up: 0.98 is as much as 1.02.
    if effect.ratio.max(1.0 / effect.ratio) - 1.0 < smallest {
        return Verdict::Slight;
    }
    if (effect.ratio > 1.0) == figure.is_better_high() { Verdict::Better } else { Verdict::Worse }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(figure: Figure, low: f64, ratio: f64, high: f64, want: Verdict) {
        assert_eq!(verdict(figure, &Effect { ratio, interval: Some((low, high)) }), want, "{low} {ratio} {high}");
    }

    #[test]
    fn verdicts() {
        check(Figure::CpuUs, 1.03, 1.05, 1.07, Verdict::Worse);
        check(Figure::CpuUs, 0.93, 0.95, 0.97, Verdict::Better);
        check(Figure::Rps, 1.03, 1.05, 1.07, Verdict::Better);
        check(Figure::Rps, 0.93, 0.95, 0.97, Verdict::Worse);
        check(Figure::CpuUs, 1.001, 1.01, 1.02, Verdict::Slight);
        check(Figure::CpuUs, 0.98, 1.0, 1.02, Verdict::NoDifference);
        check(Figure::CpuUs, 0.9, 1.0, 1.02, Verdict::TooNoisy);
        check(Figure::CpuUs, 0.99, 1.05, 1.12, Verdict::TooNoisy);
        // A tail moves further by itself.
        check(Figure::P999Us, 0.9, 1.0, 1.12, Verdict::NoDifference);
        check(Figure::P999Us, 1.01, 1.06, 1.12, Verdict::Slight);
    }

    #[test]
    fn few_rounds_say_nothing() {
        assert_eq!(verdict(Figure::Rps, &Effect { ratio: 2.0, interval: None }), Verdict::TooFewRounds);
    }
}
