//! Which addresses are meant: a list of IPv4 and IPv6 networks, compiled so that looking one up is a binary search. It
//! never resolves a name, and an empty list means nobody.

use std::net::IpAddr;

use crate::address_network::{BadAddress, Network};

/// Entries of a list; more are refused when it is read. 65,536 compile to 2 MiB of IPv6 at the most.
pub const ADDRESSES_MAX: usize = 1 << 16;

/// Networks of both families. IPv4 addresses within IPv6 (`::ffff:a.b.c.d`) are IPv4 addresses, in the list and when they
/// are looked up; no IPv6 network, `::/0` included, contains an IPv4 address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressList {
    /// First and last address of each range: ascending, neither overlapping nor adjacent.
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl AddressList {
    /// Reads and compiles a list. Order and repetition do not matter.
    ///
    /// # Errors
    /// The first entry that is no address and no network, or that there are more than [`ADDRESSES_MAX`].
    pub fn parse<T: AsRef<str>>(entries: &[T]) -> Result<AddressList, BadAddress> {
        if entries.len() > ADDRESSES_MAX {
            let count = entries.len();
            let why = format!("{count} addresses are too many: name up to {ADDRESSES_MAX}, by their networks");
            return Err(BadAddress::new(why));
        }
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for entry in entries {
            match Network::parse(entry.as_ref())? {
                Network::V4 { first, last } => v4.push((first, last)),
                Network::V6 { first, last } => v6.push((first, last)),
            }
        }
        Ok(AddressList {
            v4: merged(v4, |last, first| first <= last.saturating_add(1)),
            v6: merged(v6, |last, first| first <= last.saturating_add(1)),
        })
    }

    /// Whether an address is in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(v4) => is_within(&self.v4, v4.to_bits()),
            IpAddr::V6(v6) => is_within(&self.v6, v6.to_bits()),
        }
    }

    /// Whether it contains no address at all.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// Ascending ranges, those that touch joined into one.
fn merged<A: Copy + Ord>(mut ranges: Vec<(A, A)>, touches: impl Fn(A, A) -> bool) -> Box<[(A, A)]> {
    ranges.sort_unstable();
    let mut joined: Vec<(A, A)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(open) if touches(open.1, first) => open.1 = open.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined.into_boxed_slice()
}

fn is_within<A: Copy + Ord>(ranges: &[(A, A)], address: A) -> bool {
    let behind = ranges.partition_point(|(first, _)| *first <= address);
    behind.checked_sub(1).is_some_and(|index| address <= ranges[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(entries: &[&str], inside: &[&str], outside: &[&str]) {
        let list = AddressList::parse(entries).expect("good entries");
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        for text in inside {
            assert!(list.contains(address(text)), "{text} is in {entries:?}");
        }
        for text in outside {
            assert!(!list.contains(address(text)), "{text} is not in {entries:?}");
        }
    }

    #[test]
    fn an_empty_list_means_nobody() {
        check(&[], &[], &["0.0.0.0", "127.0.0.1", "::", "::1"]);
        assert!(AddressList::default().is_empty());
        assert_eq!(AddressList::parse::<String>(&[]), Ok(AddressList::default()));
    }

    #[test]
    fn edges_are_inside() {
        let inside = ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3", "::ffff:a01:203"];
        let outside =
            ["9.255.255.255", "11.0.0.0", "::10.1.2.3", "64:ff9b::a01:203", "2002:a01:203::1", "::ffff:11.0.0.1"];
        check(&["10.0.0.0/8"], &inside, &outside);
        check(
            &["2001:db8::/32"],
            &["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
            &["2001:db9::", "2001:db7::"],
        );
        check(&["0.0.0.0/0"], &["0.0.0.0", "255.255.255.255"], &["::", "::1"]);
        check(&["::/0"], &["::", "::1", "ffff::"], &["0.0.0.0", "::ffff:1.2.3.4"]);
        check(&["255.255.255.255", "255.255.255.254"], &["255.255.255.255"], &["255.255.255.253", "0.0.0.0"]);
    }

    /// Goal: the table is as small as its meaning. Method: overlapping, repeated and adjacent networks are one range.
    #[test]
    fn what_touches_is_one_range() {
        let entries = ["10.1.0.0/16", "10.0.0.0/9", "10.128.0.0/9", "10.0.0.0/9", "::ffff:10.3.0.0/112", "192.0.2.1"];
        let list = AddressList::parse(&entries).expect("good entries");
        assert_eq!(list.v4.len(), 2, "{:?}", list.v4);
        assert_eq!(AddressList::parse(&["192.0.2.1", "10.0.0.0/8"]), Ok(list));
    }

    #[test]
    fn one_bad_entry_spoils_the_list() {
        let error = AddressList::parse(&["10.0.0.0/8", "10.1.2.3/8"]).expect_err("host bits");
        assert!(error.to_string().contains("10.1.2.3/8"), "{error}");
        let many = vec!["10.0.0.1"; ADDRESSES_MAX + 1];
        assert!(AddressList::parse(&many).is_err_and(|error| error.to_string().contains("too many")));
        assert!(AddressList::parse(&many[1..]).is_ok());
    }
}
