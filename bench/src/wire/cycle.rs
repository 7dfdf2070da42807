//! Whose turn it is: exchanges in proportion to their weights, mixed as evenly as can be, the same in each run.
//!
//! Smooth weighted round robin, as nginx picks its upstreams: weights 5, 1, 1 give `a a b a c a a` and not `a a a a a b c`.

/// Slots of the table. Weights whose sum (over their greatest common divisor) is larger are scaled down to it, so that
/// shares come out rounded to a ten-thousandth; one that is not 0 keeps a slot.
const SLOTS_MAX: u64 = 10_000;

/// A share of the mix: one exchange, or several that take turns in it.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub weight: u32,
    /// The others follow it.
    pub exchange_first: usize,
    pub exchange_count: usize,
}

#[derive(Clone, Debug)]
pub struct Cycle {
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    part: Part,
    /// How often the part had its turn earlier in the cycle.
    turn_in_cycle: u64,
    turns_a_cycle: u64,
}

impl Cycle {
    /// `None` where nothing has a weight.
    pub fn of(parts: &[Part]) -> Option<Self> {
        let weights = slots_of(parts)?;
        let sum: u64 = weights.iter().sum();
        let mut owed = vec![0_i64; parts.len()];
        let mut turns = vec![0; parts.len()];
        let mut slots = Vec::with_capacity(sum as usize);
        for _ in 0..sum {
            for (owed, weight) in owed.iter_mut().zip(&weights) {
                *owed += *weight as i64;
            }
            // Of equals the first, so that the order is the file's.
            let next = (0..parts.len()).rev().max_by_key(|&index| owed[index])?;
            owed[next] -= sum as i64;
            slots.push(Slot { part: parts[next], turn_in_cycle: turns[next], turns_a_cycle: weights[next] });
            turns[next] += 1;
        }
        debug_assert_eq!(turns, weights);
        Some(Self { slots })
    }

    pub fn exchange_at(&self, turn: u64) -> usize {
        let slot_count = self.slots.len() as u64;
        let slot = &self.slots[(turn % slot_count) as usize];
        if slot.part.exchange_count == 1 {
            return slot.part.exchange_first;
        }
        let turn_of_part = (turn / slot_count) * slot.turns_a_cycle + slot.turn_in_cycle;
        slot.part.exchange_first + (turn_of_part % slot.part.exchange_count as u64) as usize
    }
}

/// How many slots each part has.
fn slots_of(parts: &[Part]) -> Option<Vec<u64>> {
    let divisor = parts.iter().fold(0, |divisor, part| greatest_common_divisor(divisor, part.weight));
    let weights = parts.iter().map(|part| part.weight.checked_div(divisor).map(u64::from));
    let weights: Vec<u64> = weights.collect::<Option<_>>()?;
    let sum: u64 = weights.iter().sum();
    if sum <= SLOTS_MAX {
        return (sum > 0).then_some(weights);
    }
    let scaled = |&weight: &u64| if weight == 0 { 0 } else { (weight * SLOTS_MAX / sum).max(1) };
    Some(weights.iter().map(scaled).collect())
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(weights: &[u32]) -> Vec<Part> {
        let part = |(index, &weight)| Part { weight, exchange_first: index, exchange_count: 1 };
        weights.iter().enumerate().map(part).collect()
    }

    fn turns(cycle: &Cycle, count: u64) -> String {
        (0..count).map(|turn| char::from(b'a' + cycle.exchange_at(turn) as u8)).collect()
    }

    #[test]
    fn shares_mix_well() {
        let cycle = |weights: &[u32]| Cycle::of(&parts(weights)).expect("weights");
        assert_eq!(turns(&cycle(&[5, 1, 1]), 9), "aabacaaaa");
        assert_eq!(turns(&cycle(&[2, 1]), 6), "abaaba");
        assert_eq!(turns(&cycle(&[7]), 3), "aaa");
        assert_eq!(turns(&cycle(&[500, 0, 500]), 4), "acac");
        assert!(Cycle::of(&parts(&[0, 0])).is_none());
        assert!(Cycle::of(&[]).is_none());
    }

    /// Goal: sizes of a share take turns also where the cycle's length is no multiple of their number.
    #[test]
    fn sizes_take_turns_within_their_share() {
        let sizes = Part { weight: 2, exchange_first: 0, exchange_count: 3 };
        let other = Part { weight: 1, exchange_first: 3, exchange_count: 1 };
        let cycle = Cycle::of(&[sizes, other]).expect("weights");
        assert_eq!(turns(&cycle, 9), "adbcdabdc");
    }

    #[test]
    fn huge_weights_are_scaled_and_nobody_is_left_out() {
        let cycle = Cycle::of(&parts(&[1_000_000, 1, 333_333])).expect("weights");
        assert!(cycle.slots.len() <= SLOTS_MAX as usize + 3);
        let slots = cycle.slots.len() as u64;
        let counts = turns(&cycle, slots).chars().fold([0_u64; 3], |mut counts, exchange| {
            counts[(exchange as u8 - b'a') as usize] += 1;
            counts
        });
        assert_eq!(counts, [7499, 1, 2499]);
    }

    proptest! {
        /// Goal: at every moment each share has had its part, to within one turn a share.
        #[test]
        fn no_share_ever_waits_long(weights in prop::collection::vec(0_u32..40, 1..6)) {
            let Some(cycle) = Cycle::of(&parts(&weights)) else {
                return Ok(());
            };
            let sum: u32 = weights.iter().sum();
            let mut counts = vec![0_f64; weights.len()];
            for turn in 0..u64::from(2 * sum) {
                counts[cycle.exchange_at(turn)] += 1.0;
                for (count, weight) in counts.iter().zip(&weights) {
                    let due = (turn + 1) as f64 * f64::from(*weight) / f64::from(sum);
                    prop_assert!((count - due).abs() <= weights.len() as f64);
                }
            }
        }
    }
}
