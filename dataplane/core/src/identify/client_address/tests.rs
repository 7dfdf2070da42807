//! Tables for [`client_address`]: who is believed, and how far.

use super::*;

const PROXIES: [&str; 3] = ["127.0.0.1/32", "192.168.0.0/16", "fd00::/8"];

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn found(peer: &str, x_forwarded_for: &[&str], forwarded: &[&str]) -> ClientAddress {
    let proxies = AddressList::parse(&PROXIES).expect("networks");
    let plain = x_forwarded_for.iter().map(|line| line.as_bytes());
    let standard = forwarded.iter().map(|line| line.as_bytes());
    client_address(address(peer), &proxies, plain, standard)
}

#[track_caller]
fn check_plain(lines: &[&str], want: &str, doubt: Option<Doubt>) {
    let got = found("127.0.0.1", lines, &[]);
    assert_eq!((got.address, got.doubt), (address(want), doubt), "{lines:?}");
    assert_eq!(got.told_by == ToldBy::Peer, want == "127.0.0.1", "{lines:?}: {got:?}");
}

#[track_caller]
fn check_standard(lines: &[&str], want: &str, doubt: Option<Doubt>) {
    let got = found("127.0.0.1", &[], lines);
    assert_eq!((got.address, got.doubt), (address(want), doubt), "{lines:?}");
}

#[test]
fn only_a_configured_proxy_is_believed() {
    for peer in ["8.8.8.8", "::1", "127.0.0.2", "::ffff:8.8.8.8"] {
        let got = found(peer, &["10.0.0.1"], &["for=10.0.0.1"]);
        assert_eq!(got, ClientAddress::of_peer(address(peer)), "{peer}");
    }
    assert_eq!(found("::ffff:127.0.0.1", &["10.0.0.1"], &[]).address, address("10.0.0.1"));
    let nobody =
        client_address(address("127.0.0.1"), &AddressList::default(), [&b"10.0.0.1"[..]].into_iter(), [].into_iter());
    assert_eq!(nobody, ClientAddress::of_peer(address("127.0.0.1")));
}

#[test]
fn the_right_most_stranger_is_the_client() {
    check_plain(&["10.0.0.1"], "10.0.0.1", None);
    check_plain(&["8.8.8.8, 10.0.0.1, 192.168.0.9"], "10.0.0.1", None);
    check_plain(&["10.0.0.1", "8.8.8.8"], "8.8.8.8", None);
    check_plain(&["8.8.8.8", "192.168.0.9,192.168.0.8"], "8.8.8.8", None);
    check_plain(&["foo, 8.8.8.8, 192.168.0.9"], "8.8.8.8", None);
    check_plain(&["fd00::1, ::ffff:192.168.1.1"], "fd00::1", None);
    check_plain(&["192.168.0.7, 192.168.0.9"], "192.168.0.7", None);
    assert_eq!(found("127.0.0.1", &["127.0.0.1"], &[]).told_by, ToldBy::XForwardedFor);
}

#[test]
fn a_proxy_that_says_nothing_is_the_client() {
    let cases: [&[&str]; 4] = [&[], &[""], &[" , ,\t"], &["", ""]];
    for lines in cases {
        check_plain(lines, "127.0.0.1", None);
        check_standard(lines, "127.0.0.1", None);
    }
}

#[test]
fn hops_are_addresses_with_or_without_ports() {
    for (hop, want) in [
        ("10.0.0.1:1234", "10.0.0.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[::ffff:10.0.0.1]:443", "10.0.0.1"),
        ("::ffff:a00:1", "10.0.0.1"),
        ("\t10.0.0.1 ", "10.0.0.1"),
    ] {
        check_plain(&[hop], want, None);
    }
}

