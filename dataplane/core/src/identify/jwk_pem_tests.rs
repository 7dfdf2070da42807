//! Goal: a public key is read from what `openssl` writes, and nothing else passes for one. Method: the sample keys; a token of
//! each verifies; every byte of a key that is changed is seen or makes another key.

use super::super::jwk_samples::*;
use super::super::jws::Jws;
use super::super::token_error::TokenError;
use super::*;

fn token(name: &str) -> &'static str {
    TOKENS.iter().find(|(algorithm, _)| *algorithm == name).expect("a sample").1
}

#[test]
fn a_key_verifies_the_token_of_its_algorithm() {
    for (name, token) in TOKENS {
        let algorithm = Algorithm::parse(name);
        let pems: &[&str] = match name {
            "ES256" => &[PEM_P256],
            "ES384" => &[PEM_P384],
            "EdDSA" => &[PEM_ED],
            _ => &[PEM_RSA, PEM_RSA_PKCS1],
        };
        for pem in pems {
            let key = read_pem(pem, Some("a"), algorithm).expect("a key");
            let jws = Jws::parse(token.as_bytes()).expect("a token");
            assert!(jws.verify(&key).is_ok(), "{name}");
            // The same key under another algorithm of its kind.
            let other = read_pem(pem, None, None).expect("a key");
            let want = if Some(other.algorithm()) == algorithm { None } else { Some(TokenError::AlgorithmOfOtherKey) };
            assert_eq!(jws.verify(&other).err(), want, "{name}");
        }
    }
}

#[track_caller]
fn refused(pem: &str, want: KeyReason) {
    assert_eq!(read_pem(pem, Some("a"), None).err(), Some(KeyError { key: "key \"a\"".into(), reason: want }), "{pem}");
}

#[test]
fn what_is_not_one_public_key_is_refused() {
    for kind in ["", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH "] {
        refused(
            &format!("-----BEGIN {kind}PRIVATE KEY-----\nMTIz\n-----END {kind}PRIVATE KEY-----\n"),
            KeyReason::Private,
        );
        refused(&format!("{PEM_ED}-----BEGIN {kind}PRIVATE KEY-----\n"), KeyReason::Private);
    }
    refused("-----BEGIN CERTIFICATE-----\nMTIz\n-----END CERTIFICATE-----\n", KeyReason::Certificate);
    refused(PEM_RSA_1024, KeyReason::RsaTooShort { bits: 1024 });
    refused(PEM_P521, KeyReason::TypeUnknown);
    refused("", KeyReason::Pem);
    refused("MCowBQYDK2VwAyEAgQSx2Fnhbnukk8Iugg4deSVZxnCIw7+K1tHA0HfDwSA=", KeyReason::Pem);
    refused(&PEM_ED.replace("-----END PUBLIC", "-----END RSA PUBLIC"), KeyReason::Pem);
    refused(&PEM_ED.repeat(2), KeyReason::Pem);
    refused(&PEM_ED.replace("A=", "A"), KeyReason::Pem);
    refused(&PEM_ED.replace("MCow", "MCo*"), KeyReason::Pem);
    refused(&PEM_ED.replace("MCow", "MCox"), KeyReason::Malformed("the PEM block"));
    refused(&PEM_RSA.replace("BEGIN PUBLIC", "BEGIN RSA PUBLIC").replace("END PUBLIC", "END RSA PUBLIC"), {
        KeyReason::Malformed("the PEM block")
    });
    refused(&" ".repeat(PEM_BYTES_MAX + 1), KeyReason::TooLarge { bytes_max: PEM_BYTES_MAX });
    let error = read_pem(PEM_ED, None, Some(Algorithm::Rs256)).expect_err("not for it");
    assert_eq!(error.to_string(), "a key without kid: RS256 is not for an Ed25519 key");
    assert!(read_pem(&format!("an explanation\r\n{}", PEM_ED.replace('\n', "\r\n")), None, None).is_ok());
}

#[test]
fn a_length_is_written_in_as_few_bytes_as_can_be() {
    let long = |length: &[u8], count: usize| [&[TAG_BITS], length, &vec![7; count]].concat();
    let read = |der: &[u8]| Der(der).only(TAG_BITS).map(<[u8]>::len);
    for (length, count) in
        [(&[0][..], 0), (&[127], 127), (&[0x81, 128], 128), (&[0x81, 255], 255), (&[0x82, 1, 0], 256)]
    {
        assert_eq!(read(&long(length, count)), Some(count));
        assert_eq!(read(&long(length, count + 1)), None, "something follows");
        assert_eq!(Der(&long(length, count)).only(TAG_NULL), None);
    }
    for (length, count) in [(&[0x80][..], 0), (&[0x81, 127], 127), (&[0x82, 0, 255], 255), (&[0x83, 0, 1, 0], 256)] {
        assert_eq!(read(&long(length, count)), None, "{length:?}");
    }
    for cut in [&[][..], &[TAG_BITS], &[TAG_BITS, 1], &[TAG_BITS, 0x81], &[TAG_BITS, 0x82, 1]] {
        assert_eq!(read(cut), None);
    }
}

#[test]
fn a_changed_key_is_refused_or_another_key() {
    for (pem, name) in [(PEM_P256, "ES256"), (PEM_ED, "EdDSA"), (PEM_RSA, "RS256")] {
        let (label, body) = one_block(pem).expect("PEM");
        let der = STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).expect("base64");
        let jws = Jws::parse(token(name).as_bytes()).expect("a token");
        assert!(jws.verify(&public_key(&der, None, None).expect("a key")).is_ok());
        for at in 0..der.len() {
            assert!(public_key(&der[..at], None, None).is_err(), "{label} cut at {at}");
            for bit in 0..8 {
                let mut changed = der.clone();
                changed[at] ^= 1 << bit;
                let key = public_key(&changed, None, None);
                assert!(!key.is_ok_and(|key| jws.verify(&key).is_ok()), "{label}: bit {bit} of byte {at}");
            }
        }
        assert!(public_key(&[&der[..], &[0]].concat(), None, None).is_err(), "something follows");
    }
}
