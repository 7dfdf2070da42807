//! What the machine and this process use: processors, memory, disks, GPUs, and the process itself.
//!
//! Reads `/proc`, asks the kernel about file systems, and NVML about GPUs. What cannot be read is `null` in the
//! answer, never an error. It blocks (a GPU may take milliseconds), so the caller runs it on a thread for that; it
//! keeps nothing between calls but the loaded NVML library, and it never touches network file systems, whose servers
//! may not answer. Start at [`sample`].

use std::fs::File;
use std::io::Read as _;

use serde_json::{Value, json};

mod file_systems;
mod gpus;
mod proc_files;

pub use proc_files::Counters;

/// A file in `/proc` is read up to here. Only the mounts of a machine full of containers come near.
const PROC_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// One reading, and the counters to hand in next time, so that CPU use is that of the time between.
/// Without `previous`, CPU use is that since boot. Blocks.
#[must_use]
pub fn sample(previous: Option<&Counters>) -> (Value, Counters) {
    let stat = read("/proc/stat");
    let counters = proc_files::counters(&stat);
    let memory = proc_files::memory(&read("/proc/meminfo"));
    let uptime_seconds = proc_files::first_number(&read("/proc/uptime"));
    let (gpus, gpu_note) = gpus::sample();
    let mut usage = json!({
        "cpu": {
            "percent": proc_files::cpu_percent(previous, &counters),
            "since": if previous.is_some() { "previous sample" } else { "boot" },
            "count": proc_files::cpu_count(&stat),
            "load_average": proc_files::load_average(&read("/proc/loadavg")),
        },
        "memory": memory,
        "disks": file_systems::sample(&read("/proc/self/mountinfo")),
        "process": process(uptime_seconds),
        "uptime_seconds": uptime_seconds,
        "gpus": gpus,
    });
    if let Some(note) = gpu_note {
        usage["gpu_note"] = note.into();
    }
    (usage, counters)
}

/// How full the machine is, for a health check: without GPUs, which may take milliseconds to ask.
#[derive(Debug)]
pub struct Machine {
    /// Of all processors together, since the reading before.
    pub cpu_percent: Option<f64>,
    /// Of the machine's memory, what cannot be had at once.
    pub memory_percent: Option<f64>,
    /// The fullest file system that can be written to.
    pub fullest_disk: Option<(String, f64)>,
}

/// One reading of that, and the counters to hand in next time. Blocks.
pub fn machine(previous: Option<&Counters>) -> (Machine, Counters) {
    let counters = proc_files::counters(&read("/proc/stat"));
    let machine = Machine {
        cpu_percent: proc_files::cpu_percent(previous, &counters),
        memory_percent: proc_files::memory_percent(&read("/proc/meminfo")),
        fullest_disk: file_systems::fullest(&read("/proc/self/mountinfo")),
    };
    (machine, counters)
}

/// What this process uses, as far as the system tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnUse {
    /// Resident memory.
    pub resident_bytes: Option<u64>,
    /// Processor time since its beginning.
    pub cpu_seconds: Option<f64>,
    /// Open descriptors.
    pub open_files: Option<u64>,
}

/// One reading of that. Blocks.
pub fn own_use() -> OwnUse {
    OwnUse {
        resident_bytes: resident_bytes(),
        cpu_seconds: proc_files::process_cpu_seconds(&read("/proc/self/stat")),
        open_files: open_files(),
    }
}

/// The resident memory of this process. Blocks.
pub fn resident_bytes() -> Option<u64> {
    proc_files::kilobytes(&read("/proc/self/status"), "VmRSS:")
}

fn process(uptime_seconds: Option<f64>) -> Value {
    let status = read("/proc/self/status");
    let started = proc_files::process_start_seconds(&read("/proc/self/stat"));
    let age = uptime_seconds.zip(started).map(|(up, start)| proc_files::rounded((up - start).max(0.0)));
    json!({
        "id": std::process::id(),
        "rss_bytes": proc_files::kilobytes(&status, "VmRSS:"),
        "threads": proc_files::field(&status, "Threads:"),
        "open_files": open_files(),
        "open_files_max": proc_files::open_files_max(&read("/proc/self/limits")),
        "uptime_seconds": age,
    })
}

/// From Linux 6.2 on the size of the folder is its number of entries; before, it is 0 and they are counted.
fn open_files() -> Option<u64> {
    let folder = "/proc/self/fd";
    match std::fs::metadata(folder).ok()?.len() {
        // One of the entries is the folder itself, open for being counted.
        0 => Some((std::fs::read_dir(folder).ok()?.count() as u64).saturating_sub(1)),
        count => Some(count),
    }
}

/// A whole file, or as much as there is room for; empty where it cannot be read.
fn read(path: &str) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        // What was read before a failure is parsed like any other text.
        let _ = file.take(PROC_FILE_BYTES_MAX).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The JSON Schema of what [`sample`] gives.
