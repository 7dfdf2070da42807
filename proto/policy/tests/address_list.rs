//! Address lists against a matcher that is too simple to be wrong.
//!
//! Goal: compiling, merging and searching change nothing of what a list means. Method: proptest; random networks, and
//! addresses on both sides of their edges, judged bit by bit besides.
#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use ringway_policy::AddressList;

#[derive(Clone, Debug)]
struct Written {
    address: IpAddr,
    bits: u32,
}

impl Written {
    fn text(&self) -> String {
        format!("{}/{}", self.address, self.bits)
    }

    /// One bit after the other.
    fn contains(&self, other: IpAddr) -> bool {
        let (own, own_len) = bits(self.address);
        let (other, other_len) = bits(other);
        own_len == other_len && (0..self.bits).all(|index| bit(own, own_len, index) == bit(other, other_len, index))
    }

    fn edges(&self) -> Vec<IpAddr> {
        let (first, len) = bits(self.address);
        let last = first | if self.bits == len { 0 } else { u128::MAX >> (128 - (len - self.bits)) };
        let near = [first, first.wrapping_sub(1), last, last.wrapping_add(1), first + (last - first) / 2];
        near.iter().map(|value| of_bits(*value, len)).collect()
    }
}

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(v4) => (v4.to_bits().into(), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

fn bit(value: u128, len: u32, index: u32) -> bool {
    value >> (len - 1 - index) & 1 == 1
}

fn of_bits(value: u128, len: u32) -> IpAddr {
    if len == 32 { Ipv4Addr::from_bits(value as u32).into() } else { Ipv6Addr::from_bits(value).into() }
}

fn written() -> impl Strategy<Value = Written> {
    // Few distinct leading bits, so that networks meet; IPv6 away from the mapped block, which has its own test.
    let v4 = (prop::sample::select(vec![0u32, 0x0a00_0000, 0x0a80_0000, 0xffff_ff00]), any::<u16>(), 0u32..=32)
        .prop_map(|(high, low, bits)| {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            Written { address: Ipv4Addr::from_bits((high | u32::from(low)) & mask).into(), bits }
        });
    let v6 = (prop::sample::select(vec![0x2001_0db8u128 << 96, 0xfe80 << 112, 0]), any::<u16>(), 0u32..=128).prop_map(
        |(high, low, bits)| {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            Written { address: Ipv6Addr::from_bits((high | u128::from(low)) & mask).into(), bits }
        },
    );
    prop_oneof![v4, v6]
}

proptest! {
    #[test]
    fn a_list_means_what_its_networks_mean(
        networks in prop::collection::vec(written(), 0..24),
        others in prop::collection::vec(any::<IpAddr>(), 8),
    ) {
        let texts: Vec<String> = networks.iter().map(Written::text).collect();
        let list = AddressList::parse(&texts).expect("well written");
        for address in networks.iter().flat_map(Written::edges).chain(others) {
            let address = address.to_canonical();
            let want = networks.iter().any(|network| network.contains(address));
            prop_assert_eq!(list.contains(address), want, "{} in {:?}", address, texts);
        }
    }

    #[test]
    fn a_mapped_address_is_the_address(v4 in any::<Ipv4Addr>(), networks in prop::collection::vec(written(), 0..8)) {
        let texts: Vec<String> = networks.iter().map(Written::text).collect();
        let list = AddressList::parse(&texts).expect("well written");
        prop_assert_eq!(list.contains(v4.to_ipv6_mapped().into()), list.contains(v4.into()));
        let mapped = AddressList::parse(&[v4.to_ipv6_mapped().to_string()]).expect("an address");
        prop_assert!(mapped.contains(v4.into()));
    }

    #[test]
    fn no_text_is_a_panic(text in "\\PC{0,40}|[0-9a-f.:/%]{0,40}") {
        // A reader of configurations meets anything.
        let _ = AddressList::parse(&[text]);
    }
}
