//! Who is calling: from the bytes of a credential and the time to a [`Principal`], or to a reason why not. It reads no clock,
//! no file and no socket, and keeps no secret longer than it must.

pub mod principal;

pub mod proxy_protocol;

pub mod client_address;

pub mod api_key;

pub mod key_ring;

pub mod weak_secret;

pub use principal::{CredentialKind, Principal};
