use base::Timestamp;
use bytes::Bytes;
use functions::{
    CallFacts, Dialect, Event, Failed, Fault, Function, InstanceFacts, Looping, Moment,
};
use ledger::Phases;

/// Nothing runs in these tests, so nobody speaks.
pub(crate) struct Mute;

impl Dialect for Mute {
    fn log_group(&self, _: &Function) -> String {
        String::new()
    }
    fn log_stream(&self, _: Timestamp, _: Option<u64>, _: u128) -> String {
        String::new()
    }
    fn environment(&self, _: &InstanceFacts<'_>) -> Vec<(String, String)> {
        Vec::new()
    }
    fn render(&self, _: &Event) -> Bytes {
        Bytes::new()
    }
    fn invoked_name(&self, _: &Function, _: Option<&str>) -> String {
        String::new()
    }
    fn follow(&self, trace: Option<&str>, _: &Function) -> Result<Option<String>, Looping> {
        match trace {
            Some("round") => Err(Looping),
            trace => Ok(trace.map(str::to_owned)),
        }
    }
    fn trace(&self, _: Timestamp, _: [u8; 20]) -> String {
        String::new()
    }
    fn fault(&self, _: &str, _: &Fault) -> Failed {
        Failed {
            kind: String::new(),
            message: String::new(),
            payload: Bytes::new(),
        }
    }
    fn reported(&self, payload: Bytes, _: Option<&str>) -> Failed {
        Failed {
            kind: String::new(),
            message: String::new(),
            payload,
        }
    }
    fn log_lines(&self, _: &CallFacts<'_>, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }
    fn billed_ms(&self, _: &Phases) -> u64 {
        0
    }
}
