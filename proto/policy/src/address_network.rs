//! One network as an operator writes it: `10.0.0.0/8`, `2001:db8::/32`, or one address alone. It is read exactly, and
//! names are never resolved.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Characters of a bad entry that its error repeats.
const SHOWN_CHARS_MAX: usize = 80;
/// The networks IPv4 addresses have within IPv6 (RFC 4291 section 2.5.5.2).
const MAPPED_PREFIX_BITS: u8 = 96;

/// Why a configured address or network cannot be used. Its text names the entry and the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAddress(String);

impl BadAddress {
    pub(crate) fn new(text: impl Into<String>) -> BadAddress {
        BadAddress(text.into())
    }
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadAddress {}

/// All addresses that begin with the same bits. An IPv4 network written within IPv6 is an IPv4 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    V4 { first: u32, last: u32 },
    V6 { first: u128, last: u128 },
}

impl Network {
    /// Reads an entry.
    ///
    /// # Errors
    /// What is wrong with it, and what to write instead.
    pub(crate) fn parse(entry: &str) -> Result<Network, BadAddress> {
        if entry.trim() != entry {
            let shown = shown(entry.trim());
            return Err(BadAddress::new(format!("`{shown}` has blanks around it: leave them out")));
        }
        let (written, prefix) = match entry.split_once('/') {
            Some((written, prefix)) => (written, Some(prefix)),
            None => (entry, None),
        };
        let address = address(entry, written)?;
        let bits_max: u8 = if address.is_ipv4() { 32 } else { 128 };
        let bits = match prefix {
            Some(prefix) => prefix_bits(entry, prefix, bits_max)?,
            None => bits_max,
        };
        let network = masked(address, bits);
        if network != address {
            return Err(BadAddress::new(format!(
                "`{}` is neither a network nor an address: write `{network}/{bits}` for the network, or `{address}` for \
                 the one address",
                shown(entry)
            )));
        }
        Ok(Network::of(network, bits))
    }

    fn of(network: IpAddr, bits: u8) -> Network {
        match network {
            IpAddr::V4(v4) => {
                let first = v4.to_bits();
                Network::V4 { first, last: first | host_mask_v4(bits) }
            }
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) if bits >= MAPPED_PREFIX_BITS => Network::of(v4.into(), bits - MAPPED_PREFIX_BITS),
                _ => {
                    let first = v6.to_bits();
                    Network::V6 { first, last: first | host_mask_v6(bits) }
                }
            },
        }
    }
}

/// The bits behind a prefix, set.
fn host_mask_v4(bits: u8) -> u32 {
    u32::MAX.checked_shr(bits.into()).unwrap_or(0)
}

fn host_mask_v6(bits: u8) -> u128 {
    u128::MAX.checked_shr(bits.into()).unwrap_or(0)
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & !host_mask_v4(bits)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !host_mask_v6(bits)).into(),
    }
}

fn address(entry: &str, written: &str) -> Result<IpAddr, BadAddress> {
    if let Ok(address) = written.parse() {
        return Ok(address);
    }
    let shown = shown(entry);
    let zeros = |text: &str| text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    let why = if entry.is_empty() {
        "an empty text is no address: write a network like 10.0.0.0/8, or leave the entry out".to_owned()
    } else if let Some((before, _)) = written.split_once('%') {
        let before = self::shown(before);
        format!("`{shown}` has a zone, which means something on one machine only: write `{before}` without it")
    } else if written.split('.').count() == 4 && written.split('.').any(zeros) {
        format!("`{shown}` has leading zeros, which some readers take for octal: leave them out")
    } else {
        format!(
            "`{shown}` is no IP address and no network like 10.0.0.0/8 or 2001:db8::/32; names are not resolved, and \
             there are no wildcards"
        )
    };
    Err(BadAddress::new(why))
}

