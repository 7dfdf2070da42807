//! When an answer leaves: at once, or as planted. Pure: the same for the same requests in each run, so that what a
//! harness must report is known beforehand.

use std::str::FromStr;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    Now,
    Constant(Duration),
    /// This share of the requests waits long, the others short.
    Bimodal {
        short: Duration,
        long: Duration,
        long_ratio: f64,
    },
    /// The whole server stands still, once, so long after its first request.
    Stall {
        lasts: Duration,
        after: Duration,
    },
}

/// 2^64 divided by the golden ratio: multiples of it go around the circle without a rhythm and fill it evenly.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl Delay {
    /// How long the answer to the `number`-th request waits. Of any run of requests, the share of long ones is the
    /// wanted one, give or take a few requests.
    pub fn of(self, number: u64) -> Duration {
        match self {
            Self::Now | Self::Stall { .. } => Duration::ZERO,
            Self::Constant(delay) => delay,
            Self::Bimodal { short, long, long_ratio } => {
                let at = number.wrapping_mul(GOLDEN) as f64 / 2_f64.powi(64);
                if at < long_ratio { long } else { short }
            }
        }
    }
}

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "now" if rest.is_empty() => Ok(Self::Now),
            "constant" => duration(rest).map(Self::Constant),
            "bimodal" => {
                let [short, long, ratio] = rest.split(',').collect::<Vec<_>>()[..] else {
                    return Err(format!("{text:?}: bimodal takes SHORT,LONG,RATIO, as in bimodal:1ms,20ms,0.1"));
                };
                let long_ratio = ratio.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
                let long_ratio = long_ratio.ok_or_else(|| format!("{ratio:?} is no share from 0 to 1"))?;
                Ok(Self::Bimodal { short: duration(short)?, long: duration(long)?, long_ratio })
            }
            "stall" => {
                let (lasts, after) = rest.split_once('@').ok_or_else(|| {
                    format!("{text:?}: stall takes HOW-LONG@HOW-LONG-AFTER-THE-FIRST-REQUEST, as in stall:1s@5s")
                })?;
                Ok(Self::Stall { lasts: duration(lasts)?, after: duration(after)? })
            }
            _ => Err(format!("{text:?} is none of now, constant:5ms, bimodal:1ms,20ms,0.1, stall:1s@5s")),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{text:?} is no time (5ms, 1s): {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn delays_as_text() {
        #[track_caller]
        fn check(text: &str, want: Result<Delay, &str>) {
            match (text.parse::<Delay>(), want) {
                (Ok(got), Ok(want)) => assert_eq!(got, want),
                (Err(got), Err(want)) => assert!(got.contains(want), "{got}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
        check("now", Ok(Delay::Now));
        check("constant:5ms", Ok(Delay::Constant(5 * MS)));
        check("bimodal:1ms,20ms,0.1", Ok(Delay::Bimodal { short: MS, long: 20 * MS, long_ratio: 0.1 }));
        check("stall:1s@5s", Ok(Delay::Stall { lasts: 1_000 * MS, after: 5_000 * MS }));
        check("soon", Err("none of now"));
        check("now:1ms", Err("none of now"));
        check("constant:", Err("no time"));
        check("bimodal:1ms,20ms", Err("SHORT,LONG,RATIO"));
        check("bimodal:1ms,20ms,1.5", Err("no share"));
        check("stall:1s", Err("stall:1s@5s"));
    }

    /// Goal: the planted share is the share, in the whole and in each part.
    #[test]
    fn the_share_of_long_answers_is_exact() {
        let delay = Delay::Bimodal { short: MS, long: 20 * MS, long_ratio: 0.1 };
        for first in [0, 777, 50_000] {
            let long = (first..first + 1_000).filter(|&number| delay.of(number) == 20 * MS).count();
            assert!((97..=103).contains(&long), "{long} of 1,000 from {first}");
        }
    }
}
