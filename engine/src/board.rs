//! The virtual board: what the device API acts on, and the record of what happened to it.
//!
//! Time is the board's own: it stands still while a program computes and moves when the program waits, so an hour of
//! timers takes milliseconds. In real time the board waits for the clock on the wall instead.

use crate::link::Link;
use crate::protocol::{BoardConfig, Ending, Input, Limits, Outcome, Stimulus};
use crate::schedule::Cron;
use crate::{output, values, watchdog};
use chrono::{DateTime, Duration, Utc};
use serde_json::{json, Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use steel::{RootedSteelVal, SteelVal};

/// Microseconds since the program started.
pub type Micros = u64;

/// Microseconds of a number of seconds: at least one, unless there is nothing to wait for.
pub fn micros(seconds: f64) -> Micros {
    let rounded = (seconds.max(0.0) * 1e6).round() as Micros;
    rounded.max((seconds > 0.0).into())
}

fn seconds(micros: Micros) -> f64 {
    micros as f64 / 1e6
}

/// A value of the program that the board keeps; rooted, or Steel's garbage collector would free what it refers to.
type Kept = Rc<RootedSteelVal>;

fn keep(value: &SteelVal) -> Kept {
    Rc::new(value.as_rooted())
}

/// Something that will happen.
enum Pending {
    Timer { name: String, callback: Kept },
    Interval { period: Micros, callback: Kept },
    Cron { cron: Cron, expression: String, callback: Kept },
    Handler { event: String, callback: Kept, arguments: Vec<Kept> },
    Stimulus(Stimulus),
}

/// A procedure that is due, with its arguments.
pub type Call = (SteelVal, Vec<SteelVal>);

/// One device.
pub struct Board {
    pub config: BoardConfig,
    pub led: bool,
    start: DateTime<Utc>,
    limits: Limits,
    link: Link,
    now: Micros,
    calls: u64,
    events: u64,
    shadow: Map<String, Value>,
    queue: BTreeMap<(Micros, u64), Pending>,
    next_number: u64,
    handlers: HashMap<String, Vec<Kept>>,
    in_callback: bool,
}

impl Board {
    /// A board that has just started its program.
    pub fn new(config: BoardConfig, inputs: Vec<Input>, limits: Limits, link: Link) -> Self {
        let mut board = Self {
            led: config.led,
            start: config.start.unwrap_or_else(|| link.wall_clock()),
            limits,
            link,
            now: 0,
            calls: 0,
            events: 0,
            shadow: Map::new(),
            queue: BTreeMap::new(),
            next_number: 0,
            handlers: HashMap::new(),
            in_callback: false,
            config,
        };
        for input in inputs {
            board.enqueue(micros(input.at), Pending::Stimulus(input.stimulus));
        }
        board
    }

    /// Counts a call of the device API; a program that calls without end is stopped.
    pub fn count_call(&mut self) {
        self.calls += 1;
        if self.calls > self.limits.calls {
            let message = format!("more than {} calls of the device API", self.limits.calls);
            self.end(Ending::limit("calls", message));
        }
    }

    /// Adds to the record what has happened.
    pub fn record(&mut self, kind: &str, details: Value) {
        self.record_output();
        self.write_event(kind, details);
    }

    fn write_event(&mut self, kind: &str, details: Value) {
        self.events += 1;
        if self.events > self.limits.events {
            let message = format!("more than {} events", self.limits.events);
            self.end(Ending::limit("events", message));
        }
        let mut event = json!({"t": seconds(self.now), "kind": kind});
        if let (Value::Object(event), Value::Object(details)) = (&mut event, details) {
            event.extend(details);
        }
        self.link.send(&json!({ "event": event }));
    }

    /// What the program has printed since the last event.
    fn record_output(&mut self) {
        let text = output::take();
        if !text.is_empty() {
            self.write_event("output", json!({ "text": text }));
        }
    }

    /// Tells how the program ended and how the board looks, and ends this process.
    pub fn end(&mut self, ending: Ending) -> ! {
        if ending.outcome != Outcome::Limit {
            self.record_output();
        }
        let mut result = serde_json::to_value(ending).expect("an ending is JSON");
        result["clock"] = json!(seconds(self.now));
        result["calls"] = json!(self.calls);
        result["cpu_seconds"] = json!(watchdog::cpu_seconds());
        result["board"] = json!({
            "led": self.led,
            "storage": self.config.storage,
            "shadow": self.shadow,
            "pending": self.queue.len(),
        });
        self.link.finish(&result)
    }

    /// Seconds since the board booted.
    pub fn uptime(&self) -> f64 {
        self.config.uptime + seconds(self.now)
    }

    /// The board's time of day.
    pub fn time(&self) -> DateTime<Utc> {
        self.start + Duration::microseconds(self.now as i64)
    }

    /// When a wait that begins now is over.
    pub fn after(&self, wait: Micros) -> Micros {
        self.now.saturating_add(wait)
    }

    fn enqueue(&mut self, at: Micros, pending: Pending) {
        self.next_number += 1;
        self.queue.insert((at, self.next_number), pending);
    }

    /// A one-shot timer; one of the same name is replaced.
    pub fn set_timer(&mut self, name: &str, delay: Micros, callback: &SteelVal) {
        self.cancel_timer(name);
        let timer = Pending::Timer { name: name.to_string(), callback: keep(callback) };
        self.enqueue(self.after(delay), timer);
    }

    /// Whether there was such a timer.
    pub fn cancel_timer(&mut self, name: &str) -> bool {
        let before = self.queue.len();
        self.queue
            .retain(|_, pending| !matches!(pending, Pending::Timer { name: other, .. } if other == name));
        self.queue.len() < before
    }

    /// A task that recurs after every period.
    pub fn set_interval(&mut self, period: Micros, callback: &SteelVal) {
        let interval = Pending::Interval { period, callback: keep(callback) };
        self.enqueue(self.after(period), interval);
    }

    /// A task that recurs at the times of a cron expression.
    pub fn set_cron(&mut self, expression: &str, cron: Cron, callback: &SteelVal) {
        self.enqueue_cron(expression.to_string(), cron, keep(callback));
    }

    fn enqueue_cron(&mut self, expression: String, cron: Cron, callback: Kept) {
        if let Some(next) = cron.next_after(self.time()) {
            let at = (next - self.start).num_microseconds().unwrap_or(i64::MAX);
            self.enqueue(at.max(0) as Micros, Pending::Cron { cron, expression, callback });
        }
    }

    /// Another procedure to call when an event of this name is raised.
    pub fn add_handler(&mut self, event: &str, callback: &SteelVal) {
        self.handlers.entry(event.to_string()).or_default().push(keep(callback));
    }

    /// Has every handler of an event called, at the next opportunity.
    pub fn raise(&mut self, event: &str, arguments: &[SteelVal]) {
        for callback in self.handlers.get(event).cloned().unwrap_or_default() {
            let arguments = arguments.iter().map(keep).collect();
            let handler = Pending::Handler { event: event.to_string(), callback, arguments };
            self.enqueue(self.now, handler);
        }
    }

    /// Sets a property of the reported shadow.
    pub fn report(&mut self, key: &str, value: Value) {
        self.shadow.insert(key.to_string(), value);
    }

    /// A callback has returned: the next one may be called.
    pub fn callback_done(&mut self) {
        self.in_callback = false;
    }

    /// The next procedure due before a wait is over, or none when it is. Without an end (a program that has finished) it
    /// is none when nothing is left to happen. Callbacks come one at a time: while one waits, the others do too.
    pub fn next_call(&mut self, end: Option<Micros>) -> Option<Call> {
        loop {
            let next = if self.in_callback { None } else { self.queue.keys().next().copied() };
            match (next, end) {
                (Some(key), end) if end.is_none_or(|end| key.0 <= end) => {
                    if self.wait_until(key.0) {
                        let call = self.happen(key);
                        if call.is_some() {
                            return call;
                        }
                    }
                }
                (_, Some(end)) => {
                    if self.wait_until(end) {
                        return None;
                    }
                }
                (_, None) if self.link.is_live() && !self.handlers.is_empty() => {
                    self.wait_until(Micros::MAX);
                }
                (_, None) => return None,
            }
        }
    }

    /// Moves time on; false when something new came in before.
    fn wait_until(&mut self, moment: Micros) -> bool {
        let last = self.limits.until.map_or(Micros::MAX, micros);
        let target = moment.min(last);
        if watchdog::is_stopped() {
            self.end(Ending::stopped("asked to stop"));
        }
        if target > self.now {
            self.record_output();
            if let Some(stimuli) = self.link.wait(target) {
                self.now = self.link.elapsed().clamp(self.now, target);
                self.begin_stretch();
                for stimulus in stimuli {
                    self.enqueue(self.now, Pending::Stimulus(stimulus));
                }
                return false;
            }
            self.now = target;
            self.begin_stretch();
        }
        if moment > last {
            self.end(Ending::stopped("the time to simulate is over"));
        }
        true
    }

    /// A board that lives for days is measured from wait to wait.
    fn begin_stretch(&mut self) {
        if self.link.is_live() {
            self.calls = 0;
            self.events = 0;
            watchdog::arm(self.limits.seconds);
        }
    }

    /// Lets the pending thing happen; what recurs is put in line again, later than now.
    fn happen(&mut self, key: (Micros, u64)) -> Option<Call> {
        let (callback, arguments) = match self.queue.remove(&key)? {
            Pending::Timer { name, callback } => {
                self.record("timer", json!({"action": "fire", "name": name}));
                (callback, vec![])
            }
            Pending::Interval { period, callback } => {
                let missed = (self.now - key.0) / period;
                let again = Pending::Interval { period, callback: callback.clone() };
                self.enqueue(key.0 + period * (missed + 1), again);
                self.record("schedule", json!({"action": "fire", "every": seconds(period)}));
                (callback, vec![])
            }
            Pending::Cron { cron, expression, callback } => {
                self.enqueue_cron(expression.clone(), cron, callback.clone());
                self.record("schedule", json!({"action": "fire", "cron": expression}));
                (callback, vec![])
            }
            Pending::Handler { event, callback, arguments } => {
                self.record("event", json!({"action": "handle", "name": event}));
                (callback, arguments)
            }
            Pending::Stimulus(stimulus) => {
                self.feel(stimulus);
                return None;
            }
        };
        self.in_callback = true;
        Some((callback.value().clone(), arguments.iter().map(|kept| kept.value().clone()).collect()))
    }

    /// Something from outside reaches the board.
    fn feel(&mut self, stimulus: Stimulus) {
        match stimulus {
            Stimulus::Sensors { sensors } => self.config.sensors.extend(sensors),
            Stimulus::Event { event, data } => self.raise(&event, &[values::to_steel(&data)]),
            Stimulus::Message { topic, payload } => {
                self.raise("mqtt-message", &[values::string(&topic), values::string(&payload)]);
            }
        }
    }
}
