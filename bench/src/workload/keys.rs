//! Which keys a workload may have: asked of the types themselves, so that no list drifts from them.

use serde::de::{Deserialize, Deserializer, Error as _, Visitor, value::Error};
use serde::forward_to_deserialize_any;

use super::model::{Churn, Clients, Credential, Expectation, Pace, Share, Think, Tls, Workload};

/// How far a key may be from the one that was meant: one slip, and one more for every three letters.
fn slips_max(key: &str) -> usize {
    1 + key.len() / 3
}

/// The keys of the table at `path`, whose steps are keys without indexes. `None` where any key may stand.
pub fn known(path: &[&str]) -> Option<&'static [&'static str]> {
    match path {
        [] => fields::<Workload>(),
        ["load"] => fields::<Pace>(),
        ["clients"] => fields::<Clients>(),
        ["clients", "credentials"] => fields::<Credential>(),
        ["clients", "tls"] => fields::<Tls>(),
        ["clients", "churn"] => fields::<Churn>(),
        ["clients", "think"] => fields::<Think>(),
        ["clients", "mix"] => fields::<Share>(),
        ["clients", "mix", "expect"] => fields::<Expectation>(),
        _ => None,
    }
}

/// The name somebody probably meant.
pub fn nearest<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = key.to_lowercase().replace('-', "_");
    let near = known.into_iter().map(|other| {
        let slips = strsim::damerau_levenshtein(&plain, other);
        // `rate` for `rate_rps`: a unit forgotten is one slip.
        let is_begun = plain.len() > 2 && (other.starts_with(&plain) || plain.starts_with(other));
        (if is_begun { slips.min(1) } else { slips }, other)
    });
    near.filter(|(slips, other)| *slips <= slips_max(key) && *slips < other.len()).min().map(|(_, other)| other)
}

/// The fields of a struct, as its derived `Deserialize` announces them.
fn fields<'de, T: Deserialize<'de>>() -> Option<&'static [&'static str]> {
    let mut announced = None;
    // It always fails: there is nothing to deserialise.
    let _ = T::deserialize(Listener { announced: &mut announced });
    announced
}

struct Listener<'a> {
    announced: &'a mut Option<&'static [&'static str]>,
}

impl<'de> Deserializer<'de> for Listener<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("nothing to read"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.announced = Some(fields);
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_the_types() {
        assert_eq!(known(&["load"]), Some(["rate_rps", "arrivals", "seconds", "warmup_s"].as_slice()));
        assert_eq!(known(&["clients", "churn"]), Some(["requests", "reset_ratio"].as_slice()));
        assert_eq!(known(&["clients", "headers"]), None);
    }

    #[test]
    fn what_was_meant_is_found() {
        let keys = known(&["load"]).expect("a table of the workload");
        let check = |key: &str, want: Option<&str>| assert_eq!(nearest(key, keys.iter().copied()), want, "{key}");
        check("rate", Some("rate_rps"));
        check("arivals", Some("arrivals"));
        check("secnods", Some("seconds"));
        check("warmup", Some("warmup_s"));
        check("Warmup-S", Some("warmup_s"));
        check("colour", None);
    }
}
