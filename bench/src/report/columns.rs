//! Rows of cells as aligned columns: the first to the left, figures to the right. Pure.

/// Lines, each with `indent` spaces before it. Cells hold plain text; colour would be counted as width.
pub fn aligned(rows: &[Vec<String>], indent: usize) -> String {
    let column_count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..column_count).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = " ".repeat(indent);
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let fill = " ".repeat(width - cell.chars().count());
            match column {
                0 => line.extend([cell.as_str(), fill.as_str()]),
                _ => line.extend(["  ", fill.as_str(), cell.as_str()]),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_under_each_other() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let got = aligned(&[row(&["", "p50", "max"]), row(&["call ü", "7 us", "1.00 ms"]), row(&["a"])], 2);
        assert_eq!(got, "           p50      max\n  call ü  7 us  1.00 ms\n  a\n");
        assert_eq!(aligned(&[], 2), "");
    }
}
