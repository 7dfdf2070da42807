//! Random bytes for handles, drawn in blocks so that a session does not cost a system call. It never seeds anything.

use ring::rand::{SecureRandom, SystemRandom};

const BLOCK_BYTES: usize = 1024;

/// A shard's pool.
pub struct RandomPool {
    block: [u8; BLOCK_BYTES],
    used: usize,
}

impl Default for RandomPool {
    fn default() -> Self {
        RandomPool { block: [0; BLOCK_BYTES], used: BLOCK_BYTES }
    }
}

impl RandomPool {
    /// 128 bits that were never given out.
    pub fn take(&mut self) -> [u8; 16] {
        if self.used + 16 > BLOCK_BYTES {
            fill(&mut self.block);
            self.used = 0;
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.block[self.used..self.used + 16]);
        self.block[self.used..self.used + 16].fill(0);
        self.used += 16;
        bytes
    }
}

/// A number nobody can guess.
pub fn number() -> u32 {
    let mut bytes = [0; 4];
    fill(&mut bytes);
    u32::from_le_bytes(bytes)
}

/// Fills `bytes` from the system.
pub fn fill(bytes: &mut [u8]) {
    SystemRandom::new().fill(bytes).expect("getrandom(2) does not fail once the system is up");
}
