//! JSON: a value's text survives, and its members are those that a whole parser finds.

use proptest::collection::vec;
use proptest::prelude::*;
use ringway_core::json::{JsonParser, Value, scan};
use serde_json::Value as Tree;

/// Any JSON text, with white space, escapes and numbers as people write them.
fn text() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        any::<String>().prop_map(|text| Tree::String(text).to_string()),
        Just(r#""\u0061\ud83d\ude00\/\"}],{[""#.to_owned()),
    ];
    let number = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,10})?([eE][+-]?[0-9]{1,2})?",
    ];
    let leaf = prop_oneof![
        string,
        number,
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[ ]".to_owned()),
        Just("{\n}".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let space = prop_oneof![Just(""), Just(" "), Just("\n\t")];
        let items = vec((inner.clone(), space.clone()), 0..6).prop_map(|items| {
            let items: Vec<String> = items.iter().map(|(item, s)| format!("{s}{item}{s}")).collect();
            format!("[{}]", items.join(","))
        });
        let members = vec((inner, any::<char>(), space), 0..16).prop_map(|members| {
            let one = |(index, (value, key, s)): (usize, &(String, char, &str))| {
                let key = Tree::String(format!("{key}{index}"));
                format!("{s}{key}{s}:{s}{value}{s}")
            };
            let members: Vec<String> = members.iter().enumerate().map(one).collect();
            format!("{{{}}}", members.join(","))
        });
        prop_oneof![items, members]
    })
}

/// Holds `value` to the tree of the same text.
fn compare(value: Value<'_>, tree: &Tree) {
    let again: Tree = serde_json::from_str(value.text()).expect("a value's text is JSON");
    assert_eq!(&again, tree);
    assert_eq!(value.as_str(), tree.as_str());
    assert_eq!(value.is_null(), tree.is_null());
    assert_eq!(value.is_number(), tree.is_number());
    assert_eq!(value.array_len(), tree.as_array().map(Vec::len));
    if let (Some(object), Some(members)) = (value.as_object(), tree.as_object()) {
        for (key, member) in members {
            compare(object.get(key).expect("the same members"), member);
            assert_eq!(object.str(key), member.as_str());
            assert!(object.has(key));
        }
        assert!(object.get("no such member").is_none());
    }
    if let (Some(items), Some(trees)) = (value.as_array(), tree.as_array()) {
        let items: Vec<Value<'_>> = items.collect();
        assert_eq!(items.len(), trees.len());
        for (item, tree) in items.into_iter().zip(trees) {
            compare(item, tree);
        }
    }
    assert_eq!(value.as_object().is_some(), tree.is_object());
}

proptest! {
    #[test]
    fn good_text_is_read_as_serde_reads_it(text in text(), before in "[ \n]{0,3}", after in "[ \r\t]{0,3}") {
        let tree: Tree = serde_json::from_str(&text).expect("good JSON");
        let padded = format!("{before}{text}{after}");
        let mut parser = JsonParser::default();
        // Twice: buffers that were used serve again.
        for _ in 0..2 {
            parser
                .with(padded.as_bytes(), |value| {
                    assert_eq!(value.text(), text);
                    compare(value, &tree);
                })
                .expect("what serde takes, we take");
        }
    }

    #[test]
    fn nothing_is_left_of_what_a_tree_was_before(former in text(), text in text(), long in "[a-z]{9}", short in "[a-z]{2}") {
        // They share two members, and each has one of its own.
        let former = format!(r#"{{"a":{text},"b":{former},"s":"{long}"}}"#);
        let text = format!(r#"{{"b":{text},"c":{text},"s":"{short}"}}"#);
        let mut tree: Tree = serde_json::from_str(&former).expect("good JSON");
        let filled = JsonParser::default().with(text.as_bytes(), |value| value.fill(&mut tree));
        prop_assert_eq!(filled, Ok(true));
        prop_assert_eq!(tree, serde_json::from_str::<Tree>(&text).expect("good JSON"));
    }

    #[test]
    fn bad_text_is_refused_where_serde_refuses_it(text in text(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let good = serde_json::from_slice::<Tree>(&bytes).is_ok();
        let taken = JsonParser::default().with(&bytes, |value| value.to_tree().is_some());
        if !good {
            // What simd-json is laxer about is caught where a tree is made.
            prop_assert!(!taken.unwrap_or(false), "{:?}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn the_scanner_survives_any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        let most = bytes.len() + 1;
        for at in 0..bytes.len() {
            prop_assert!(scan::behind_key(&bytes, at) <= bytes.len());
            prop_assert!(scan::value_at(&bytes, at).len() <= bytes.len());
        }
        prop_assert!(scan::elements(&bytes).take(most + 1).count() <= most);
        // No verdict is wanted, only an end.
        let _ = JsonParser::default().with(&bytes, |value| value.to_tree());
    }
}
