//! Writes whole replies: what of a request shapes the head of its answer, and the bytes of both. It sends nothing.

use ringway_core::http::request_id::RequestId;
use ringway_core::http::response::{self, Content, Extra};

use super::{Shard, sweep};
use crate::answer::Reply;

/// What of a request shapes the head of its answer.
#[derive(Clone, Copy)]
pub struct ReplyTo<'r> {
    /// Its name.
    pub request_id: RequestId<'r>,
    /// Its `X-Correlation-Id`.
    pub correlation_id: Option<&'r str>,
    /// Its checked origin.
    pub cors: Option<&'r [u8]>,
    /// Whether the connection ends behind the answer.
    pub close: bool,
    /// Whether it is HEAD, whose answer has no body.
    pub is_head: bool,
}

impl ReplyTo<'_> {
    /// The head's fields beyond the fixed ones.
    pub fn extra<'a>(&'a self, fields: &'a [(&'static str, &'a str)]) -> Extra<'a> {
        Extra {
            fields,
            cors_origin: self.cors,
            request_id: Some(self.request_id.as_bytes()),
            correlation_id: self.correlation_id,
        }
    }
}

/// Writes a whole reply behind what is written already.
pub fn write_reply(out: &mut Vec<u8>, shard: &Shard, reply: &Reply, to: &ReplyTo<'_>) {
    let content = reply.content_type.map_or(Content::Empty, |kind| Content::Sized(kind, reply.body.len()));
    let fields: Vec<(&'static str, &str)> = reply.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    response::write_head(out, reply.status, content, to.close, &sweep::date(shard), to.extra(&fields));
    if !to.is_head {
        out.extend_from_slice(&reply.body);
    }
}
