//! placeholder
use std::borrow::Cow;
pub struct HeaderMismatch;
pub fn decode_header_value(v: &[u8]) -> Result<Cow<'_, str>, HeaderMismatch> { std::str::from_utf8(v).map(|s| Cow::Borrowed(s.trim())).map_err(|_| HeaderMismatch) }
