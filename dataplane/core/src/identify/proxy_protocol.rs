//! The PROXY protocol, version 2: how a proxy says, before the first byte of a connection, whose connection it is. It
//! reads a header and believes nothing: whoever calls it knows that the peer is a configured proxy. Version 1, which is
//! text, is refused: it has no bound that is a length, and every proxy that speaks it speaks version 2.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes of a header in all; longer ones are refused before they are read. Addresses take 52; the rest is for
/// type-length-value fields, which proxies fill with names of services and certificates of a few hundred bytes.
pub const PROXY_HEADER_BYTES_MAX: usize = 4096;

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
const VERSION_1: [u8; 6] = *b"PROXY ";
/// Signature, version and command, family and protocol, length.
const FIXED_BYTES: usize = 16;

/// A whole header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// The proxy speaks for itself, as in a health check: the peer's own address holds.
    Local {
        /// Bytes of the header; what follows is the client's.
        header_bytes: usize,
    },
    /// The proxy speaks for somebody.
    Proxied {
        /// Who connected to the proxy. An IPv4 address within IPv6 is IPv4.
        source: SocketAddr,
        /// Where to.
        destination: SocketAddr,
        /// Bytes of the header; what follows is the client's.
        header_bytes: usize,
    },
}

/// Why a connection does not begin with a header that can be used. It is closed without an answer, since nobody knows
/// whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadProxyHeader {
    /// Something else, as from a client that reached the port without its proxy.
    NoHeader,
    /// Version 1 of the protocol.
    Version1,
    /// Another version than 2.
    Version,
    /// Neither `LOCAL` nor `PROXY`.
    Command,
    /// Neither TCP over IPv4 nor TCP over IPv6: datagrams and Unix sockets have no client address here, and a proxy that
    /// does not know for whom it speaks would lend somebody its own.
    Family,
    /// Shorter than its addresses.
    TooShort,
    /// Longer than [`PROXY_HEADER_BYTES_MAX`].
    TooLong,
}

impl BadProxyHeader {
    /// All of them, for whoever counts them.
    pub const ALL: [BadProxyHeader; 7] = [
        BadProxyHeader::NoHeader,
        BadProxyHeader::Version1,
        BadProxyHeader::Version,
        BadProxyHeader::Command,
        BadProxyHeader::Family,
        BadProxyHeader::TooShort,
        BadProxyHeader::TooLong,
    ];

    /// Its word in logs and metrics.
    pub fn word(self) -> &'static str {
        match self {
            BadProxyHeader::NoHeader => "proxy_header_missing",
            BadProxyHeader::Version1 => "proxy_header_version_1",
            BadProxyHeader::Version => "proxy_header_version",
            BadProxyHeader::Command => "proxy_header_command",
            BadProxyHeader::Family => "proxy_header_family",
            BadProxyHeader::TooShort => "proxy_header_too_short",
            BadProxyHeader::TooLong => "proxy_header_too_long",
        }
    }
}

/// Reads the header from all bytes that a connection brought so far. `Ok(None)` means that more are needed, of which
/// there are never more than [`PROXY_HEADER_BYTES_MAX`] in all. Pieces do not matter: what more bytes could still make
/// good is not refused.
///
/// # Errors
/// As soon as no continuation could make it a good header.
pub fn read(bytes: &[u8]) -> Result<Option<ProxyHeader>, BadProxyHeader> {
    let known = bytes.len().min(SIGNATURE.len());
    if bytes[..known] != SIGNATURE[..known] {
        return no_signature(bytes);
    }
    // Each byte is judged as soon as it is there and before those behind it, so that cuts change nothing.
    let Some(version_and_command) = bytes.get(12) else { return Ok(None) };
    let is_local = match version_and_command {
        0x20 => true,
        0x21 => false,
        other if other >> 4 != 2 => return Err(BadProxyHeader::Version),
        _ => return Err(BadProxyHeader::Command),
    };
    let Some(family) = bytes.get(13) else { return Ok(None) };
    let addresses = match (is_local, family) {
        // Whatever else a LOCAL header says is to be ignored.
        (true, _) => Addresses::None,
        (false, 0x11) => Addresses::V4,
        (false, 0x21) => Addresses::V6,
        _ => return Err(BadProxyHeader::Family),
    };
    let Some(length) = bytes.get(14..FIXED_BYTES) else { return Ok(None) };
    let header_bytes = header_bytes(length);
    if header_bytes - FIXED_BYTES < addresses.bytes() {
        return Err(BadProxyHeader::TooShort);
    }
    if header_bytes > PROXY_HEADER_BYTES_MAX {
        return Err(BadProxyHeader::TooLong);
    }
    let Some(rest) = bytes.get(FIXED_BYTES..header_bytes) else { return Ok(None) };
    Ok(Some(match addresses.read(rest) {
        None => ProxyHeader::Local { header_bytes },
        Some((source, destination)) => ProxyHeader::Proxied { source, destination, header_bytes },
    }))
}

