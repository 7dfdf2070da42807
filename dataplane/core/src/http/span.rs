//! A range of a connection's buffer that stays valid while the buffer grows. It never outlives its request.

/// Start and end of some bytes in a connection's buffer, relative to the request's first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Index of the first byte.
    pub start: u32,
    /// Index behind the last byte.
    pub end: u32,
}

impl Span {
    /// The span of `part`, which must lie inside `whole`; `None` when it does not.
    pub fn of(part: &[u8], whole: &[u8]) -> Option<Span> {
        let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
        let end = start.checked_add(part.len())?;
        (end <= whole.len()).then_some(Span { start: start as u32, end: end as u32 })
    }

    /// The bytes of this span.
    pub fn of_bytes(self, whole: &[u8]) -> &[u8] {
        whole.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}
