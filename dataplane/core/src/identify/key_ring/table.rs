//! Where a key stands, searched without telling whether it is there: places ascend, and a search ends at the place asked
//! for or at its neighbour. It compares places only, and never a secret.

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::identify::api_key::{Digest, KeyRecord};

/// A place behind all others, where no key stands: ids are smaller, and a digest is there once in 2^128.
pub const NOWHERE: u128 = u128::MAX;

/// What is compared with what was shown.
#[derive(Clone)]
pub struct Slot {
    pub place: u128,
    pub current: Digest,
    /// Of the secret before a rotation; one that nothing has where there is none.
    pub previous: Digest,
    pub previous_until_unix_s: u64,
    /// Where the key is in the ring.
    pub index: usize,
}

impl Slot {
    pub fn of_record(record: &KeyRecord) -> Slot {
        let previous = record.previous.as_ref();
        Slot {
            place: place_of_id(&record.id),
            current: record.digest,
            previous: previous.map_or(Digest::NONE, |previous| previous.digest),
            previous_until_unix_s: previous.map_or(0, |previous| previous.until_unix_s),
            index: usize::MAX,
        }
    }

    pub fn of_digest(digest: Digest) -> Slot {
        Slot { place: digest.place(), current: digest, ..Slot::nobody() }
    }

    /// Whether it is the slot that was asked for, and not its neighbour.
    pub fn is_at(&self, place: u128) -> Choice {
        self.place.to_ne_bytes().ct_eq(&place.to_ne_bytes())
    }

    fn nobody() -> Slot {
        let none = Digest::NONE;
        Slot { place: NOWHERE, current: none, previous: none, previous_until_unix_s: 0, index: usize::MAX }
    }
}

/// The place of an id: its bytes as a number.
pub fn place_of_id(id: &str) -> u128 {
    id.bytes().fold(0, |place, byte| place << 8 | u128::from(byte))
}

/// Slots by their places. The last is nobody's, so that there is always one to compare with.
pub struct Table {
    places: Box<[u128]>,
    slots: Box<[Slot]>,
}

impl Table {
    pub fn new(mut slots: Vec<Slot>) -> Table {
        slots.push(Slot::nobody());
        slots.sort_by_key(|slot| slot.place);
        Table { places: slots.iter().map(|slot| slot.place).collect(), slots: slots.into_boxed_slice() }
    }

    /// The slot at a place, or a neighbour of where it would be.
    pub fn nearest(&self, place: u128) -> &Slot {
        // By as many steps for every place, and without a branch between them: which way a search goes would be guessed
        // wrong more or less often, and the time would tell one place from another (`examples/timing`). A `Choice`
        // is what the compiler does not make a branch of; it did of a product.
        let (mut start, mut count) = (0u64, self.places.len());
        while count > 1 {
            let half = count / 2;
            let is_behind = Choice::from(u8::from(self.places[start as usize + half] <= place));
            start.conditional_assign(&(start + half as u64), is_behind);
            count -= half;
        }
        &self.slots[start as usize]
    }

    /// Whether two have the same place.
    pub fn has_doubles(&self) -> bool {
        self.places.windows(2).any(|pair| pair[0] == pair[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_always_ends_somewhere() {
        let slot = |place, index| Slot { place, index, ..Slot::nobody() };
        let table = Table::new(vec![slot(20, 2), slot(10, 1)]);
        for (place, want) in [(0, 10), (10, 10), (11, 10), (20, 20), (21, 20), (NOWHERE, NOWHERE)] {
            assert_eq!(table.nearest(place).place, want, "{place}");
        }
        assert_eq!(Table::new(Vec::new()).nearest(5).place, NOWHERE);
        for count in 0..40 {
            let table = Table::new((0..count).map(|index| slot(2 * index as u128, index)).collect());
            for index in 0..count {
                let place = 2 * index as u128;
                assert_eq!((table.nearest(place).index, table.nearest(place + 1).index), (index, index), "of {count}");
            }
        }
        assert!(!table.has_doubles());
        assert!(Table::new(vec![slot(1, 1), slot(1, 2)]).has_doubles());
    }

    #[test]
    fn ids_have_places_of_their_own() {
        assert_eq!(place_of_id("0000000000A0"), 0x30 << 88 | (place_of_id("000000000A0")));
        assert!(place_of_id("zzzzzzzzzzzz") < 1 << 96);
    }
}