/// How many bytes more belong to the header that begins with `bytes`, of which [`read`] wants more: whoever reads no more than
/// these leaves alone what is the client's. At least 1.
pub fn missing_bytes(bytes: &[u8]) -> usize {
    let known = bytes.get(14..FIXED_BYTES).map_or(FIXED_BYTES, header_bytes);
    known.saturating_sub(bytes.len()).max(1)
}

fn header_bytes(length: &[u8]) -> usize {
    FIXED_BYTES + usize::from(u16::from_be_bytes([length[0], length[1]]))
}

fn no_signature(bytes: &[u8]) -> Result<Option<ProxyHeader>, BadProxyHeader> {
    if bytes.starts_with(&VERSION_1) {
        return Err(BadProxyHeader::Version1);
    }
    // The first bytes of version 1 are waited for, to be named.
    if VERSION_1.starts_with(bytes) { Ok(None) } else { Err(BadProxyHeader::NoHeader) }
}

#[derive(Clone, Copy)]
enum Addresses {
    None,
    V4,
    V6,
}

impl Addresses {
    fn bytes(self) -> usize {
        match self {
            Addresses::None => 0,
            Addresses::V4 => 12,
            Addresses::V6 => 36,
        }
    }

    /// Source and destination; the fields behind them are passed over.
    fn read(self, bytes: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
        let (source, destination, ports): (IpAddr, IpAddr, &[u8]) = match self {
            Addresses::None => return None,
            Addresses::V4 => {
                let (source, rest) = bytes.split_first_chunk::<4>()?;
                let (destination, ports) = rest.split_first_chunk::<4>()?;
                (Ipv4Addr::from(*source).into(), Ipv4Addr::from(*destination).into(), ports)
            }
            Addresses::V6 => {
                let (source, rest) = bytes.split_first_chunk::<16>()?;
                let (destination, ports) = rest.split_first_chunk::<16>()?;
                (Ipv6Addr::from(*source).into(), Ipv6Addr::from(*destination).into(), ports)
            }
        };
        let (source_port, rest) = ports.split_first_chunk::<2>()?;
        let (destination_port, _) = rest.split_first_chunk::<2>()?;
        Some((
            SocketAddr::new(source.to_canonical(), u16::from_be_bytes(*source_port)),
            SocketAddr::new(destination.to_canonical(), u16::from_be_bytes(*destination_port)),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version_and_command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).expect("a short rest").to_be_bytes();
        [&SIGNATURE[..], &[version_and_command, family], &length, rest].concat()
    }

    const V4: [u8; 12] = [10, 1, 2, 3, 192, 0, 2, 1, 0x30, 0x39, 0x01, 0xbb];

    #[test]
    fn addresses_are_read_and_fields_behind_them_passed_over() {
        let source = "10.1.2.3:12345".parse().expect("an address");
        let destination = "192.0.2.1:443".parse().expect("an address");
        for fields in [&[][..], &[0x04, 0, 1, 0xff], &[0xff; 300]] {
            let bytes = header(0x21, 0x11, &[&V4, fields].concat());
            let header_bytes = bytes.len();
            let want = Ok(Some(ProxyHeader::Proxied { source, destination, header_bytes }));
            assert_eq!(read(&bytes), want);
            assert_eq!(read(&[&bytes[..], b"POST /mcp"].concat()), want, "the client's bytes are left");
        }
        let mut v6 = [0; 36];
        v6[..16].copy_from_slice(&Ipv4Addr::new(10, 1, 2, 3).to_ipv6_mapped().octets());
        v6[16..32].copy_from_slice(&"2001:db8::1".parse::<Ipv6Addr>().expect("an address").octets());
        v6[32..].copy_from_slice(&V4[8..]);
        let destination = "[2001:db8::1]:443".parse().expect("an address");
        assert_eq!(
            read(&header(0x21, 0x21, &v6)),
            Ok(Some(ProxyHeader::Proxied { source, destination, header_bytes: 52 }))
        );
    }

    #[test]
    fn who_speaks_for_itself_is_local() {
        for (family, rest) in [(0x00, &[][..]), (0x11, &V4), (0x99, &[1, 2, 3])] {
            let header_bytes = FIXED_BYTES + rest.len();
            assert_eq!(read(&header(0x20, family, rest)), Ok(Some(ProxyHeader::Local { header_bytes })));
        }
    }

    #[test]
    fn what_is_no_header_is_refused_by_its_reason() {
        let cases = [
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), BadProxyHeader::NoHeader),
            (b"\r\n\r\n\0\r\nQUIX".to_vec(), BadProxyHeader::NoHeader),
            (b"\x16\x03\x01".to_vec(), BadProxyHeader::NoHeader),
            (b"PROXX".to_vec(), BadProxyHeader::NoHeader),
            (b"PROXY TCP4 10.0.0.1".to_vec(), BadProxyHeader::Version1),
            (header(0x11, 0x11, &V4), BadProxyHeader::Version),
            (header(0x31, 0x11, &V4), BadProxyHeader::Version),
            (header(0x22, 0x11, &V4), BadProxyHeader::Command),
            (header(0x21, 0x00, &[9; 7]), BadProxyHeader::Family),
            (header(0x21, 0x12, &V4), BadProxyHeader::Family),
            (header(0x21, 0x31, &[0; 216]), BadProxyHeader::Family),
            (header(0x21, 0x41, &V4), BadProxyHeader::Family),
            (header(0x21, 0x11, &V4[..11]), BadProxyHeader::TooShort),
            (header(0x21, 0x21, &[0; 35]), BadProxyHeader::TooShort),
            (header(0x20, 0x00, &[0; PROXY_HEADER_BYTES_MAX]), BadProxyHeader::TooLong),
        ];
        for (bytes, want) in cases {
            assert_eq!(read(&bytes), Err(want), "{bytes:?}");
        }
        // A length is refused when it is said, not when it has come.
        assert_eq!(read(&header(0x21, 0x11, &[0; u16::MAX as usize])[..16]), Err(BadProxyHeader::TooLong));
    }

    /// Goal: who reads what is missing, and no more, takes none of the client's bytes. Method: a header read so, from a stream
    /// that goes on behind it, in steps of each size.
    #[test]
    fn what_is_missing_ends_where_the_header_ends() {
        let header = header(0x21, 0x11, &[&V4[..], &[7; 40]].concat());
        let stream = [&header[..], b"POST /mcp"].concat();
        for step in 1..=header.len() {
            let mut seen = 0;
            while read(&stream[..seen]) == Ok(None) {
                seen += missing_bytes(&stream[..seen]).min(step);
            }
            assert_eq!(seen, header.len(), "in steps of {step}");
        }
    }

    #[test]
    fn a_header_of_the_greatest_length_is_read() {
        let bytes = header(0x20, 0x00, &[0; PROXY_HEADER_BYTES_MAX - FIXED_BYTES]);
        assert_eq!(read(&bytes), Ok(Some(ProxyHeader::Local { header_bytes: PROXY_HEADER_BYTES_MAX })));
        assert_eq!(read(&bytes[..bytes.len() - 1]), Ok(None));
        assert_eq!(read(b""), Ok(None));
        assert_eq!(read(b"PROX"), Ok(None));
    }
}
