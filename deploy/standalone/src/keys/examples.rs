//! What `ringway keys --help` and its man pages say beyond flags. The form is that of `examples.rs` beside it.

macro_rules! exit_codes {
    () => {
        "
Exit codes:
  0  it worked
  1  there is no such key, or it cannot be changed
  2  the command line or the file must be mended
"
    };
}

pub const KEYS: &str = concat!(
    "\
Examples:
  ringway keys create --file keys.json --name ci --scope mcp:read
  ringway keys list --file keys.json
  ringway keys rotate 4bZ7kQ2mX9aL --file keys.json --grace 24h
  ringway keys revoke 4bZ7kQ2mX9aL --file keys.json

  Callers show a key as `X-API-Key: rw_…` or `Authorization: Bearer rw_…`.
",
    exit_codes!()
);

pub const CREATE: &str = concat!(
    "\
Examples:
  ringway keys create --file keys.json --name ci --scope mcp:read --role agent --expires 90d --rate 100
  ringway keys create --file keys.json --name reports --permission 'get_*,list_*'
  KEY=$(ringway keys create --file keys.json --name nightly)
  ringway keys create --file keys.json --name ci -o json | jq -r .key

  The key is on standard output, and nowhere else: the file holds what it is checked by.
",
    exit_codes!()
);

pub const LIST: &str = concat!(
    "\
Examples:
  ringway keys list --file keys.json
  ringway keys list --file keys.json -o json | jq -r '.[] | select(.state == \"active\") | .id'
",
    exit_codes!()
);

pub const REVOKE: &str = concat!(
    "\
Examples:
  ringway keys revoke 4bZ7kQ2mX9aL --file keys.json

  It cannot be undone; `ringway keys rotate` changes a secret and keeps the key.
",
    exit_codes!()
);

pub const ROTATE: &str = concat!(
    "\
Examples:
  ringway keys rotate 4bZ7kQ2mX9aL --file keys.json
  ringway keys rotate 4bZ7kQ2mX9aL --file keys.json --grace 0s
  KEY=$(ringway keys rotate 4bZ7kQ2mX9aL --file keys.json --grace 7d)

  Two secrets of a key are good at most: the last one, and for the grace the one before.
",
    exit_codes!()
);
