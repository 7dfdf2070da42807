//! What paired ratios say: an estimate with an interval, from ranks alone. Pure.
//!
//! Rounds are paired: what a noisy machine did to a round, it did to both sides. Were the sides equal, the logarithm of
//! B/A would lie on either side of 0 with equal chance, whatever the noise looks like, since swapping their names changes
//! nothing. That is the one assumption of Wilcoxon's signed-rank test, and the interval here is that test turned round:
//! the effects that it does not reject. The estimate (Hodges and Lehmann's) is the median of the means of all pairs of
//! rounds; up to 29 % of rounds may be ruined without moving it far, and of an undisturbed machine it needs 5 % more rounds
//! than a mean would.

/// How sure an interval is: two-sided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence {
    /// The chance that the interval misses.
    pub alpha: f64,
    /// Standard deviations of a normal distribution that leave `alpha` outside, half on either side.
    z: f64,
}

/// 1 in 20, the usual one; from 6 rounds on.
pub const USUAL: Confidence = Confidence { alpha: 0.05, z: 1.959_964 };
/// 1 in 100, for those who look again and again; from 8 rounds on.
pub const STRICT: Confidence = Confidence { alpha: 0.01, z: 2.575_829 };
/// 1 in 1000, for what accuses somebody; from 11 rounds on.
pub const SURE: Confidence = Confidence { alpha: 0.001, z: 3.290_527 };

/// Up to so many rounds the rank sum's distribution is counted out; beyond, the normal one does, which is the
/// stricter: at 31 rounds by no rank for 1 in 20, by 2 for 1 in 100, by 6 for 1 in 1000.
const EXACT_ROUNDS_MAX: usize = 30;

/// B over A, each a ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    pub ratio: f64,
    /// Absent: too few rounds for an interval of this confidence.
    pub interval: Option<(f64, f64)>,
}

/// `None` without a round that can be compared (a side measured nothing).
pub fn effect(pairs: &[(f64, f64)], confidence: Confidence) -> Option<Effect> {
    let logs = log_ratios(pairs);
    if logs.is_empty() {
        return None;
    }
    let mut means = walsh_means(&logs);
    let estimate = median_of(&mut means);
    let interval = rank_of_lower_end(logs.len(), confidence).map(|rank| {
        let low = *means.select_nth_unstable_by(rank, f64::total_cmp).1;
        let upper_rank = means.len() - 1 - rank;
        let high = *means.select_nth_unstable_by(upper_rank, f64::total_cmp).1;
        (low.exp(), high.exp())
    });
    Some(Effect { ratio: estimate.exp(), interval })
}

/// Whether the whole interval lies above `ratio`: the same answer as that of `effect`, from one sorting instead of all pairs
/// of rounds.
pub fn is_above(pairs: &[(f64, f64)], ratio: f64, confidence: Confidence) -> bool {
    is_over(log_ratios(pairs).into_iter().map(|log| log - ratio.ln()), confidence)
}

/// Whether the whole interval lies below `ratio`.
pub fn is_below(pairs: &[(f64, f64)], ratio: f64, confidence: Confidence) -> bool {
    is_over(log_ratios(pairs).into_iter().map(|log| ratio.ln() - log), confidence)
}

/// Wilcoxon's test: do the distances lie above 0? The ranks of those that do not, by size, must add up to little enough.
fn is_over(distances: impl Iterator<Item = f64>, confidence: Confidence) -> bool {
    let mut distances: Vec<f64> = distances.collect();
    distances.sort_unstable_by(|one, other| one.abs().total_cmp(&other.abs()));
    let ranks = distances.iter().zip(1..).filter(|(distance, _)| **distance <= 0.0).map(|(_, rank)| rank);
    let sum: usize = ranks.sum();
    rank_of_lower_end(distances.len(), confidence).is_some_and(|most| sum <= most)
}

/// A side that measured nothing has no ratio.
fn log_ratios(pairs: &[(f64, f64)]) -> Vec<f64> {
    pairs.iter().filter(|(a, b)| *a > 0.0 && *b > 0.0).map(|(a, b)| (b / a).ln()).collect()
}

/// Of what is left when nothing is: `None`.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    if values.is_empty() { None } else { Some(median_of(&mut values)) }
}

fn median_of(values: &mut [f64]) -> f64 {
    let (middle, is_odd) = (values.len() / 2, values.len() % 2 == 1);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if is_odd {
        return upper;
    }
    let lower = below.iter().copied().max_by(f64::total_cmp).unwrap_or(upper);
    f64::midpoint(lower, upper)
}

/// The mean of each pair of values, each with itself too.
fn walsh_means(values: &[f64]) -> Vec<f64> {
    let with_later =
        |(index, &first): (usize, &f64)| values[index..].iter().map(move |&second| f64::midpoint(first, second));
    values.iter().enumerate().flat_map(with_later).collect()
}

