//! A curve in one line of text. Pure.

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// What fits beside a label on a terminal of 80.
const COLUMNS_MAX: usize = 60;

/// From 0 to the highest. Where there are more values than columns, each column shows the highest or the lowest of its
/// values, whichever is the worse: a stall of one second stays to be seen in a run of an hour.
pub fn line(values: &[f64], worst: fn(f64, f64) -> f64) -> String {
    let columns = columns(values, worst);
    let top = columns.iter().copied().fold(0.0, f64::max);
    let level = |value: f64| if top > 0.0 { (value / top * 7.0).round() as usize } else { 0 };
    // A negative or missing value is at the bottom; the cast of it is 0.
    columns.iter().map(|&value| LEVELS[level(value).min(7)]).collect()
}

fn columns(values: &[f64], worst: fn(f64, f64) -> f64) -> Vec<f64> {
    let per_column = values.len().div_ceil(COLUMNS_MAX).max(1);
    values.chunks(per_column).filter_map(|chunk| chunk.iter().copied().reduce(worst)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_keep_their_shape_and_their_worst() {
        assert_eq!(line(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], f64::max), "▁▂▃▄▅▆▇█");
        assert_eq!(line(&[], f64::max), "");
        assert_eq!(line(&[0.0, 0.0], f64::max), "▁▁");
        assert_eq!(line(&[f64::NAN, -1.0, 5.0], f64::max), "▁▁█");
        let mut hour = vec![100.0; 3600];
        hour[1800] = 1.0;
        let drawn = line(&hour, f64::min);
        assert_eq!((drawn.chars().count(), drawn.matches('▁').count()), (COLUMNS_MAX, 1));
    }
}
