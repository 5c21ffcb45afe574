//! What is asked of the engine and what it answers; docs/engine.md describes every field.

use crate::diagnostic::Diagnostic;
use chrono::{DateTime, TimeZone, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A program and, if it is to run, where.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    pub source: String,
    /// Compile only; nothing of the program runs.
    #[serde(skip)]
    pub check_only: bool,
    #[serde(skip)]
    pub live: bool,
    #[serde(default)]
    pub board: BoardConfig,
    #[serde(default)]
    pub inputs: Vec<Input>,
    #[serde(default)]
    pub limits: Limits,
}

/// The device that is simulated. What a scenario does not say is as here.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoardConfig {
    pub thing: String,
    pub platform: String,
    pub version: String,
    pub firmware_version: String,
    /// The time of day at which the program starts; without one a live board takes the real time.
    pub start: Option<DateTime<Utc>>,
    /// Seconds since boot when the program starts.
    pub uptime: f64,
    pub led: bool,
    pub sensors: BTreeMap<String, Value>,
    pub memory: Memory,
    pub storage: BTreeMap<String, String>,
}

impl Default for BoardConfig {
    fn default() -> Self {
        let sensors = [
            ("temperature", 21.5),
            ("humidity", 45.0),
            ("pressure", 1013.25),
            ("battery-level", 87.0),
            ("light-level", 300.0),
        ];
        Self {
            thing: "aws-iot-steel-local-device-001".into(),
            platform: "esp32-c3".into(),
            version: "1.0.0".into(),
            firmware_version: "1.0.0".into(),
            start: None,
            uptime: 0.0,
            led: false,
            sensors: sensors.map(|(name, value)| (name.to_string(), Value::from(value))).into(),
            memory: Memory::default(),
            storage: BTreeMap::new(),
        }
    }
}

/// Figures that `memory-info` reports, in bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    pub total_bytes: u64,
    pub used_bytes: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Self { total_bytes: 327_680, used_bytes: 131_072 }
    }
}

/// When a simulated board starts its program, unless a scenario says otherwise: the same in every run.
pub fn simulated_start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single().expect("a time")
}

/// Something from outside, some seconds after the program started.
#[derive(Debug, Clone, Deserialize)]
pub struct Input {
    #[serde(default)]
    pub at: f64,
    #[serde(flatten)]
    pub stimulus: Stimulus,
}

/// What can come from outside.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "an input has sensors, or event and data, or topic and payload")]
pub enum Stimulus {
    Sensors {
        sensors: BTreeMap<String, Value>,
    },
    Event {
        event: String,
        #[serde(default)]
        data: Value,
    },
    Message {
        topic: String,
        payload: String,
    },
}

/// What a program may use.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Processor seconds; for a live board, between two waits.
    pub seconds: f64,
    /// Board seconds to simulate; none for no end.
    pub until: Option<f64>,
    /// Memory beyond that of the engine itself.
    pub memory_mb: u64,
    /// Calls of the device API.
    pub calls: u64,
    /// Events in the record.
    pub events: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { seconds: 10.0, until: Some(60.0), memory_mb: 256, calls: 1_000_000, events: 10_000 }
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It compiles: the answer to a check.
    Loads,
    /// It ran to its end, and nothing is left to happen.
    Finished,
    /// It would have gone on, but the time to simulate was over or it was asked to stop.
    Stopped,
    /// It does not compile.
    Refused,
    /// An error while it ran.
    Failed,
    /// It used more than it may.
    Limit,
    /// The engine itself broke down, as a device would.
    Crashed,
}

/// The end of a program.
#[derive(Debug, Clone, Serialize)]
pub struct Ending {
    pub ok: bool,
    pub outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnostic: Option<Diagnostic>,
    /// Which limit: `time`, `memory`, `calls` or `events`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The last value of the program that says something, as Steel prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl Ending {
    fn new(outcome: Outcome) -> Self {
        let ok = matches!(outcome, Outcome::Loads | Outcome::Finished | Outcome::Stopped);
        Self { ok, outcome, diagnostic: None, limit: None, message: None, value: None }
    }

    pub fn loads() -> Self {
        Self::new(Outcome::Loads)
    }

    pub fn finished(value: Option<String>) -> Self {
        Self { value, ..Self::new(Outcome::Finished) }
    }

    pub fn stopped(why: &str) -> Self {
        Self { message: Some(why.to_string()), ..Self::new(Outcome::Stopped) }
    }

    pub fn refused(diagnostic: Diagnostic) -> Self {
        Self { diagnostic: Some(diagnostic), ..Self::new(Outcome::Refused) }
    }

    pub fn failed(diagnostic: Diagnostic) -> Self {
        Self { diagnostic: Some(diagnostic), ..Self::new(Outcome::Failed) }
    }

    pub fn limit(limit: &'static str, message: String) -> Self {
        Self { limit: Some(limit), message: Some(message), ..Self::new(Outcome::Limit) }
    }

    /// The same, with the place where the program was.
    pub fn at(self, diagnostic: Diagnostic) -> Self {
        Self { diagnostic: Some(diagnostic), ..self }
    }

    pub fn crashed(message: String) -> Self {
        Self { message: Some(message), ..Self::new(Outcome::Crashed) }
    }
}
