//! What `keys create|list|revoke|rotate` do: change the file, then tell. A secret is printed once, after its digest is
//! safely on disk, so that no key is handed out that the server does not know.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};
use ringway_dataplane::keys::{KeyFile, KeyRate, NewKey, Pepper, Revocation, shown_id};
use serde_json::json;
use zeroize::Zeroizing;

use super::arguments::{Common, Create, Expiry, Format, Keys, List, Revoke, Rotate};
use super::{Trouble, store, text};

/// Runs a verb.
pub fn run(keys: Keys) -> Result<(), Trouble> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_unix_s =
        now.map_err(|_| Trouble::Usage("the clock says that it is before 1970: set it".to_owned()))?.as_secs();
    match keys {
        Keys::Create(verb) => create(verb, now_unix_s),
        Keys::List(verb) => list(verb, now_unix_s),
        Keys::Revoke(verb) => revoke(verb, now_unix_s),
        Keys::Rotate(verb) => rotate(verb, now_unix_s),
    }
}

fn create(verb: Create, now_unix_s: u64) -> Result<(), Trouble> {
    let Create { common, name, scopes, roles, permissions, expires, rate, burst } = verb;
    let usage = |error: &dyn std::fmt::Display| Trouble::Usage(error.to_string());
    let rate = match rate {
        Some(rate) => Some(KeyRate::new(rate, burst).map_err(|error| Trouble::Usage(format!("--rate: {error}")))?),
        None => None,
    };
    let expires_at_unix_s = match expires {
        Some(Expiry::In(duration)) => Some(end(now_unix_s, duration)?),
        Some(Expiry::At(time)) => Some(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())),
        None => None,
    };
    let permissions = (!permissions.is_empty()).then_some(permissions);
    let wanted = NewKey { name: name.clone(), scopes, roles, permissions, rate, expires_at_unix_s };
    let (id_random, secret_random) = (random()?, Zeroizing::new(random()?));
    let mut is_first = false;
    let first = || {
        is_first = true;
        Ok(KeyFile::new(Pepper::new(random()?)))
    };
    let created = store::change(&common.file, first, |file| {
        file.create(wanted, &id_random, &secret_random, now_unix_s).map_err(|error| usage(&error))
    })?;
    if is_first {
        remark(&format!(
            "{} is made: it holds the keys of this server, and nobody else may read it",
            path(&common.file)
        ));
    }
    let until = text::time_or(expires_at_unix_s, "it is revoked");
    remark(&format!("key {} of {name:?} is good until {until}; this is the only time that it is shown", created.id));
    print_key(
        &common,
        &created.id,
        &created.text,
        json!({ "name": name, "expires_at": text::json_time(expires_at_unix_s) }),
    )
}

fn rotate(Rotate { id, grace, common }: Rotate, now_unix_s: u64) -> Result<(), Trouble> {
    let id = id_of(&id);
    let secret_random = Zeroizing::new(random()?);
    let rotated = store::change(&common.file, missing(&common.file), |file| {
        file.rotate(id, &secret_random, grace.as_secs(), now_unix_s)
            .map_err(|error| Trouble::Refused(error.to_string()))
    })?;
    let until = rotated.previous_until_unix_s;
    if grace.is_zero() {
        remark(&format!("key {id} has another secret, and the one before is good no more"));
    } else {
        remark(&format!("key {id} has another secret; the one before is good until {}", text::time(until)));
    }
    if rotated.has_ended_older {
        remark("the secret before that one was in its grace, and is good no more");
    }
    print_key(
        &common,
        id,
        &rotated.text,
        json!({ "previous_until": text::json_time((!grace.is_zero()).then_some(until)) }),
    )
}

fn revoke(Revoke { id, common }: Revoke, now_unix_s: u64) -> Result<(), Trouble> {
    let id = id_of(&id);
    let revocation = store::change(&common.file, missing(&common.file), |file| {
        file.revoke(id, now_unix_s).map_err(|error| Trouble::Refused(error.to_string()))
    })?;
    let (at, already) = match revocation {
        Revocation::Revoked => (now_unix_s, ""),
        Revocation::AlreadyAt(at) => (at, " already"),
    };
    match common.output {
        Format::Text => print(&format!("key {id} is revoked{already}, since {}\n", text::time(at))),
        Format::Json => {
            print(&text::json(&json!({ "id": id, "state": "revoked", "revoked_at": text::json_time(Some(at)) })))
        }
    }
}

fn list(List { common }: List, now_unix_s: u64) -> Result<(), Trouble> {
    let file = store::read(&common.file)?;
    match common.output {
        Format::Json => print(&text::list_json(file.keys(), now_unix_s)),
        Format::Text if file.keys().is_empty() => {
            remark(&format!("there is no key in {}", path(&common.file)));
            Ok(())
        }
        Format::Text => print(&text::list(file.keys(), now_unix_s)),
    }
}

/// Where only `create` may begin a file.
fn missing(path: &Path) -> impl FnOnce() -> Result<KeyFile, Trouble> {
    let why = format!("{}: there is no such file: `ringway keys create` makes it", path.display());
    || Err(Trouble::Usage(why))
}

/// The id that was meant: whoever has a lost key at hand need not look for its id.
fn id_of(written: &str) -> &str {
    shown_id(written.as_bytes()).unwrap_or(written)
}

fn end(now_unix_s: u64, duration: Duration) -> Result<u64, Trouble> {
    /// The year 9999, behind which times cannot be written.
    const END_UNIX_S_MAX: u64 = 253_402_300_799;
    let end = now_unix_s.checked_add(duration.as_secs()).filter(|end| *end <= END_UNIX_S_MAX);
    end.ok_or_else(|| {
        Trouble::Usage("--expires: the year has more than four digits: leave it out for never".to_owned())
    })
}

pub fn random<const BYTES: usize>() -> Result<[u8; BYTES], Trouble> {
    let mut bytes = [0; BYTES];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Trouble::Usage("the system has no random bytes yet: try again when it is up".to_owned()))?;
    Ok(bytes)
}

/// A key alone on its line, or with what belongs to it.
fn print_key(common: &Common, id: &str, key: &Zeroizing<String>, more: serde_json::Value) -> Result<(), Trouble> {
    let line = match common.output {
        Format::Text => Zeroizing::new(format!("{}\n", **key)),
        Format::Json => {
            let mut object = json!({ "id": id, "key": key.as_str() });
            if let (Some(object), serde_json::Value::Object(more)) = (object.as_object_mut(), more) {
                object.extend(more);
            }
            Zeroizing::new(text::json(&object))
        }
    };
    let mut out = io::stdout().lock();
    let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    // Here a reader that has gone is a failure: nobody has the key.
    written.map_err(|error| {
        let fix = "nobody has its secret: `ringway keys rotate` gives it another";
        Trouble::Usage(format!("standard output takes nothing ({error}), and key {id} is made; {fix}"))
    })
}

/// Prints.
fn print(text: &str) -> Result<(), Trouble> {
    crate::printed::print(text).map_err(Trouble::Usage)
}

/// Says what is worth knowing beside what is printed.
fn remark(sentence: &str) {
    // Standard error that is closed leaves nobody to tell.
    let _ = writeln!(io::stderr(), "ringway: {sentence}");
}

fn path(path: &Path) -> String {
    path.display().to_string().replace(char::is_control, "\u{fffd}")
}
