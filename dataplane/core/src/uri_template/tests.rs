//! What templates match, what they refuse to be, and that no pair of template and URI takes long.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{TEMPLATE_BYTES_MAX, URI_BYTES_MAX, UriTemplate, VARIABLES_MAX};

/// `want` is `a=1;b=2`, or `-` where nothing matches.
#[track_caller]
fn check(template: &str, uri: &str, want: &str) {
    let parsed = UriTemplate::parse(template).unwrap_or_else(|error| panic!("{template}: {error}"));
    let got = parsed.matches(uri).map_or("-".to_owned(), |values| {
        values.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(";")
    });
    assert_eq!(got, want, "{template} on {uri}");
}

#[test]
fn templates_match() {
    check("a://b", "a://b", "");
    check("a://b", "a://bc", "-");
    check("a://b", "a://", "-");
    check("", "", "");
    check("", "a", "-");
    check("note://{id}", "note://42", "id=42");
    check("note://{id}", "note://", "-");
    check("note://{id}", "note://4/2", "-");
    check("note://{id}", "note://4%2F2", "id=4/2");
    check("note://{id}", "note://a?b", "-");
    check("note://{id}", "other://42", "-");
    check("x://{a}/{b}", "x://1/2", "a=1;b=2");
    check("x://{a}/{b}", "x://1/2/3", "-");
    check("x://{a}-{b}", "x://1-2-3", "a=1-2;b=3");
    check("x://{name}.{ext}", "x://a.tar.gz", "name=a.tar;ext=gz");
    check("x://{name}{.ext}", "x://a.tar.gz", "name=a.tar;ext=gz");
    check("x://{name}{.ext}", "x://a", "-");
    check("file://{+path}", "file:///etc/a?b#c", "path=/etc/a?b#c");
    check("file://{+path}/end", "file:///a/end/end", "path=/a/end");
    check("x://h{/a}{/b}", "x://h/1/2", "a=1;b=2");
    check("x://h{/a}", "x://h", "-");
    check("x://h{#f}", "x://h#a/b", "f=a/b");
    check("x://h{#f}", "x://h", "-");
    check("é://{a}é", "é://éé", "a=é");
    check("x://{a%20b}", "x://1", "a%20b=1");
    check("x://{a.b}", "x://1", "a.b=1");
}

#[test]
fn parameters_may_be_absent_and_in_any_order() {
    let template = "db://{t}{?q,limit}";
    check(template, "db://a", "t=a");
    check(template, "db://a?q=1", "t=a;q=1");
    check(template, "db://a?limit=2&q=1%262", "t=a;q=1&2;limit=2");
    check(template, "db://a?q", "t=a;q=");
    check(template, "db://a?q=a=b", "t=a;q=a=b");
    check(template, "db://a?q=a+b", "t=a;q=a+b");
    check(template, "db://a?q=a/b?c", "t=a;q=a/b?c");
    check(template, "db://a?q=1&q=2", "-");
    check(template, "db://a?other=1", "-");
    check(template, "db://a?", "-");
    check(template, "db://a?q=1&", "-");
    check(template, "db://a?q=1#f", "-");
    check("db://a?fixed=1{&q}", "db://a?fixed=1&q=2", "q=2");
    check("db://a?fixed=1{&q}", "db://a?fixed=1", "");
    check("db://a?fixed=1{&q}", "db://a?fixed=12", "-");
    check("db://a{?q}{&r}", "db://a?r=1", "r=1");
    check("db://a{?q}{#f}", "db://a?q=1#2", "q=1;f=2");
    check("db://a{?q}#end", "db://a#end", "");
}

#[test]
fn broken_encodings_match_nothing() {
    for uri in ["note://%", "note://%4", "note://%zz", "note://%ff", "note://%+1"] {
        check("note://{id}", uri, "-");
    }
    check("note://{id}", "note://%E2%82%AC", "id=€");
    check("note://{id}", "note://%00..", "id=\0..");
}

