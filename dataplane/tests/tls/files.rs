//! Goal: whoever starts a server with files that cannot be used is told which, why, and what to do.
//! Method: a row a mistake, each in files of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rcgen::date_time_ymd;
use ringway_dataplane::{CertificateFiles, ClientAuth, Tls, TlsOptions};

use crate::common::certificates::{Authority, Folder, text_of};

#[track_caller]
fn check(options: &TlsOptions, file: Option<&PathBuf>, want: &str) {
    let errors = Tls::load(options, None).expect_err("this is refused");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].path.as_ref(), file, "{errors:?}");
    assert!(errors[0].text.contains(want), "{errors:?} lacks {want:?}");
    assert!(errors[0].text.contains([';', ':']), "a way out: {errors:?}");
}

fn one(files: &CertificateFiles) -> TlsOptions {
    TlsOptions::new(&files.certificate, &files.key)
}

#[test]
fn mistakes_are_named_with_their_file() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let good = authority.issue(&["a.example"]).files(&folder, "good");
    let other = authority.issue(&["b.example"]).files(&folder, "other");
    let twin = authority.issue(&["c.example", "a.example"]).files(&folder, "twin");
    let missing = folder.path("missing.pem");
    let garbage = folder.write("garbage.pem", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n");
    let empty = folder.write("empty.pem", "");
    let unread = folder.write("unread.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let encrypted = folder
        .write("encrypted.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let open = folder.write("open.key", &text_of(&good.key));
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).expect("its own");
    let shared = folder.write("shared.key", &text_of(&good.key));
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o640)).expect("its own");

    let with = |certificate: &PathBuf, key: &PathBuf| TlsOptions::new(certificate, key);
    check(&with(&missing, &good.key), Some(&missing), "no such file");
    check(&with(&good.certificate, &missing), Some(&missing), "no such file");
    check(&with(&garbage, &good.key), Some(&garbage), "no PEM");
    check(&with(&empty, &good.key), Some(&empty), "no certificate in it");
    check(&with(&unread, &good.key), Some(&unread), "cannot be read");
    check(&with(&good.key, &good.key), Some(&good.key), "holds a key");
    check(&with(&good.certificate, &good.certificate), Some(&good.certificate), "no private key in it");
    check(&with(&good.certificate, &other.key), Some(&other.key), "not the key of");
    check(&with(&good.certificate, &encrypted), Some(&encrypted), "openssl pkey");
    check(&with(&good.certificate, &open), Some(&open), &format!("chmod 600 {}", open.display()));
    check(&with(&PathBuf::from("/"), &good.key), Some(&PathBuf::from("/")), "not a file");
    check(&TlsOptions::default(), None, "needs a certificate");
    assert!(Tls::load(&with(&good.certificate, &shared), None).is_ok(), "a group may share a key");

    let twins = TlsOptions { certificates: vec![good.clone(), twin.clone()], ..TlsOptions::default() };
    check(&twins, Some(&twin.certificate), "a.example");

    let ca = authority.file(&folder, "ca.pem");
    check(&TlsOptions { client_auth: ClientAuth::Required, ..one(&good) }, None, "authority");
    check(&TlsOptions { client_ca: Some(ca), ..one(&good) }, Some(&folder.path("ca.pem")), "do nothing");
    let unsure = TlsOptions { client_ca: Some(empty.clone()), client_auth: ClientAuth::Optional, ..one(&good) };
    check(&unsure, Some(&empty), "no certificate in it");
}

/// All mistakes at once, so that nobody mends them one start at a time.
#[test]
fn every_mistake_is_told() {
    let folder = Folder::new();
    let (a, b) = (folder.path("a.pem"), folder.path("b.pem"));
    let files = |path: &PathBuf| CertificateFiles { certificate: path.clone(), key: path.clone() };
    let options = TlsOptions { certificates: vec![files(&a), files(&b)], ..TlsOptions::default() };
    assert_eq!(Tls::load(&options, None).expect_err("refused").len(), 2);
}

#[test]
fn a_certificate_out_of_its_time_is_used_and_told() {
    let (authority, folder) = (Authority::new(), Folder::new());
    for (name, from, to, want) in
        [("old", 1990, 2000, "no longer since 2000-01-01"), ("new", 2900, 2901, "from 2900-01-01")]
    {
        let issued = authority.issue_with(&["a.example"], |params| {
            (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        });
        let tls = Tls::load(&one(&issued.files(&folder, name)), None).expect("it can be used");
        assert!(matches!(tls.warnings(), [warning] if warning.text.contains(want)), "{:?}", tls.warnings());
    }
    let tls = Tls::load(&one(&authority.issue(&["a.example"]).files(&folder, "good")), None).expect("good");
    assert_eq!(tls.warnings(), []);
}

#[test]
fn what_clients_see_tells_one_load_from_another() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let files = authority.issue(&["a.example"]).files(&folder, "a");
    let load = |options: &TlsOptions| Tls::load(options, None).expect("good");
    let first = load(&one(&files));
    assert!(first.is_same(&load(&one(&files))));
    authority.issue(&["a.example"]).files(&folder, "a");
    assert!(!first.is_same(&load(&one(&files))), "renewed in place");
}