#[must_use]
pub fn output_schema() -> Value {
    let number = json!({"type": ["number", "null"], "minimum": 0});
    let percent = json!({"type": ["number", "null"], "minimum": 0, "maximum": 100});
    let count = json!({"type": ["integer", "null"], "minimum": 0});
    let object = |properties: Value| {
        let required: Vec<&String> = properties.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
        json!({"type": "object", "required": required, "additionalProperties": false, "properties": properties})
    };
    let disk = object(json!({
        "path": {"type": "string", "description": "Where it is mounted."},
        "device": {"type": "string"},
        "type": {"type": "string", "description": "The kind of file system."},
        "total_bytes": count,
        "free_bytes": {"type": ["integer", "null"], "minimum": 0, "description": "Free to processes without privileges."},
    }));
    let gpu = object(json!({
        "index": {"type": "integer", "minimum": 0},
        "name": {"type": ["string", "null"]},
        "uuid": {"type": ["string", "null"]},
        "memory_total_bytes": count,
        "memory_used_bytes": count,
        "utilization_percent": percent,
        "temperature_celsius": {"type": ["integer", "null"]},
        "power_watts": number,
    }));
    let mut schema = object(json!({
        "cpu": object(json!({
            "percent": {"type": ["number", "null"], "minimum": 0, "maximum": 100, "description": "Of all processors together."},
            "since": {"enum": ["boot", "previous sample"], "description": "The time that `percent` is about."},
            "count": count,
            "load_average": {"type": ["array", "null"], "items": {"type": "number", "minimum": 0}, "minItems": 3, "maxItems": 3,
                "description": "Over 1, 5 and 15 minutes."},
        })),
        "memory": object(json!({"total_bytes": count, "used_bytes": count, "available_bytes": count})),
        "disks": {"type": "array", "items": disk},
        "process": object(json!({
            "id": count,
            "rss_bytes": count,
            "threads": count,
            "open_files": count,
            "open_files_max": {"type": ["integer", "null"], "minimum": 0, "description": "Null where there is no limit."},
            "uptime_seconds": number,
        })),
        "uptime_seconds": {"type": ["number", "null"], "minimum": 0, "description": "Of the machine."},
        "gpus": {"type": "array", "items": gpu},
    }));
    schema["properties"]["gpu_note"] =
        json!({"type": "string", "description": "Why there are no GPUs in the answer, or not all."});
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the answer is what the schema promises, on whatever machine the tests run, with and without GPUs.
    #[test]
    fn a_sample_satisfies_the_schema() {
        let schema = jsonschema::validator_for(&output_schema()).expect("the schema compiles");
        let (first, counters) = sample(None);
        let (second, _) = sample(Some(&counters));
        for usage in [&first, &second] {
            let errors: Vec<String> = schema.iter_errors(usage).map(|error| error.to_string()).collect();
            assert_eq!(errors, Vec::<String>::new(), "{usage}");
        }
        assert_eq!(first["cpu"]["since"], "boot");
        assert_eq!(second["cpu"]["since"], "previous sample");
    }

    /// On any Linux these are there; a `null` would mean that parsing went wrong.
    #[test]
    fn a_sample_has_what_linux_tells() {
        let (usage, _) = sample(None);
        let positive = |pointer: &str| {
            let value = usage.pointer(pointer).and_then(Value::as_f64);
            assert!(value.is_some_and(|value| value > 0.0), "{pointer}: {value:?}");
        };
        for pointer in [
            "/cpu/count",
            "/memory/total_bytes",
            "/memory/available_bytes",
            "/process/rss_bytes",
            "/process/threads",
            "/process/open_files",
            "/process/id",
            "/uptime_seconds",
        ] {
            positive(pointer);
        }
        assert!(usage["process"]["uptime_seconds"].as_f64().is_some_and(|age| age < 86_400.0), "{usage}");
        assert!(usage["gpus"].as_array().is_some_and(|gpus| !gpus.is_empty()) || usage["gpu_note"].is_string());
    }

    #[test]
    fn machine_and_process_are_told_alike() {
        let (machine, _) = machine(None);
        assert!(machine.memory_percent.is_some_and(|percent| percent > 0.0 && percent < 100.0), "{machine:?}");
        let own = own_use();
        assert!(own.resident_bytes.is_some_and(|bytes| bytes > 1 << 20), "{own:?}");
        assert!(own.cpu_seconds.is_some() && own.open_files.is_some(), "{own:?}");
    }

    #[test]
    fn opening_a_file_shows() {
        let before = open_files().expect("Linux tells");
        let files: Vec<File> = (0..50).map(|_| File::open("/proc/self/stat").expect("it opens")).collect();
        // Other tests open and close files meanwhile.
        assert!(open_files().expect("Linux tells") >= before + 30);
        drop(files);
    }
}
