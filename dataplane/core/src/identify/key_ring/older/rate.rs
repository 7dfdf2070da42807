//! Rates as the older systems write them. A bare number counts requests a minute, as theirs did: their limiters had
//! windows of a minute, and all of a window could come at once, so that is the burst.

use serde_json::Value;

use crate::identify::api_key::KeyRate;

const FORMS: &str = "write requests a minute like 100, a text like \"100/min\", or an object like {\"per_second\": 10}";

/// A number, a text with its unit, or an object.
pub fn of_value(name: &str, value: &Value) -> Result<KeyRate, String> {
    let wrong = || format!("`{name}` is no rate: {FORMS}");
    match value {
        Value::Number(_) => Ok(within(count(name, value)?, 60.0)),
        Value::String(text) => {
            let (number, unit) = text.split_once('/').unwrap_or((text, "minute"));
            let number = number.trim().parse().map_err(|_| wrong())?;
            let seconds = match unit.trim().trim_end_matches('s') {
                "" | "sec" | "second" => 1.0,
                "m" | "min" | "minute" => 60.0,
                "h" | "hour" => 3600.0,
                "d" | "day" => 86_400.0,
                _ => return Err(wrong()),
            };
            Ok(within(number, seconds))
        }
        Value::Object(fields) => of_fields(name, fields).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// A number of requests a second.
pub fn per_second(name: &str, value: &Value) -> Result<KeyRate, String> {
    count(name, value).map(|count| within(count, 1.0))
}

/// A whole number.
pub fn count(name: &str, value: &Value) -> Result<u32, String> {
    let whole = value.as_u64().and_then(|count| u32::try_from(count).ok());
    whole.ok_or_else(|| format!("`{name}` is not a whole number"))
}

fn of_fields(name: &str, fields: &serde_json::Map<String, Value>) -> Option<KeyRate> {
    let (mut requests, mut seconds, mut burst) = (None, None, None);
    for (field, value) in fields {
        let number = count(name, value).ok()?;
        let (is_rate, unit) = match field.as_str() {
            "per_second" | "requests_per_second" | "rps" => (true, 1.0),
            "per_minute" | "requests_per_minute" | "rpm" => (true, 60.0),
            "per_hour" | "requests_per_hour" => (true, 3600.0),
            "requests" | "limit" | "max_requests" => (true, 0.0),
            "window" | "window_seconds" => (false, f64::from(number)),
            "window_ms" => (false, f64::from(number) / 1000.0),
            "burst" | "burst_limit" => {
                burst = Some(number);
                continue;
            }
            _ => return None,
        };
        if is_rate && requests.replace(number).is_some() {
            return None;
        }
        if unit > 0.0 && seconds.replace(unit).is_some() {
            return None;
        }
    }
    let rate = within(requests?, seconds.unwrap_or(60.0));
    Some(KeyRate { burst: burst.unwrap_or(rate.burst), ..rate })
}

/// So many requests in so many seconds. It is judged by [`KeyRate::new`], which knows what is too much.
fn within(requests: u32, seconds: f64) -> KeyRate {
    KeyRate { rate_rps: f64::from(requests) / seconds, burst: requests }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rates_have_many_shapes() {
        for (value, rate_rps, burst) in [
            (json!(120), 2.0, 120),
            (json!("120"), 2.0, 120),
            (json!("120/min"), 2.0, 120),
            (json!("10/s"), 10.0, 10),
            (json!("7200 / hour"), 2.0, 7200),
            (json!({ "per_second": 5 }), 5.0, 5),
            (json!({ "requests_per_minute": 60, "burst": 9 }), 1.0, 9),
            (json!({ "requests": 100, "window": 50 }), 2.0, 100),
            (json!({ "limit": 100, "window_ms": 50_000 }), 2.0, 100),
            (json!({ "max_requests": 60 }), 1.0, 60),
        ] {
            assert_eq!(of_value("rate_limit", &value), Ok(KeyRate { rate_rps, burst }), "{value}");
        }
        for wrong in [
            json!(-1),
            json!(1.5),
            json!("fast"),
            json!("1/fortnight"),
            json!({}),
            json!({ "window": 5 }),
            json!([1]),
            json!({ "rps": 1, "rpm": 60 }),
            json!({ "speed": 1 }),
            json!(true),
            json!({ "rps": "1" }),
        ] {
            let error = of_value("rate_limit", &wrong).expect_err("no rate");
            assert!(error.contains("`rate_limit`"), "{error}");
        }
    }
}