#[test]
fn what_is_no_hop_ends_the_way_at_the_last_one_who_is_trusted() {
    for hop in [
        "foo",
        "10.0.0",
        "10.0.0.1:",
        "10.0.0.1:99999",
        "10.0.0.1:1:2",
        "10.0.0.1:+1",
        "010.0.0.1",
        "0x0a000001",
        "[10.0.0.1]",
        "[::1",
        "::1]",
        "[::1]443",
        "fe80::1%eth0",
        "[fe80::1%2]:80",
        "10.0.0.1 10.0.0.2",
        "\"10.0.0.1\"",
        "10.0.0.1;x",
        "localhost",
        ":80",
        "\u{ff11}0.0.0.1",
        "_",
        "_a b",
    ] {
        check_plain(&[hop], "127.0.0.1", Some(Doubt::Malformed));
        check_plain(&[&format!("10.0.0.1, {hop}, 192.168.0.9")], "192.168.0.9", Some(Doubt::Malformed));
    }
    check_plain(&[&"1".repeat(70_000)], "127.0.0.1", Some(Doubt::Malformed));
    for hop in ["unknown", "UNKNOWN", "_hidden", "_x.y-z", "unknown:80", "_hidden:_port"] {
        check_plain(&[&format!("10.0.0.1, {hop}")], "127.0.0.1", Some(Doubt::Withheld));
    }
}

