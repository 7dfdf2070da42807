//! What `--help` and the man pages say beyond flags: examples, exit codes, the environment. It never runs anything.
//! A line that ends in a colon and is not indented begins a section; `man.rs` relies on it.

macro_rules! exit_codes_of_a_client {
    () => {
        "
Exit codes:
  0  it worked
  1  the tool or the server said no, or what it said is not MCP
  2  the command line, a file or the environment must be mended
  3  the server cannot be reached, or does not answer in time
"
    };
}

macro_rules! environment_of_a_client {
    () => {
        "
Environment:
  RINGWAY_URL     the server, when --url is absent
  RINGWAY_HEADER  headers, one a line, when --header is absent: keeps tokens out of process lists
  SSL_CERT_FILE   certificates to trust for https, when not those of this machine
  NO_PROXY, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY
                  the way to servers that are not on this machine
"
    };
}

pub const EXPLAIN: &str = "\
Examples:
  ringway explain 3731943e0000000000000295                 who asked, what was decided, by which rule
  ringway explain order-66 -o json                         a name that the client gave (X-Request-Id)

Exit codes:
  0  it is told
  1  nothing is remembered of it
  2  the command line must be mended, or the server asks who you are
  3  the server cannot be reached
";

pub const RINGWAY: &str = "\
Examples:
  ringway                                      serve on http://127.0.0.1:9999/mcp
  ringway stdio                                serve one client over standard input and output
  ringway config init ringway.yaml             a configuration to begin with
  ringway tools list                           what a server offers
  ringway tools call echo text=hello           call a tool
  ringway bench run                            what this machine does with it
  ringway completion bash > ringway.bash       complete words in a shell
  ringway man --dir man1                       one man page a verb

Exit codes:
  0  it worked
  1  it was refused, or ended by a fault
  2  the command line, the configuration or the machine must be mended
  3  a server cannot be reached
";

pub const SERVE: &str = "\
Examples:
  ringway serve
  ringway serve --listen 0.0.0.0:9999 --allow-host mcp.example.com
  ringway serve --shards 2 --cpus 2-3
  ringway serve --config ringway.yaml --profile prod --set limits.call_time_max=1m
  kill -HUP PID                                read the configuration again

Environment:
  RINGWAY_CONFIG              the configuration file, when --config is absent
  RINGWAY_SECTION__KEY        any key, like RINGWAY_SERVER__LISTEN or RINGWAY_LOG__LEVEL
  RINGWAY_SECTION__KEY_FILE   the same, from a file: for secrets

  Flags win over the environment, that over ./ringway.yaml, .yml or .json, that over the profile.

Exit codes:
  0  it served, and drained after SIGTERM or SIGINT
  1  a shard ended by a fault
  2  it cannot start: the configuration is wrong, an address is taken, or the machine lacks something
";

