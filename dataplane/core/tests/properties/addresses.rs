//! Whose connection it is, and whose request: headers however they are cut, hops whatever they are made of.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use ringway_core::identify::client_address::{ClientAddress, ToldBy, client_address};
use ringway_core::identify::proxy_protocol::{self, PROXY_HEADER_BYTES_MAX, ProxyHeader};
use ringway_policy::AddressList;

/// Bytes that are a header, nearly one, or none.
fn connection_start() -> impl Strategy<Value = Vec<u8>> {
    let fixed =
        (prop_oneof![Just(0x20u8), Just(0x21), any::<u8>()], prop::sample::select(vec![0x11u8, 0x21, 0, 0x12, 0x31]));
    let header =
        (fixed, prop::collection::vec(any::<u8>(), 0..120), -3i32..3).prop_map(|((command, family), rest, slip)| {
            let length = (i32::try_from(rest.len()).expect("short") + slip).clamp(0, 200) as u16;
            [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family], &length.to_be_bytes(), &rest].concat()
        });
    prop_oneof![
        6 => header,
        1 => prop::collection::vec(any::<u8>(), 0..80),
        1 => "PROXY TCP4 [0-9. ]{0,30}|PRO[A-Z ]{0,4}".prop_map(String::into_bytes),
        1 => (0usize..16, any::<u8>()).prop_map(|(at, byte)| {
            let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c0123456789ab".to_vec();
            bytes[at] = byte;
            bytes
        }),
    ]
}

/// A hop, and the address it is when it is one.
fn hop() -> impl Strategy<Value = (String, Option<IpAddr>)> {
    let proxy = any::<[u8; 2]>().prop_map(|[a, b]| IpAddr::from([192, 168, a, b]));
    let address = prop_oneof![proxy, any::<IpAddr>(), any::<Ipv4Addr>().prop_map(IpAddr::from)];
    let written = (address, any::<Option<u16>>(), any::<bool>()).prop_map(|(address, port, bracketed)| {
        let text = match (address, port) {
            (IpAddr::V4(v4), Some(port)) => format!("{v4}:{port}"),
            (IpAddr::V6(v6), Some(port)) => format!("[{v6}]:{port}"),
            (IpAddr::V6(v6), None) if bracketed => format!("[{v6}]"),
            (address, None) => address.to_string(),
        };
        (text, Some(address.to_canonical()))
    });
    prop_oneof![8 => written, 1 => "[a-z.:0-9_-]{1,12}".prop_filter_map("an address", |text| {
        text.parse::<IpAddr>().is_err().then_some(text)
    }).prop_filter("with a port", |text| !text.contains('.') || !text.contains(':')).prop_map(|text| (text, None))]
}

proptest! {
    #[test]
    fn a_proxy_header_reads_the_same_however_it_is_cut(bytes in connection_start()) {
        let whole = proxy_protocol::read(&bytes);
        let mut decided = None;
        for end in 0..=bytes.len() {
            let part = proxy_protocol::read(&bytes[..end]);
            if let Some(decided) = &decided {
                prop_assert_eq!(&part, decided, "at {}", end);
            } else if part != Ok(None) {
                decided = Some(part);
            }
        }
        prop_assert_eq!(decided.unwrap_or(Ok(None)), whole);
        if let Ok(Some(ProxyHeader::Local { header_bytes } | ProxyHeader::Proxied { header_bytes, .. })) = whole {
            prop_assert!((16..=bytes.len().min(PROXY_HEADER_BYTES_MAX)).contains(&header_bytes));
        }
    }

    #[test]
    fn the_client_is_the_right_most_stranger(hops in prop::collection::vec(hop(), 0..12), cut in any::<prop::sample::Index>()) {
        let proxies = AddressList::parse(&["192.168.0.0/16"]).expect("a network");
        let peer = IpAddr::from([192, 168, 0, 1]);
        let mut want = ClientAddress::of_peer(peer);
        let mut is_doubted = false;
        for (_, address) in hops.iter().rev() {
            let Some(address) = address else {
                is_doubted = true;
                break;
            };
            want = ClientAddress { address: *address, told_by: ToldBy::XForwardedFor, doubt: None };
            if !proxies.contains(*address) {
                break;
            }
        }
        let cut = cut.index(hops.len() + 1);
        let line = |hops: &[(String, Option<IpAddr>)]| hops.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>().join(", ");
        let lines = [line(&hops[..cut]), line(&hops[cut..])];
        let got = client_address(peer, &proxies, lines.iter().map(String::as_bytes), std::iter::empty());
        prop_assert_eq!(got.address, want.address, "{:?}", lines);
        prop_assert_eq!(got.doubt.is_some(), is_doubted, "{:?}", lines);

        let element = |(text, _): &(String, Option<IpAddr>)| format!("by=\"_a,b\"; for=\"{text}\"");
        let line = |hops: &[(String, Option<IpAddr>)]| hops.iter().map(element).collect::<Vec<_>>().join(",");
        let lines = [line(&hops[..cut]), line(&hops[cut..])];
        let standard = client_address(peer, &proxies, std::iter::empty(), lines.iter().map(String::as_bytes));
        prop_assert_eq!((standard.address, standard.doubt), (got.address, got.doubt), "{:?}", lines);
    }

    #[test]
    fn no_field_is_a_panic_or_the_address_of_a_stranger_proxy(
        plain in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..3),
        standard in prop::collection::vec("[a-z0-9.:;=,\"\\\\ \\[\\]_]{0,60}", 0..3),
    ) {
        let proxies = AddressList::parse(&["192.168.0.0/16"]).expect("a network");
        let stranger = IpAddr::from([8, 8, 8, 8]);
        for peer in [stranger, IpAddr::from([192, 168, 0, 1])] {
            let plain = plain.iter().map(Vec::as_slice);
            let got = client_address(peer, &proxies, plain, standard.iter().map(String::as_bytes));
            prop_assert!(peer != stranger || got == ClientAddress::of_peer(stranger));
        }
    }
}