#[test]
fn what_is_no_template_says_why() {
    let refused = |template: &str, want: &str| {
        let error = UriTemplate::parse(template).expect_err(template).to_string();
        assert!(error.contains(want), "{template}: {error}");
    };
    refused("{a", "without its partner");
    refused("a}", "without its partner");
    refused("{a{b}}", "no variable name");
    refused("{}", "no variable name");
    refused("{+}", "no variable name");
    refused("{a:3}", "`:3` are not supported");
    refused("{a*}", "`*` and");
    refused("{a-b}", "no variable name");
    refused("{a%2}", "no variable name");
    refused("{é}", "operator");
    refused("{;a}", "unknown operator");
    refused("{=a}", "unknown operator");
    refused("{a,b}", "several variables");
    refused("{/a,b}", "several variables");
    refused("{a}{b}", "next to another");
    refused("{a}{+b}", "next to another");
    refused("{+a}{?b}", "next to another");
    refused("{a}/{a}", "twice");
    refused("{?a}x", "only a fragment");
    refused("{?a}{b}", "only a fragment");
    refused("{?a}{?b}", "only a fragment");
    refused("a b", "outside braces");
    refused("a\u{0}", "outside braces");
    refused(&"a".repeat(TEMPLATE_BYTES_MAX + 1), "longer than 2048");
    let many: String = (0..=VARIABLES_MAX).map(|index| format!("/{{v{index}}}")).collect();
    refused(&many, "more than 32 variables");
}

#[test]
fn names_are_listed() {
    let template = UriTemplate::parse("x://{a}{/b}{?c,d}{#e}").expect("a template");
    assert_eq!(template.variables().collect::<Vec<_>>(), ["a", "b", "c", "d", "e"]);
}

/// Goal: time is bounded by lengths alone. Method: what makes a backtracking matcher take forever, at full length.
#[test]
fn hostile_uris_take_no_longer() {
    let variables: String = (0..VARIABLES_MAX).map(|index| format!("a{{+v{index}}}")).collect();
    let commas: String = (0..VARIABLES_MAX).map(|index| format!("{{v{index}}},")).collect();
    let long_literal = format!("{{+v}}{}b", "a".repeat(TEMPLATE_BYTES_MAX - 8));
    for (template, unit) in
        [(format!("{variables}!"), "a"), (commas, ","), (long_literal, "a"), ("{?a}".to_owned(), "?")]
    {
        let parsed = UriTemplate::parse(&template).expect("a template");
        let uri = unit.repeat(URI_BYTES_MAX);
        let started = Instant::now();
        let _ = parsed.matches(&uri);
        assert!(started.elapsed() < Duration::from_secs(10), "{template}: {:?}", started.elapsed());
    }
    let any = UriTemplate::parse("{+a}").expect("a template");
    assert!(any.matches(&"a".repeat(URI_BYTES_MAX)).is_some());
    assert!(any.matches(&"a".repeat(URI_BYTES_MAX + 1)).is_none());
}

/// Percent-encodes all but unreserved characters, as RFC 6570 does for `{var}`.
fn encode(value: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value
        .bytes()
        .map(|byte| if unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

proptest! {
    #[test]
    fn parsing_and_matching_never_panic(template in "[{}?&#+/.,a-c:é%*]{0,24}", uri in "[?&#+/.,a-c=é%2]{0,24}") {
        if let Ok(template) = UriTemplate::parse(&template) {
            let _ = template.matches(&uri);
        }
    }

    #[test]
    fn an_expanded_template_matches(a in ".{1,12}", b in ".{1,12}", q in proptest::option::of(".{0,12}"), f in "[a-z/?]{1,9}") {
        let template = UriTemplate::parse("x://h/{a}{/b}{?q}{#f}").expect("a template");
        let query = q.as_ref().map(|q| format!("?q={}", encode(q))).unwrap_or_default();
        let uri = format!("x://h/{}/{}{query}#{f}", encode(&a), encode(&b));
        let mut want = vec![("a".to_owned(), a), ("b".to_owned(), b)];
        want.extend(q.map(|q| ("q".to_owned(), q)));
        want.push(("f".to_owned(), f));
        prop_assert_eq!(template.matches(&uri), Some(want));
    }

    /// What matches can be put together again, so nothing of the URI is lost or made up.
    #[test]
    fn a_match_covers_the_uri(uri in "[ab/.]{0,16}") {
        let template = UriTemplate::parse("{a}/{+b}.{c}").expect("a template");
        if let Some(values) = template.matches(&uri) {
            prop_assert_eq!(format!("{}/{}.{}", values[0].1, values[1].1, values[2].1), uri);
        } else {
            // By hand: a value without `/`, a `/`, anything, and a `.` with something after it that has no `/`.
            let by_hand = uri.split_once('/').is_some_and(|(a, rest)| {
                !a.is_empty() && rest.rsplit('/').next().is_some_and(|tail| {
                    let start = rest.len() - tail.len();
                    (start.max(1)..rest.len().saturating_sub(1)).any(|at| rest.as_bytes()[at] == b'.')
                })
            });
            prop_assert!(!by_hand, "{}", uri);
        }
    }
}
