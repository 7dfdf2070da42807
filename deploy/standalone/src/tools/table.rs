//! Two columns for people. It never prints, and never lets a cell leave its row.

use super::text;

/// A description keeps this much, however narrow the terminal is.
const LAST_COLUMN_CHARS_MIN: usize = 20;

/// The table, cut to a width when there is one.
pub fn render(head: [&str; 2], rows: &[[String; 2]], width: Option<usize>) -> String {
    let rows: Vec<[String; 2]> = rows.iter().map(|row| row.each_ref().map(|cell| text::one_line(cell))).collect();
    let longest = rows.iter().map(|row| row[0].chars().count()).chain([head[0].len()]).max().unwrap_or(0);
    let mut out = String::new();
    for [first, second] in [head.map(str::to_owned)].iter().chain(&rows) {
        let room = width.map(|width| width.saturating_sub(longest + 2).max(LAST_COLUMN_CHARS_MIN));
        let second = room.map_or_else(|| second.clone(), |room| text::cut(second, room));
        out.push_str(format!("{first:longest$}  {second}").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: columns line up, rows stay rows, and a terminal's width is kept. Method: a table, whole and cut.
    #[test]
    fn columns_line_up() {
        let rows = [["echo", "Says it\u{1b}[2J back."], ["résumé", "Tells what is in a long document."], ["x", ""]];
        let rows = rows.map(|row| row.map(str::to_owned));
        let whole =
            "NAME    DESCRIPTION\necho    Says it\u{fffd}[2J back.\nrésumé  Tells what is in a long document.\nx\n";
        assert_eq!(render(["NAME", "DESCRIPTION"], &rows, None), whole);
        let cut = render(["NAME", "DESCRIPTION"], &rows, Some(28));
        assert!(cut.lines().all(|line| line.chars().count() <= 28), "{cut}");
        assert!(cut.contains("résumé  Tells what is in a…\n"), "{cut}");
    }
}
