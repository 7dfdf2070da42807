//! The names that dashboards and alerts of older systems ask for, computed from the same counters. Off unless the operator
//! switches a set on.

use prometheus::proto::{Metric, MetricFamily};

use super::observer::View;
use super::prometheus::{HISTOGRAM_SAMPLES, counter, counters, histogram_metric, histograms, one_counter, one_gauge};
use crate::metrics::{BOUNDS_NS, ENDINGS, Histogram, Method};
use crate::tool_names::{self, ToolId};

/// Tools with durations of their own among the `mcpo_` names.
const MCPO_TOOLS_MAX: usize = 12;
/// Their buckets: 1 ms, 10 ms, 50 ms, 250 ms, 1 s, 5 s, 30 s.
const MCPO_BOUNDS_NS: [u64; 7] =
    [BOUNDS_NS[6], BOUNDS_NS[8], BOUNDS_NS[9], BOUNDS_NS[10], BOUNDS_NS[11], BOUNDS_NS[12], BOUNDS_NS[13]];

const REQUEST_SAMPLES: usize = 2 * (Method::OPERATIONS + 1);
const ENTERPRISE_SAMPLES: usize = REQUEST_SAMPLES + ENDINGS.len() + HISTOGRAM_SAMPLES + 4;
const MCPO_SAMPLES: usize = REQUEST_SAMPLES + HISTOGRAM_SAMPLES + (MCPO_TOOLS_MAX + 1) * (MCPO_BOUNDS_NS.len() + 3);
/// Samples of all sets.
pub const SAMPLES: usize = ENTERPRISE_SAMPLES + MCPO_SAMPLES;

/// `mcp_requests_total` and the others of the enterprise server.
pub fn enterprise(view: &View<'_>) -> Vec<MetricFamily> {
    let rates = view.rates();
    let optimizations = per_tool(view).into_iter().filter(|tool| view.observer.names.name(tool.id) == "optimize_model");
    vec![
        counters("mcp_requests_total", "MCP requests answered.", requests(view)),
        histograms(
            "mcp_request_duration_seconds",
            "Time an MCP request took.",
            vec![histogram_metric(&view.durations, &BOUNDS_NS, &[])],
        ),
        counters("mcp_errors_total", "MCP requests that ended with an error.", errors(view)),
        one_gauge("mcp_memory_bytes", "Resident memory.", view.own.resident_bytes.unwrap_or_default() as f64),
        one_gauge("mcp_cpu_percent", "Processor time over the last minute, 100 for a whole core.", rates.cpu_percent),
        one_counter(
            "mcp_optimizations_total",
            "Calls of optimize_model that went well.",
            optimizations.map(|tool| tool.calls - tool.errors).sum(),
        ),
        one_gauge("mcp_latency_ms", "Mean time of a request over the last minute.", rates.latency_mean_s * 1e3),
    ]
}

/// `mcpo_requests_total` and the others of the MCPO server.
pub fn mcpo(view: &View<'_>) -> Vec<MetricFamily> {
    let mut tools = per_tool(view);
    let mut rest = Histogram::default();
    let own = tools.iter().filter(|tool| tool.id != tool_names::OTHER).count().min(MCPO_TOOLS_MAX);
    tools.sort_by_key(|tool| tool.id == tool_names::OTHER);
    let others = tools.split_off(own);
    others.iter().for_each(|tool| rest.merge(&tool.durations));
    let metric = |name: &str, durations: &Histogram| histogram_metric(durations, &MCPO_BOUNDS_NS, &[("tool", name)]);
    let mut executions: Vec<Metric> =
        tools.iter().map(|tool| metric(&view.observer.names.name(tool.id), &tool.durations)).collect();
    if rest.count() > 0 || executions.is_empty() {
        executions.push(metric("other", &rest));
    }
    vec![
        counters("mcpo_requests_total", "MCP requests answered.", requests(view)),
        histograms(
            "mcpo_request_duration_seconds",
            "Time an MCP request took.",
            vec![histogram_metric(&view.durations, &BOUNDS_NS, &[])],
        ),
        histograms("mcpo_tool_execution_time_seconds", "Time a call of a tool took.", executions),
    ]
}

/// What is known of one tool.
pub struct PerTool {
    /// Its name's number.
    pub id: ToolId,
    /// Calls answered.
    pub calls: u64,
    /// Those that ended with an error.
    pub errors: u64,
    /// How long they took.
    pub durations: Histogram,
}

/// Tools that were called, the first called first.
pub fn per_tool(view: &View<'_>) -> Vec<PerTool> {
    let mut tools: Vec<PerTool> = Vec::new();
    for (index, histogram) in view.totals.series.iter().enumerate().filter(|(_, histogram)| histogram.count() > 0) {
        let Some(key) = view.observer.process.keys.key(index) else { continue };
        let Some(id) = key.tool else { continue };
        let at = tools.iter().position(|tool| tool.id == id).unwrap_or_else(|| {
            tools.push(PerTool { id, calls: 0, errors: 0, durations: Histogram::default() });
            tools.len() - 1
        });
        let tool = &mut tools[at];
        tool.calls += histogram.count();
        tool.errors += if key.is_good() { 0 } else { histogram.count() };
        tool.durations.merge(histogram);
    }
    tools
}

/// Operations by method and outcome.
fn requests(view: &View<'_>) -> Vec<Metric> {
    let mut counts = [[0; 2]; Method::COUNT + 1];
    for (index, histogram) in view.totals.series.iter().enumerate() {
        let Some(key) = view.observer.process.keys.key(index) else { continue };
        if key.method.is_none_or(Method::is_operation) {
            let method = key.method.map_or(Method::COUNT, |method| method as usize);
            counts[method][usize::from(!key.is_good())] += histogram.count();
        }
    }
    let labels = Method::LABELS.into_iter().chain(["other"]);
    let rows = labels.zip(counts).flat_map(|(label, [good, bad])| [(label, "success", good), (label, "error", bad)]);
    // What everybody asks for is there from the beginning: a query that finds nothing looks like one that is wrong.
    let shown = rows.filter(|(method, _, count)| *count > 0 || *method == Method::ToolsCall.label());
    shown.map(|(method, status, count)| counter(count, &[("method", method), ("status", status)])).collect()
}

fn errors(view: &View<'_>) -> Vec<Metric> {
    let mut counts = [0; ENDINGS.len()];
    for (index, histogram) in view.totals.series.iter().enumerate() {
        if let Some(key) = view.observer.process.keys.key(index).filter(|key| !key.is_good()) {
            counts[usize::from(key.ending)] += histogram.count();
        }
    }
    let shown = ENDINGS.into_iter().zip(counts).filter(|(ending, count)| *count > 0 || *ending == "tool_error");
    shown.map(|(ending, count)| counter(count, &[("error_type", ending)])).collect()
}
