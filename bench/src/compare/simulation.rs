//! A noisy machine, seeded: what the decision rules of `compare` and `gate` are chosen and tested with. Tests only.

/// A small generator with good enough bits (`SplitMix64`); the same numbers on every machine.
pub struct Random(u64);

impl Random {
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// From 0 to 1, never 0.
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Mean 0, deviation 1 (Box and Muller's).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// What a slice of time does to a figure.
#[derive(Clone, Copy)]
pub struct Noise {
    /// Deviation of a slice, as a share.
    pub slice: f64,
    /// Deviation of the machine's drift from one pair to the next; it hits both sides.
    pub drift: f64,
    /// Share of slices that a neighbour ruins: their figure is up to twice as large.
    pub outliers: f64,
}

/// A machine that drifts.
pub struct Machine {
    pub random: Random,
    pub noise: Noise,
    drift: f64,
}

impl Machine {
    pub fn new(seed: u64, noise: Noise) -> Self {
        Self { random: Random::seeded(seed), noise, drift: 0.0 }
    }

    pub fn drift(&mut self) {
        self.drift = (self.drift + self.noise.drift * self.random.normal()).clamp(-0.5, 0.5);
    }

    /// One slice of a side whose true cost is `cost`.
    pub fn slice(&mut self, cost: f64) -> f64 {
        let ruined = if self.random.uniform() < self.noise.outliers { 1.0 + self.random.uniform() } else { 1.0 };
        cost * (self.drift + self.noise.slice * self.random.normal()).exp() * ruined
    }

    /// A round: A of cost 1, and B.
    pub fn pair(&mut self, b_cost: f64) -> (f64, f64) {
        self.drift();
        (self.slice(1.0), self.slice(b_cost))
    }
}

/// Goal: of equal sides hardly ever a difference is called real, and one of 5 % is seen; on a machine with neighbours.
#[test]
fn verdicts_on_a_noisy_machine() {
    use crate::compare::figure::Figure;
    use crate::compare::statistics::{USUAL, effect};
    use crate::compare::verdict::{Verdict, verdict};

    let noise = Noise { slice: 0.03, drift: 0.03, outliers: 0.03 };
    let count = |rounds: usize, b_cost: f64, want: fn(Verdict) -> bool| {
        let real = |seed: &u64| {
            let mut machine = Machine::new(*seed, noise);
            let pairs: Vec<_> = (0..rounds).map(|_| machine.pair(b_cost)).collect();
            want(verdict(Figure::CpuUs, &effect(&pairs, USUAL).expect("rounds were measured")))
        };
        (0..2000).filter(real).count()
    };
    for rounds in [6, 10, 20] {
        let false_alarms = count(rounds, 1.0, |verdict| matches!(verdict, Verdict::Better | Verdict::Worse));
        assert!(false_alarms <= 100, "{rounds} rounds: {false_alarms} of 2000 are false alarms, over 5 %");
    }
    let seen = count(20, 1.05, |verdict| verdict == Verdict::Worse);
    assert!(seen >= 1800, "of a slow-down of 5 %, {seen} of 2000 seen in 20 rounds");
    // Nothing is called better that is worse.
    assert_eq!(count(20, 1.05, |verdict| verdict == Verdict::Better), 0);
}

/// Goal: the interval holds the true effect as often as it says, with normal noise.
#[test]
fn intervals_hold_the_truth() {
    use crate::compare::statistics::{STRICT, USUAL, effect};

    let noise = Noise { slice: 0.04, drift: 0.05, outliers: 0.0 };
    for (confidence, rounds) in [(USUAL, 6), (USUAL, 12), (USUAL, 40), (STRICT, 10), (STRICT, 40)] {
        let misses = (0..2000_u64)
            .filter(|&seed| {
                let mut machine = Machine::new(seed, noise);
                let pairs: Vec<_> = (0..rounds).map(|_| machine.pair(1.07)).collect();
                let (low, high) = effect(&pairs, confidence).and_then(|effect| effect.interval).expect("enough rounds");
                !(low..=high).contains(&1.07)
            })
            .count();
        // Four deviations of counting 2000 above what is promised.
        let most = 2000.0 * confidence.alpha + 4.0 * (2000.0 * confidence.alpha).sqrt();
        assert!((misses as f64) < most, "{rounds} rounds: {misses} of 2000 miss");
    }
}
