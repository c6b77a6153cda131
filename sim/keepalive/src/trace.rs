//! Who was called in which minute.

/// Some days of calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Trace {
    pub(crate) minutes: u32,
    pub(crate) apps: Vec<App>,
}

/// What is started and ended as one: as in the published traces, the unit of every decision.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct App {
    pub(crate) owner: String,
    pub(crate) name: String,
    /// Where the trace tells it.
    pub(crate) memory_mb: Option<f64>,
    pub(crate) functions: Vec<Function>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) trigger: Trigger,
    /// Where the trace tells it.
    pub(crate) duration_ms: Option<f64>,
    /// Minutes, from the trace's begin, with at least one call, and how many they had; in order.
    pub(crate) calls: Vec<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    Http,
    Timer,
    Event,
    Queue,
    Storage,
    Orchestration,
    Others,
}

impl Trigger {
    const NAMES: [(&'static str, Self); 7] = [
        ("http", Self::Http),
        ("timer", Self::Timer),
        ("event", Self::Event),
        ("queue", Self::Queue),
        ("storage", Self::Storage),
        ("orchestration", Self::Orchestration),
        ("others", Self::Others),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, trigger)| *trigger)
    }

    pub(crate) fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, trigger)| *trigger == self);
        found.map_or("others", |(name, _)| name)
    }
}

impl App {
    pub(crate) fn calls(&self) -> u64 {
        self.functions.iter().map(Function::calls).sum()
    }
}

impl Function {
    pub(crate) fn calls(&self) -> u64 {
        self.calls.iter().map(|(_, count)| u64::from(*count)).sum()
    }
}
