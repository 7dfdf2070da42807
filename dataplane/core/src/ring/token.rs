//! The number that goes to the kernel with each request and comes back with its completions: what was asked, and for whom.
//! A place that was given to another connection meanwhile is told apart by its generation.

/// Generations before they repeat. A place is free only once nothing of its last connection is on its way, so that
/// repeating them mixes up nothing.
const GENERATION_BITS: u32 = 24;

/// Where a connection is, and the how-manieth of that place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index in the shard's table.
    pub index: u32,
    /// Counted modulo 2^24.
    pub generation: u32,
}

impl Place {
    /// The place `index` as the `count`-th connection has it.
    pub fn new(index: u32, count: u32) -> Place {
        Place { index, generation: count & ((1 << GENERATION_BITS) - 1) }
    }
}

/// What was asked of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// To take connections off a listener, known by its index, until told otherwise.
    Accept(u32),
    /// To receive on a connection until told otherwise.
    Receive(Place),
    /// To send.
    Send(Place),
    /// To cancel what a connection asked for.
    Cancel(Place),
    /// To say when some time has passed.
    Tick,
    /// To say when another thread wants this one.
    Bell,
    /// Something whose end nobody waits for.
    Nobody,
}

impl Token {
    /// As the kernel keeps it.
    pub fn to_bits(self) -> u64 {
        let (kind, place) = match self {
            Token::Accept(index) => (1, Place { index, generation: 0 }),
            Token::Receive(place) => (2, place),
            Token::Send(place) => (3, place),
            Token::Cancel(place) => (4, place),
            Token::Tick => (5, Place { index: 0, generation: 0 }),
            Token::Bell => (6, Place { index: 0, generation: 0 }),
            Token::Nobody => (7, Place { index: 0, generation: 0 }),
        };
        kind << 56 | u64::from(place.generation) << 32 | u64::from(place.index)
    }

    /// As it was; [`Token::Nobody`] for what was never made here.
    pub fn from_bits(bits: u64) -> Token {
        let place = Place::new(bits as u32, (bits >> 32) as u32);
        match bits >> 56 {
            1 => Token::Accept(place.index),
            2 => Token::Receive(place),
            3 => Token::Send(place),
            4 => Token::Cancel(place),
            5 => Token::Tick,
            6 => Token::Bell,
            _ => Token::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_comes_back() {
        for place in [Place::new(0, 0), Place::new(7, 1), Place::new(u32::MAX, u32::MAX)] {
            for token in [Token::Receive(place), Token::Send(place), Token::Cancel(place)] {
                assert_eq!(Token::from_bits(token.to_bits()), token);
            }
        }
        for token in [Token::Accept(0), Token::Accept(u32::MAX), Token::Tick, Token::Bell, Token::Nobody] {
            assert_eq!(Token::from_bits(token.to_bits()), token);
        }
        for foreign in [0, 0xff << 56, u64::MAX] {
            assert_eq!(Token::from_bits(foreign), Token::Nobody);
        }
    }
}
