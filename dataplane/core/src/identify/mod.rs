//! Who is calling: from the bytes of a credential and the time to a [`Principal`], or to a reason why not. It reads no clock,
//! no file and no socket, and keeps no secret longer than it must.

pub mod access;
pub mod challenge;
pub mod metadata;
pub mod principal;
pub mod voucher;

pub mod bearer;
pub mod token_cache;

pub mod claims;
mod claims_caller;
pub mod jwk;
pub mod jwk_key;
pub mod jwk_pem;
mod jwk_rsa;
#[cfg(test)]
mod jwk_samples;
pub mod jws;
pub mod jws_algorithm;
pub mod key_set;
pub mod token_error;

pub mod proxy_protocol;

pub mod client_address;

pub mod api_key;

pub mod key_ring;

pub mod weak_secret;

pub use principal::{CredentialKind, Principal};
pub use voucher::{Lapse, Voucher};
