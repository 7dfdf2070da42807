//! The address that a decision is about: the peer's, or, when the peer is a configured proxy, what proxies say of their
//! callers in `X-Forwarded-For` and `Forwarded` (RFC 7239). What anybody could have written is never believed, and
//! nothing is allocated.
//!
//! A hop was written by the proxy to the right of it, so hops are read from the right, and the first that is no
//! configured proxy is the client: what stands to the left of it is its own invention. Where every hop is a proxy, the
//! left-most is the client.
//!
//! **Both fields.** A proxy that writes one of them passes the other on as a caller made it up, and nobody can see which
//! is which. So each is read by itself, and both must come to the same address; else the answer is in doubt. Whoever
//! runs such a proxy lets it drop the field that it does not write.

mod hops;

use std::net::IpAddr;

use ringway_policy::AddressList;

use hops::Hop;

/// Hops that are looked at in each field. Chains of proxies have two or three; a longer one is doubted.
pub const HOPS_MAX: usize = 32;

/// Who says that this is the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldBy {
    /// The kernel, or a configured proxy before the connection's first byte (see [`super::proxy_protocol`]).
    Peer,
    /// `X-Forwarded-For`, of a configured proxy.
    XForwardedFor,
    /// `Forwarded`, of a configured proxy. Where both fields say it, this is the one that is named.
    Forwarded,
}

/// Why a configured proxy's word was not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// A hop that is no address.
    Malformed,
    /// A hop that hides its address: `unknown`, or a name that only the proxy understands (RFC 7239 section 6).
    Withheld,
    /// [`HOPS_MAX`] proxies, and still no client.
    TooManyHops,
    /// The two fields do not come to the same.
    Disagreement,
}

impl Doubt {
    /// Its word in logs and audit.
    pub fn word(self) -> &'static str {
        match self {
            Doubt::Malformed => "forwarded_malformed",
            Doubt::Withheld => "forwarded_withheld",
            Doubt::TooManyHops => "forwarded_too_many_hops",
            Doubt::Disagreement => "forwarded_disagreement",
        }
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress {
    /// The client's address or, in doubt, that of the last one who can be trusted. An IPv4 address within IPv6 is IPv4.
    pub address: IpAddr,
    /// Who says so.
    pub told_by: ToldBy,
    /// Why it may be somebody else's. Counting and limiting by `address` are right all the same, allowing is not.
    pub doubt: Option<Doubt>,
}

impl ClientAddress {
    /// Of a connection, before any request says more.
    pub fn of_peer(peer: IpAddr) -> ClientAddress {
        ClientAddress { address: peer.to_canonical(), told_by: ToldBy::Peer, doubt: None }
    }

    /// Whether a list allows it. What is in doubt is never allowed: the last proxy's address would stand for everybody
    /// behind it.
    pub fn is_allowed(&self, list: &AddressList) -> bool {
        self.doubt.is_none() && list.contains(self.address)
    }
}

/// Finds the address of a request. The fields are the values of all lines of that name, in their order; `proxies` empty
/// means that there are none.
pub fn client_address<'a>(
    peer: IpAddr,
    proxies: &AddressList,
    x_forwarded_for: impl DoubleEndedIterator<Item = &'a [u8]>,
    forwarded: impl DoubleEndedIterator<Item = &'a [u8]>,
) -> ClientAddress {
    let own = ClientAddress::of_peer(peer);
    if !proxies.contains(own.address) {
        return own;
    }
    let plain = walk(own, ToldBy::XForwardedFor, proxies, x_forwarded_for, hops::of_x_forwarded_for);
    let standard = walk(own, ToldBy::Forwarded, proxies, forwarded, hops::of_forwarded);
    match (plain, standard) {
        (None, None) => own,
        (Some(told), None) | (None, Some(told)) => told,
        (Some(plain), Some(standard)) if plain.address == standard.address && plain.doubt == standard.doubt => standard,
        (Some(_), Some(_)) => ClientAddress { doubt: Some(Doubt::Disagreement), ..own },
    }
}

/// What one field comes to; `None` when there is no hop in it.
fn walk<'a>(
    peer: ClientAddress,
    told_by: ToldBy,
    proxies: &AddressList,
    lines: impl DoubleEndedIterator<Item = &'a [u8]>,
    read: impl Fn(&'a [u8], &mut dyn FnMut(Hop) -> bool),
) -> Option<ClientAddress> {
    let mut told: Option<ClientAddress> = None;
    let mut hops_seen = 0;
    let mut is_over = false;
    for line in lines.rev() {
        read(line, &mut |hop| {
            let last = told.unwrap_or(peer);
            hops_seen += 1;
            let doubt = match hop {
                Hop::Address(address) if hops_seen <= HOPS_MAX => {
                    told = Some(ClientAddress { address, told_by, doubt: None });
                    is_over = !proxies.contains(address);
                    return !is_over;
                }
                Hop::Address(_) => Doubt::TooManyHops,
                Hop::Withheld => Doubt::Withheld,
                Hop::Malformed => Doubt::Malformed,
            };
            told = Some(ClientAddress { doubt: Some(doubt), ..last });
            is_over = true;
            false
        });
        if is_over {
            break;
        }
    }
    told
}

#[cfg(test)]
mod tests;