#[test]
fn the_standard_field_is_read_as_it_is_defined() {
    check_standard(&["for=192.0.2.60;proto=http;by=203.0.113.43"], "192.0.2.60", None);
    check_standard(&["proto=http; FOR=\"192.0.2.60:4711\""], "192.0.2.60", None);
    check_standard(&["for=8.8.8.8, for=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17", None);
    check_standard(&["for=8.8.8.8, for=192.168.0.9;by=\"a,for=1.2.3.4\""], "8.8.8.8", None);
    check_standard(&["for=1.2.3.4", "for=8.8.8.8,for=192.168.0.9"], "8.8.8.8", None);
    check_standard(&["for=[::1]:80"], "::1", None);
    check_standard(&["for=192.0.2.60:80;"], "192.0.2.60", None);
    check_standard(&["for=unknown"], "127.0.0.1", Some(Doubt::Withheld));
    check_standard(&["for=\"_gazonk\""], "127.0.0.1", Some(Doubt::Withheld));
    check_standard(&["for=1.2.3.4, proto=https"], "127.0.0.1", Some(Doubt::Withheld));
    for bad in [
        "192.0.2.60",
        "for",
        "for=",
        "for=1.1.1.1;for=2.2.2.2",
        "for=\"1.1.1.1",
        "for=\"1.1.1\\.1\"",
        "for=1.1.1.1\"\"",
        "for=\"\"",
        "for =1.1.1.1;x",
        "for= ",
        "for=\"1.1.1.1\"x",
        "for=\"[fe80::1%eth0]\"",
        "for=\"[fe80::1%251]:80\"",
    ] {
        check_standard(&[bad], "127.0.0.1", Some(Doubt::Malformed));
    }
}

/// Goal: a caller cannot hide what the proxy adds to its own words. Method: what it may send, before what the proxy adds.
#[test]
fn an_open_quotation_hides_nothing() {
    for own in ["for=10.0.0.1;by=\"", "for=10.0.0.1;by=\"\\", "for=\"10.0.0.1", "\"", "\\\"", "for=10.0.0.1, x=\""] {
        for added in ["for=8.8.8.8", "for=\"8.8.8.8:1\"", "for=\"[2001:db8::1]\";by=\"_x\""] {
            let got = found("127.0.0.1", &[], &[&format!("{own}, {added}")]);
            assert_eq!((got.address, got.doubt), (address("127.0.0.1"), Some(Doubt::Malformed)), "{own} {added}");
            assert_eq!(found("127.0.0.1", &[], &[own, added]).doubt, None, "{own} | {added}");
        }
    }
}

#[test]
fn two_fields_must_agree() {
    let check = |plain: &str, standard: &str, want: &str, doubt: Option<Doubt>| {
        let got = found("127.0.0.1", &[plain], &[standard]);
        assert_eq!((got.address, got.doubt), (address(want), doubt), "{plain} and {standard}");
    };
    check("8.8.8.8", "for=8.8.8.8", "8.8.8.8", None);
    check("1.1.1.1, 8.8.8.8", "for=\"8.8.8.8:80\"", "8.8.8.8", None);
    check("8.8.8.8", "for=10.0.0.1", "127.0.0.1", Some(Doubt::Disagreement));
    check("8.8.8.8", "for=garbage", "127.0.0.1", Some(Doubt::Disagreement));
    check("garbage", "for=8.8.8.8", "127.0.0.1", Some(Doubt::Disagreement));
    check("", "for=8.8.8.8", "8.8.8.8", None);
    check("8.8.8.8", " ", "8.8.8.8", None);
}

#[test]
fn work_is_bounded() {
    let hop = "192.168.0.9";
    let plain = |count: usize| vec![hop; count].join(",");
    let standard = |count: usize| vec!["for=192.168.0.9"; count].join(",");
    check_plain(&[&format!("8.8.8.8,{}", plain(HOPS_MAX - 1))], "8.8.8.8", None);
    check_plain(&[&format!("8.8.8.8,{}", plain(HOPS_MAX))], hop, Some(Doubt::TooManyHops));
    check_plain(&[&plain(5000)], hop, Some(Doubt::TooManyHops));
    check_standard(&[&format!("for=8.8.8.8,{}", standard(HOPS_MAX - 1))], "8.8.8.8", None);
    check_standard(&[&format!("for=8.8.8.8,{}", standard(HOPS_MAX))], hop, Some(Doubt::TooManyHops));
    check_standard(&[&standard(5000)], hop, Some(Doubt::TooManyHops));
    check_standard(&[&format!("for=8.8.8.8{}", ",".repeat(HOPS_MAX))], "8.8.8.8", None);
    for commas in [HOPS_MAX + 5, 60_000] {
        check_standard(&[&format!("for=8.8.8.8{}", ",".repeat(commas))], "127.0.0.1", Some(Doubt::Malformed));
        check_plain(&[&format!("8.8.8.8{}", ",".repeat(commas))], "127.0.0.1", Some(Doubt::Malformed));
    }
    let lines = vec![hop; 3 * HOPS_MAX];
    check_plain(&lines, hop, Some(Doubt::TooManyHops));
}

#[test]
fn what_is_in_doubt_is_allowed_by_no_list() {
    let everybody = AddressList::parse(&["0.0.0.0/0", "::/0"]).expect("networks");
    assert!(found("127.0.0.1", &["8.8.8.8"], &[]).is_allowed(&everybody));
    assert!(!found("127.0.0.1", &["foo"], &[]).is_allowed(&everybody));
    assert!(!found("127.0.0.1", &["8.8.8.8"], &[]).is_allowed(&AddressList::default()));
}

/// Goal: an address is the same on every link, and what names a link is none. Method: a peer as the kernel tells it, with the
/// scope beside the address, and a list.
#[test]
fn a_scope_is_no_part_of_an_address() {
    let list = AddressList::parse(&["fe80::1"]).expect("an address");
    for scope_id in [0, 1, 7] {
        let peer = std::net::SocketAddr::from(std::net::SocketAddrV6::new(
            "fe80::1".parse().expect("an address"),
            4711,
            0,
            scope_id,
        ));
        assert!(ClientAddress::of_peer(peer.ip()).is_allowed(&list), "scope {scope_id}");
    }
    // A proxy that names a link: in doubt, though the list has the address and, here, the proxy too.
    let proxies = AddressList::parse(&["fe80::1"]).expect("an address");
    let got = client_address(address("fe80::1"), &proxies, [&b"fe80::1%eth0"[..]].into_iter(), std::iter::empty());
    assert_eq!(got.doubt, Some(Doubt::Malformed));
    assert!(!got.is_allowed(&list));
}