pub const STDIO: &str = "\
Examples:
  ringway stdio
  printf '%s\\n' '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}' | ringway stdio

  How an MCP client is told to start it:
  { \"mcpServers\": { \"ringway\": { \"command\": \"ringway\", \"args\": [\"stdio\"] } } }

Exit codes:
  0  its input ended and every answer was given
  1  a shard ended by a fault
  2  it cannot start: the machine lacks something
";

pub const TOOLS: &str = concat!(
    "\
Examples:
  ringway tools list
  ringway tools call echo text=hello
  ringway tools call --help
",
    exit_codes_of_a_client!()
);

pub const TOOLS_LIST: &str = concat!(
    "\
Examples:
  ringway tools list
  ringway tools list --url https://mcp.example.com/mcp
  RINGWAY_HEADER=\"Authorization: Bearer $TOKEN\" ringway tools list
  ringway tools list -o json | jq -r '.[].name'
",
    exit_codes_of_a_client!(),
    environment_of_a_client!()
);

pub const TOOLS_CALL: &str = concat!(
    "\
Ways to give arguments:
  '{\"text\": \"hello\"}'   one JSON object
  @FILE                 the JSON object in a file
  -                     the JSON object on standard input
  KEY=VALUE ...         text where the tool's schema says text, else JSON if it is JSON, else text

Examples:
  ringway tools call echo text=hello
  ringway tools call echo '{\"text\": \"hello\"}' -o json
  ringway tools call record_metric component=db metric=latency_ms value=12.5
  ringway tools call echo @arguments.json --timeout 30s
  jq -n '{text: \"hello\"}' | ringway tools call echo -
",
    exit_codes_of_a_client!(),
    environment_of_a_client!()
);

pub const CONFIG: &str = "\
Examples:
  ringway config init ringway.yaml
  ringway config show -o table
  ringway config schema > ringway.schema.json
";

pub const CONFIG_SCHEMA: &str = "\
Examples:
  ringway config schema > ringway.schema.json

  How an editor is told, in the first line of ringway.yaml:
  # yaml-language-server: $schema=ringway.schema.json
";

pub const CONFIG_SHOW: &str = "\
Examples:
  ringway config show
  ringway config show --profile low-latency -o table
  ringway config show -o json | jq -r '.[\"limits.body_bytes_max\"].from'

Exit codes:
  0  the configuration is good
  2  it is not: every mistake is told with its place
";

pub const CONFIG_INIT: &str = "\
Examples:
  ringway config init ringway.yaml
  ringway config init | less
";

pub const VALIDATE: &str = "\
Examples:
  ringway validate ringway.yaml

Exit codes:
  0  the file is good
  2  it is not: every mistake is told with its place
";

macro_rules! exit_codes_of_audit {
    () => {
        "
Exit codes:
  0  it is good
  1  the log is broken: file, line and record are named
  2  the command line or the files must be mended: they could not be read
"
    };
}

pub const AUDIT: &str = concat!(
    "\
Examples:
  ringway audit verify /var/lib/ringway/audit
  ringway audit tail -f /var/lib/ringway/audit
  ringway audit export --format csv --since 24h /var/lib/ringway/audit
",
    exit_codes_of_audit!()
);

pub const AUDIT_VERIFY: &str = concat!(
    "\
Examples:
  ringway audit verify /var/lib/ringway/audit
  ringway audit verify /var/lib/ringway/audit -o json | jq -r .anchor >> elsewhere
  ringway audit verify /var/lib/ringway/audit --anchor \"$(tail -n 1 elsewhere)\"
  ringway audit verify /var/lib/ringway/audit --from 103233

  Each record has the hash of the one before it: what is changed, removed or moved between two records shows. That the
  newest records were cut off, or everything was written anew, shows only with an anchor that was kept elsewhere.
",
    exit_codes_of_audit!()
);

pub const AUDIT_TAIL: &str = concat!(
    "\
Examples:
  ringway audit tail /var/lib/ringway/audit
  ringway audit tail -n 100 -o json /var/lib/ringway/audit | jq -r .tool
  ringway audit tail -f /var/lib/ringway/audit
",
    exit_codes_of_audit!()
);

pub const AUDIT_EXPORT: &str = concat!(
    "\
Examples:
  ringway audit export /var/lib/ringway/audit > audit.jsonl
  ringway audit export --format csv --since 2026-01-31T00:00:00Z /var/lib/ringway/audit > audit.csv
  ringway audit export --principal ada --decision denied --since 7d /var/lib/ringway/audit
",
    exit_codes_of_audit!()
);

pub const COMPLETION: &str = "\
Examples:
  ringway completion bash > ~/.local/share/bash-completion/completions/ringway
  ringway completion zsh > \"${fpath[1]}/_ringway\"
  ringway completion fish > ~/.config/fish/completions/ringway.fish
";

pub const MAN: &str = "\
Examples:
  ringway man | man -l -
  ringway man --dir ~/.local/share/man/man1
";