fn prefix_bits(entry: &str, prefix: &str, bits_max: u8) -> Result<u8, BadAddress> {
    let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_number && (prefix.len() == 1 || !prefix.starts_with('0'));
    let bits = prefix.parse::<u8>().ok().filter(|bits| is_plain && *bits <= bits_max);
    bits.ok_or_else(|| {
        let shown = shown(entry);
        BadAddress::new(format!("`{shown}` does not end in a prefix length: write a number from /0 to /{bits_max}"))
    })
}

/// The entry as an error repeats it: not longer than anybody reads.
fn shown(entry: &str) -> String {
    match entry.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &entry[..end]),
        None => entry.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(entry: &str, want: &str) {
        match Network::parse(entry) {
            Err(error) => assert!(error.to_string().contains(want), "no {want:?} in {error}"),
            Ok(network) => panic!("{entry:?} is read as {network:?}"),
        }
    }

    /// Goal: what is wrong is said with the fix. Method: a row a mistake.
    #[test]
    fn mistakes_are_named() {
        refused("10.1.2.3/8", "write `10.0.0.0/8` for the network, or `10.1.2.3` for the one address");
        refused("2001:db8::1/32", "write `2001:db8::/32` for the network");
        refused("10.0.0.0/33", "from /0 to /32");
        refused("2001:db8::/129", "from /0 to /128");
        for prefix in ["", "-1", "+8", "08", "8 0", "8/8", "256", "300", "255.0.0.0", "a"] {
            refused(&format!("10.0.0.0/{prefix}"), "from /0 to /32");
        }
        refused("", "an empty text");
        refused("/8", "no IP address");
        refused(" 10.0.0.0/8", "blanks around it");
        refused("10.0.0.0/8\n", "blanks around it");
        refused("fe80::1%eth0", "write `fe80::1` without it");
        refused("fe80::%eth0/10", "write `fe80::` without it");
        refused("010.0.0.1", "leading zeros");
        refused("10.00.0.0/8", "leading zeros");
        for wrong in ["localhost", "0x0a000000/8", "10.0.0", "10", "10.*", "*", "[::1]", "::1]", "10.0.0.1:80", "１"] {
            refused(wrong, "names are not resolved");
        }
        refused(&"x".repeat(5000), &format!("`{}…`", "x".repeat(SHOWN_CHARS_MAX)));
    }

    #[test]
    fn networks_have_a_first_and_a_last_address() {
        let v4 = |first: [u8; 4], last: [u8; 4]| {
            Ok(Network::V4 { first: u32::from_be_bytes(first), last: u32::from_be_bytes(last) })
        };
        assert_eq!(Network::parse("10.0.0.0/8"), v4([10, 0, 0, 0], [10, 255, 255, 255]));
        assert_eq!(Network::parse("10.1.2.3"), v4([10, 1, 2, 3], [10, 1, 2, 3]));
        assert_eq!(Network::parse("10.1.2.3/32"), v4([10, 1, 2, 3], [10, 1, 2, 3]));
        assert_eq!(Network::parse("0.0.0.0/0"), v4([0; 4], [255; 4]));
        assert_eq!(Network::parse("::/0"), Ok(Network::V6 { first: 0, last: u128::MAX }));
        assert_eq!(Network::parse("::1"), Ok(Network::V6 { first: 1, last: 1 }));
    }

    /// Goal: an IPv4 network is one however it is written; what only contains the mapped block is not.
    #[test]
    fn mapped_networks_are_ipv4() {
        assert_eq!(Network::parse("::ffff:10.0.0.0/104"), Network::parse("10.0.0.0/8"));
        assert_eq!(Network::parse("::ffff:a01:203"), Network::parse("10.1.2.3"));
        assert_eq!(Network::parse("::ffff:0:0/96"), Network::parse("0.0.0.0/0"));
        assert!(matches!(Network::parse("::fffe:0:0/95"), Ok(Network::V6 { .. })));
    }
}
