//! How many requests a server answered, with what kind of status, and how long that took until the answer's head.
//!
//! Every thread counts in a place of its own, so that counting makes no two of them wait for each other.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;

/// Threads beyond these share.
const PLACES: usize = 16;
/// By the hundreds of their statuses.
const KINDS: usize = 5;
/// Answers within as many microseconds, and whatever took longer.
const WITHIN: [u64; 12] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 1_000_000, 10_000_000, 60_000_000,
];

/// Counts for one server. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<[Place; PLACES]>);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Place {
    kinds: [AtomicU64; KINDS],
    within: [AtomicU64; WITHIN.len() + 1],
    micros: AtomicU64,
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OURS: usize = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
}

impl Meter {
    pub(crate) fn count(&self, status: StatusCode, took: Duration) {
        let place = &self.0[OURS.with(|ours| *ours)];
        let kind = usize::from(status.as_u16() / 100).clamp(1, KINDS) - 1;
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let within = WITHIN.partition_point(|most| *most < micros);
        place.kinds[kind].fetch_add(1, Ordering::Relaxed);
        place.within[within].fetch_add(1, Ordering::Relaxed);
        place.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Adds lines as Prometheus reads them (text format 0.0.4), for a server of this name.
    pub fn print(&self, server: &str, lines: &mut String) {
        let all = |of: &dyn Fn(&Place) -> &AtomicU64| -> u64 {
            self.0
                .iter()
                .map(|place| of(place).load(Ordering::Relaxed))
                .sum()
        };
        let mut line = |name: &str, label: &str, value: String| {
            writeln!(
                lines,
                "fulmar_http_{name}{{server=\"{server}\"{label}}} {value}"
            )
            .expect("text takes everything");
        };
        for kind in 0..KINDS {
            let label = format!(",code=\"{}xx\"", kind + 1);
            line(
                "requests_total",
                &label,
                all(&|place| &place.kinds[kind]).to_string(),
            );
        }
        let mut so_far = 0;
        for (at, most) in WITHIN.iter().map(Some).chain([None]).enumerate() {
            so_far += all(&|place| &place.within[at]);
            let le = most.map_or("+Inf".to_owned(), |most| seconds(*most));
            line(
                "request_seconds_bucket",
                &format!(",le=\"{le}\""),
                so_far.to_string(),
            );
        }
        line(
            "request_seconds_sum",
            "",
            seconds(all(&|place| &place.micros)),
        );
        line("request_seconds_count", "", so_far.to_string());
    }
}

fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_is_told_by_status_and_time() {
        let meter = Meter::default();
        for (status, micros) in [(200, 100), (204, 101), (404, 3_000), (500, 90_000_000)] {
            let status = StatusCode::from_u16(status).unwrap();
            meter.count(status, Duration::from_micros(micros));
        }
        let mut lines = String::new();
        meter.print("main", &mut lines);
        for line in [
            r#"fulmar_http_requests_total{server="main",code="2xx"} 2"#,
            r#"fulmar_http_requests_total{server="main",code="3xx"} 0"#,
            r#"fulmar_http_requests_total{server="main",code="4xx"} 1"#,
            r#"fulmar_http_requests_total{server="main",code="5xx"} 1"#,
            r#"fulmar_http_request_seconds_bucket{server="main",le="0.0001"} 1"#,
            r#"fulmar_http_request_seconds_bucket{server="main",le="0.00025"} 2"#,
            r#"fulmar_http_request_seconds_bucket{server="main",le="60"} 3"#,
            r#"fulmar_http_request_seconds_bucket{server="main",le="+Inf"} 4"#,
            r#"fulmar_http_request_seconds_sum{server="main"} 90.003201"#,
            r#"fulmar_http_request_seconds_count{server="main"} 4"#,
        ] {
            assert!(lines.lines().any(|known| known == line), "{line}\n{lines}");
        }
    }
}
