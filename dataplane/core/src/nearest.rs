//! The known names that someone may have meant by an unknown one. It never decides anything: it only helps a caller to
//! repair a call.

/// Names longer than this are not compared.
const NAME_BYTES_MAX: usize = 64;
/// At most so many known names are compared with an unknown one: about a millisecond.
const NAMES_MAX: usize = 1024;

/// The known name that differs from `name` by a slip or two of the hand, or in case only.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let slips_max = if name.len() < 3 { 1 } else { 2 };
    ranked(name, known.iter().copied(), slips_max).into_iter().next().map(|(_, other)| other)
}

/// Up to `count` known names that are near `name`, the nearest first. Longer names may differ in more places.
pub fn nearest_few<'a>(name: &str, known: impl Iterator<Item = &'a str>, count: usize) -> Vec<&'a str> {
    let near = ranked(name, known, 2.max(name.len() / 3));
    near.into_iter().take(count).map(|(_, other)| other).collect()
}

fn ranked<'a>(name: &str, known: impl Iterator<Item = &'a str>, slips_max: usize) -> Vec<(usize, &'a str)> {
    if name.len() > NAME_BYTES_MAX {
        return Vec::new();
    }
    let near = known.take(NAMES_MAX).filter(|other| other.len() <= NAME_BYTES_MAX).map(|other| {
        let slips = if other.eq_ignore_ascii_case(name) { 0 } else { strsim::levenshtein(name, other) };
        (slips, other)
    });
    // Replacing every byte is no slip.
    let mut near: Vec<_> = near.filter(|(slips, other)| *slips <= slips_max && *slips < other.len()).collect();
    near.sort_unstable();
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_near_an_unknown_one_are_found() {
        let known = ["echo", "get_metrics", "get_server_metrics", "health_check", "x"];
        let few = |name: &str| nearest_few(name, known.into_iter(), 3);
        assert_eq!(few("ehco"), ["echo"]);
        assert_eq!(few("ECHO"), ["echo"]);
        assert_eq!(few("get_metric"), ["get_metrics"]);
        assert_eq!(few("get_servr_metrics"), ["get_server_metrics"]);
        assert_eq!(few("unheard_of"), [""; 0]);
        assert_eq!(few(&"e".repeat(200)), [""; 0]);
        assert_eq!(nearest("healthcheck", &known), Some("health_check"));
        assert_eq!(nearest("y", &known), None);
    }
}
