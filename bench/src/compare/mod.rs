//! A beside B, in interleaved rounds: the effect, its interval, and whether it is real.