/// How many of the smallest means lie outside: the most for which the chance of so small a rank sum is at most half of alpha.
fn rank_of_lower_end(round_count: usize, confidence: Confidence) -> Option<usize> {
    let rounds = round_count as f64;
    if round_count > EXACT_ROUNDS_MAX {
        let deviation = (rounds * (rounds + 1.0) * (2.0 * rounds + 1.0) / 24.0).sqrt();
        return Some((rounds * (rounds + 1.0) / 4.0 - confidence.z * deviation).floor() as usize);
    }
    let mut chance = 0.0;
    let mut rank = None;
    for (sum, ways) in rank_sum_ways(round_count).into_iter().enumerate() {
        chance += ways / rounds.exp2();
        if chance > confidence.alpha / 2.0 {
            break;
        }
        rank = Some(sum);
    }
    rank
}

/// Of the 2^n ways to give signs to the ranks 1 to n, how many have which sum of positive ranks.
fn rank_sum_ways(round_count: usize) -> Vec<f64> {
    let mut ways = vec![0.0; round_count * (round_count + 1) / 2 + 1];
    ways[0] = 1.0;
    for rank in 1..=round_count {
        for sum in (rank..ways.len()).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::simulation::{Machine, Noise};

    fn pairs(ratios: &[f64]) -> Vec<(f64, f64)> {
        ratios.iter().map(|ratio| (10.0, 10.0 * ratio)).collect()
    }

    #[track_caller]
    fn close(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-9, "{got}, not {want}");
    }

    /// Goal: the ranks are those of the tables (Wilcoxon's critical values, two-sided).
    #[test]
    fn the_ranks_are_the_tables() {
        let critical = |rounds, confidence| rank_of_lower_end(rounds, confidence);
        for (rounds, usual, strict) in [
            (5, None, None),
            (6, Some(0), None),
            (7, Some(2), None),
            (8, Some(3), Some(0)),
            (10, Some(8), Some(3)),
            (15, Some(25), Some(15)),
            (20, Some(52), Some(37)),
            (25, Some(89), Some(68)),
        ] {
            assert_eq!((critical(rounds, USUAL), critical(rounds, STRICT)), (usual, strict), "{rounds} rounds");
        }
        // Where counting ends and the normal distribution begins there is no step.
        let below = rank_of_lower_end(EXACT_ROUNDS_MAX, USUAL).unwrap();
        let above = rank_of_lower_end(EXACT_ROUNDS_MAX + 1, USUAL).unwrap();
        assert!((9..=11).contains(&(above - below)), "{below} {above}");
    }

    /// Goal: the two ways to the same answer agree, all around both ends of the interval.
    #[test]
    fn the_test_is_the_interval() {
        let mut machine = Machine::new(7, Noise { slice: 0.05, drift: 0.0, outliers: 0.1 });
        for rounds in 1..60 {
            let pairs: Vec<_> = (0..rounds).map(|_| machine.pair(1.02)).collect();
            let interval = effect(&pairs, USUAL).unwrap().interval;
            for hundredths in 80..120 {
                let ratio = f64::from(hundredths) / 100.0;
                assert_eq!(
                    is_above(&pairs, ratio, USUAL),
                    interval.is_some_and(|(low, _)| low > ratio),
                    "{rounds} {ratio}"
                );
                assert_eq!(
                    is_below(&pairs, ratio, USUAL),
                    interval.is_some_and(|(_, high)| high < ratio),
                    "{rounds} {ratio}"
                );
            }
        }
    }

    #[test]
    fn six_equal_rounds_are_certain() {
        let effect = effect(&pairs(&[1.1; 6]), USUAL).unwrap();
        close(effect.ratio, 1.1);
        let (low, high) = effect.interval.unwrap();
        close(low, 1.1);
        close(high, 1.1);
    }

    #[test]
    fn with_six_rounds_the_interval_is_the_range() {
        let effect = effect(&pairs(&[0.9, 1.0, 1.1, 1.2, 1.3, 1.4]), USUAL).unwrap();
        let (low, high) = effect.interval.unwrap();
        close(low, 0.9);
        close(high, 1.4);
    }

    #[test]
    fn too_few_rounds_have_an_estimate_and_no_interval() {
        let effect = effect(&pairs(&[1.0, 1.2]), USUAL).unwrap();
        close(effect.ratio, 1.2_f64.sqrt());
        assert_eq!(effect.interval, None);
        assert_eq!(super::effect(&[], USUAL), None);
    }

    /// Goal: a side that measured nothing (0) makes no ratio, instead of an infinite one.
    #[test]
    fn what_cannot_be_divided_is_left_out() {
        assert_eq!(effect(&[(0.0, 1.0), (1.0, 0.0)], USUAL), None);
        close(effect(&[(0.0, 1.0), (1.0, 2.0)], USUAL).unwrap().ratio, 2.0);
    }

    /// Goal: a quarter of ruined rounds moves the estimate less than the others differ.
    #[test]
    fn ruined_rounds_do_not_move_the_estimate() {
        let mut ratios = vec![1.00, 1.01, 0.99, 1.02, 0.98, 1.00, 1.01, 0.99, 1.00];
        ratios.extend([2.0, 3.0]);
        let effect = effect(&pairs(&ratios), USUAL).unwrap();
        assert!((0.99..1.05).contains(&effect.ratio), "{effect:?}");
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[3.0, 1.0]), Some(2.0));
        assert_eq!(median(&[5.0, 1.0, 3.0]), Some(3.0));
    }
}
