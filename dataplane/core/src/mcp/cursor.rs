//! Cursors of paginated lists: opaque to clients, checked when they come back. It never holds a page.

/// The cursor that leads to the item at `index` of the list as it was at `generation`.
pub fn write(generation: u64, index: usize) -> String {
    format!("p{generation:x}.{index:x}")
}

/// The index a cursor leads to; `None` when it is not one of ours or past the end of a list of `count` items. A cursor of
/// an older list keeps its place: items may shift, as with any list that changes between two pages.
pub fn read(cursor: &str, count: usize) -> Option<usize> {
    let (generation, index) = cursor.strip_prefix('p')?.split_once('.')?;
    u64::from_str_radix(generation, 16).ok()?;
    usize::from_str_radix(index, 16).ok().filter(|&index| index < count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_cursors_lead_anywhere() {
        assert_eq!(read(&write(7, 200), 500), Some(200));
        for bad in ["", "../../0", "p", "p1", "p1.", "p1.1f4", "200", "p-1.1"] {
            assert_eq!(read(bad, 500), None, "{bad:?}");
        }
    }
}
