//! The performance gate: `budgets.toml` held against what was measured. Names the budget that is broken.
