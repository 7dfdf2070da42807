//! What `--help` says beyond flags: examples and exit codes, a text a verb.
//! A line that ends in a colon and is not indented begins a section of the manual page.

macro_rules! exit_codes {
    () => {
        "
Exit codes:
  0  every answer was right, no budget is known to be broken
  1  wrong, missing or no answers; or a budget is broken
  2  it could not be measured: the command line, a file or the machine must be mended
"
    };
}

/// Of `bench` itself.
pub const BENCH: &str = concat!(
    "\
Examples:
  ringway bench run                                            the echo tool of this Ringway, closed loop
  ringway bench run open-10k --html result.html                10,000 calls a second, with plots
  ringway bench compare --a git:HEAD~1 --b ringway             is this build faster than the one before?
  ringway bench gate                                           is every promise of bench/budgets.toml kept?
",
    exit_codes!()
);

pub const RUN: &str = concat!(
    "\
Examples:
  ringway bench run                                            this Ringway, 64 connections, as fast as it goes
  ringway bench run open-10k --seconds 30                      10,000 calls a second for half a minute
  ringway bench run agents.toml --server http://127.0.0.1:9999/mcp
  ringway bench run --server 'ringway serve --set access_log.enabled=false'
  ringway bench run --server peer:nginx --out nginx.json       a folder of bench/peers
",
    exit_codes!()
);

pub const COMPARE: &str = concat!(
    "\
Examples:
  ringway bench compare --a git:HEAD~1 --b ringway             the commit before against this program
  ringway bench compare --a peer:nginx --b ringway --rounds 9  beside nginx
  ringway bench compare --a peer:nginx --b ringway --b peer:rmcp --b peer:fastmcp --html table.html
",
    exit_codes!()
);

pub const GATE: &str = concat!(
    "\
Examples:
  ringway bench gate                                           every budget
  ringway bench gate --short                                   what fits into a minute or two, for CI
  ringway bench gate --only instructions.echo-modern          one budget
  ringway bench gate --history bench/history.jsonl             and keep the figures
",
    exit_codes!()
);

pub const REPORT: &str = concat!(
    "\
Examples:
  ringway bench report before.json after.json                  what `run --out` wrote, as text
  ringway bench report *.json --html page.html                 the same as a page that opens offline
  ringway bench report --history bench/history.jsonl           figures by commit
",
    exit_codes!()
);

pub const STAND_IN: &str = concat!(
    "\
Examples:
  ringway bench stand-in                                       answers at once: the generator's ceiling
  ringway bench stand-in --answer bimodal:1ms,20ms,0.1         one answer in ten takes 20 ms
  ringway bench stand-in --answer stall:1s@5s                  stands still for a second, 5 s after its first request
",
    exit_codes!()
);

#[cfg(test)]
mod tests {
    use crate::gate::budgets::Budgets;

    /// Goal: the budget that the help names is one.
    #[test]
    fn the_example_names_a_budget() {
        let budgets = Budgets::parse(include_str!("../../budgets.toml")).unwrap();
        let (_, after) = super::GATE.split_once("--only ").unwrap();
        let name = after.split_whitespace().next().unwrap();
        budgets.only(&[name.to_owned()]).unwrap();
    }
}
