//! Names that are handed out and come back: handles, cursors, sealed states. Only what was handed out leads anywhere.

use proptest::prelude::*;
use ringway_core::mcp::cursor;
use ringway_core::mcp::request_state::{Binding, StateFault, StateKey};
use ringway_core::session::Handle;

fn binding([principal, method, target]: &[String; 3]) -> Binding<'_> {
    Binding { principal, method, target }
}

proptest! {
    #[test]
    fn a_handle_comes_back(home in any::<u16>(), random in any::<[u8; 16]>()) {
        let handle = Handle { home, random };
        let text = handle.to_string();
        prop_assert_eq!(Handle::parse(text.as_bytes()), Some(handle));
    }

    #[test]
    fn a_text_is_a_handle_only_as_it_is_written(text in prop_oneof!["[0-9a-fA-F]{36}", "\\PC{0,40}"]) {
        if let Some(handle) = Handle::parse(text.as_bytes()) {
            prop_assert_eq!(handle.to_string(), text);
        }
    }

    #[test]
    fn a_cursor_leads_where_it_was_made_for(generation in any::<u64>(), index in any::<u32>(), count in any::<u32>()) {
        let (index, count) = (index as usize, count as usize);
        let read = cursor::read(&cursor::write(generation, index), count);
        prop_assert_eq!(read, (index < count).then_some(index));
    }

    #[test]
    fn no_cursor_leads_past_its_list(text in "\\PC{0,20}|p[0-9a-f]{0,18}\\.[0-9a-f+-]{0,18}", count in 0usize..100) {
        prop_assert!(cursor::read(&text, count).is_none_or(|index| index < count));
    }

    #[test]
    fn a_state_opens_for_its_own_request_only(
        key in any::<[u8; 32]>(),
        names in any::<[String; 3]>(),
        other in any::<[String; 3]>(),
        content in any::<String>(),
        expires in 1u64..u64::MAX / 2,
        flip in any::<prop::sample::Index>(),
    ) {
        let own_binding = binding(&names);
        let other_binding = binding(&other);
        let key = StateKey::new(&key);
        let state = key.seal(own_binding, expires, &content);
        prop_assert_eq!(key.open(own_binding, expires, &state), Ok(content));
        prop_assert_eq!(key.open(own_binding, expires + 1, &state), Err(StateFault::Expired));
        if names != other {
            prop_assert_eq!(key.open(other_binding, 0, &state), Err(StateFault::Forged));
        }
        let mut bytes = state.into_bytes();
        let at = flip.index(bytes.len());
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        let changed = String::from_utf8(bytes).expect("ASCII");
        prop_assert_eq!(key.open(own_binding, 0, &changed), Err(StateFault::Forged));
    }
}
