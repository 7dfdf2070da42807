//! The GPUs of this machine, as NVML tells.
//!
//! The library is loaded on the first question and kept; a driver that is installed later shows after a restart.
//! That there is none is an answer, not an error, and so is a GPU that does not tell something. It never changes
//! a GPU's settings. Start at [`sample`].

use std::sync::OnceLock;

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use serde_json::{Value, json};

use super::proc_files::rounded;

/// At most so many are listed; the largest hosts have 16.
const GPUS_MAX: u32 = 64;

/// The GPUs, and a note where there are none to tell of, or not all of them.
pub(super) fn sample() -> (Vec<Value>, Option<String>) {
    static NVML: OnceLock<Result<Nvml, String>> = OnceLock::new();
    let nvml = match NVML.get_or_init(|| Nvml::init().map_err(|error| error.to_string())) {
        Ok(nvml) => nvml,
        Err(error) => {
            return (Vec::new(), Some(format!("NVML (libnvidia-ml.so.1) cannot be used: {error}")));
        }
    };
    let count = match nvml.device_count() {
        Ok(count) => count,
        Err(error) => {
            return (Vec::new(), Some(format!("NVML cannot count the GPUs: {error}")));
        }
    };
    let (mut gpus, mut notes) = (Vec::new(), Vec::new());
    for index in 0..count.min(GPUS_MAX) {
        match nvml.device_by_index(index) {
            Ok(device) => gpus.push(gpu(index, &device)),
            Err(error) => notes.push(format!("GPU {index} cannot be asked: {error}")),
        }
    }
    if count == 0 {
        notes.push("NVML finds no GPU".to_owned());
    }
    if count > GPUS_MAX {
        notes.push(format!("{} more GPUs are left out", count - GPUS_MAX));
    }
    (gpus, (!notes.is_empty()).then(|| notes.join("; ")))
}

fn gpu(index: u32, device: &nvml_wrapper::Device<'_>) -> Value {
    let memory = device.memory_info().ok();
    json!({
        "index": index,
        "name": device.name().ok(),
        "uuid": device.uuid().ok(),
        "memory_total_bytes": memory.as_ref().map(|memory| memory.total),
        "memory_used_bytes": memory.as_ref().map(|memory| memory.used),
        // None where the GPU is partitioned (MIG): it has no use as a whole.
        "utilization_percent": device.utilization_rates().ok().map(|rates| rates.gpu.min(100)),
        "temperature_celsius": device.temperature(TemperatureSensor::Gpu).ok(),
        // In milliwatts.
        "power_watts": device.power_usage().ok().map(|power_mw| rounded(f64::from(power_mw) / 1000.0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: no GPU without a word, and the same answer twice (the library is loaded once).
    #[test]
    fn either_gpus_or_a_note() {
        let (gpus, note) = sample();
        assert!(!gpus.is_empty() || note.is_some());
        let (again, note_again) = sample();
        assert_eq!((gpus.len(), note), (again.len(), note_again));
    }
}
