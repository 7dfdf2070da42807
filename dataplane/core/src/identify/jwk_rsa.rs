//! What an RSA public key must be before it is trusted with anything: long enough, odd, and not of a generator known to be
//! broken. It never verifies a signature.

use super::jwk_key::KeyReason;

/// RFC 7518 section 3.3: 2048 bits or larger.
pub const RSA_BITS_MIN: usize = 2048;
/// What `ring` verifies with at most; a larger key buys nothing but time.
pub const RSA_BITS_MAX: usize = 8192;
/// `ring` takes exponents below 2^33.
const EXPONENT_MAX: u64 = (1 << 33) - 1;
/// Modulus and exponent 65537 of a key made by the broken generator agree modulo all of these (CVE-2017-15361).
const ROCA_PRIMES: [u16; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// The modulus and the exponent as `ring` takes them: without zeros in front.
///
/// # Errors
/// What is wrong with the key.
pub fn checked<'a>(modulus: &'a [u8], exponent: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), KeyReason> {
    let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
    let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
    if bits < RSA_BITS_MIN {
        return Err(KeyReason::RsaTooShort { bits });
    }
    if bits > RSA_BITS_MAX {
        return Err(KeyReason::RsaTooLong { bits });
    }
    if !is_odd(modulus) {
        return Err(KeyReason::Malformed("n"));
    }
    let value = (exponent.len() <= 8).then(|| exponent.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)));
    if !value.is_some_and(|value| (3..=EXPONENT_MAX).contains(&value)) || !is_odd(exponent) {
        return Err(KeyReason::RsaExponent);
    }
    if is_roca(modulus) {
        return Err(KeyReason::RsaGenerator);
    }
    Ok((modulus, exponent))
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros..]
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last & 1 == 1)
}

/// Moduli of that generator are powers of 65537 modulo each small prime. One of another generator is so by chance less than
/// once in 2^27.
fn is_roca(modulus: &[u8]) -> bool {
    ROCA_PRIMES.iter().all(|&prime| {
        let prime = u32::from(prime);
        let residue = modulus.iter().fold(0, |rest, &byte| (rest << 8 | u32::from(byte)) % prime);
        let mut power = 1;
        (0..prime).any(|_| {
            power = power * (65537 % prime) % prime;
            power == residue
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An odd number of so many bits that no generator made.
    fn modulus(bits: usize) -> Vec<u8> {
        let mut modulus = vec![0; bits.div_ceil(8)];
        modulus[0] = 1 << ((bits - 1) % 8);
        *modulus.last_mut().expect("not empty") |= 1;
        modulus
    }

    #[track_caller]
    fn check(modulus: &[u8], exponent: &[u8], want: Option<KeyReason>) {
        assert_eq!(checked(modulus, exponent).err(), want);
    }

    #[test]
    fn a_key_is_long_enough_and_odd() {
        let usual: &[u8] = &[1, 0, 1];
        check(&modulus(2048), usual, None);
        check(&modulus(8192), usual, None);
        check(&modulus(2047), usual, Some(KeyReason::RsaTooShort { bits: 2047 }));
        check(&modulus(8193), usual, Some(KeyReason::RsaTooLong { bits: 8193 }));
        check(&[], usual, Some(KeyReason::RsaTooShort { bits: 0 }));
        check(&[0; 300], usual, Some(KeyReason::RsaTooShort { bits: 0 }));
        let mut even = modulus(2048);
        *even.last_mut().expect("not empty") = 2;
        check(&even, usual, Some(KeyReason::Malformed("n")));
    }

    #[test]
    fn an_exponent_is_odd_and_in_bounds() {
        for good in [&[3][..], &[1, 0, 1], &[0, 0, 1, 0, 1], &[1, 255, 255, 255, 255]] {
            check(&modulus(2048), good, None);
        }
        for bad in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[2, 0, 0, 0, 1], &[1; 9]] {
            check(&modulus(2048), bad, Some(KeyReason::RsaExponent));
        }
    }

    #[test]
    fn zeros_in_front_are_not_part_of_the_number() {
        let plain = modulus(2048);
        let padded = [&[0][..], &plain].concat();
        assert_eq!(checked(&padded, &[0, 1, 0, 1]), Ok((&plain[..], &[1, 0, 1][..])));
    }

    #[test]
    fn a_power_of_65537_is_the_mark_of_the_broken_generator() {
        // 65537^129 has 2065 bits.
        let mut power = vec![1u8];
        for _ in 0..129 {
            let mut carry = 0u64;
            for byte in power.iter_mut().rev() {
                let product = u64::from(*byte) * 65537 + carry;
                (*byte, carry) = (product as u8, product >> 8);
            }
            while carry > 0 {
                power.insert(0, carry as u8);
                carry >>= 8;
            }
        }
        check(&power, &[1, 0, 1], Some(KeyReason::RsaGenerator));
    }
}
