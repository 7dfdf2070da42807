//! The one file that reads /proc and /sys for the fingerprint. What cannot be read is empty. Decides nothing.

use std::fs;
use std::path::Path;

use rustix::time::{ClockId, clock_gettime};

use crate::machine::quiet::{self, Times};

/// Texts as the kernel writes them.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    pub host: String,
    pub kernel: String,
    pub cpuinfo: String,
    pub meminfo: String,
    /// `1` where a core has more than one thread at work.
    pub smt_active: String,
    /// Of each core.
    pub governors: Vec<String>,
    pub clocksource: String,
    pub product_name: String,
    pub hypervisor_type: String,
    /// Name and cores.
    pub nodes: Vec<(String, String)>,
    pub vulnerabilities: Vec<(String, String)>,
    pub huge_pages: String,
    pub load_average: String,
}

pub fn read() -> Readings {
    let uname = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let cpus = Path::new("/sys/devices/system/cpu");
    Readings {
        host: text(uname.nodename()),
        kernel: format!("{} {}", text(uname.sysname()), text(uname.release())),
        cpuinfo: line("/proc/cpuinfo"),
        meminfo: line("/proc/meminfo"),
        smt_active: line("/sys/devices/system/cpu/smt/active"),
        governors: of_each(cpus, "cpu", "cpufreq/scaling_governor").into_iter().map(|(_, governor)| governor).collect(),
        clocksource: line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        product_name: line("/sys/class/dmi/id/product_name"),
        hypervisor_type: line("/sys/hypervisor/type"),
        nodes: of_each(Path::new("/sys/devices/system/node"), "node", "cpulist"),
        vulnerabilities: of_each(&cpus.join("vulnerabilities"), "", ""),
        huge_pages: line("/sys/kernel/mm/transparent_hugepage/enabled"),
        load_average: line("/proc/loadavg"),
    }
}

pub fn times() -> Times {
    quiet::times(&line("/proc/stat"))
}

/// CPU time of all our threads.
pub fn own_cpu_s() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

fn line(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// `file` in each folder called `prefix` and more, by name; without `file`, the entries themselves.
fn of_each(folder: &Path, prefix: &str, file: &str) -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let named = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if file.is_empty() { entry.path() } else { entry.path().join(file) };
        (name.starts_with(prefix) && path.is_file()).then(|| (name, line(path)))
    });
    let mut all: Vec<(String, String)> = named.collect();
    all.sort();
    all
}
