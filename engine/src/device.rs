//! The device API as functions of Steel that act on the board. What they are called, what they take and which limits hold
//! comes from the catalogue; here is what they do.

use crate::board::{micros, Board, Micros};
use crate::catalogue::{self, Function};
use crate::schedule::Cron;
use crate::values;
use serde_json::json;
use std::cell::RefCell;
use steel::rerrs::ErrorKind;
use steel::steel_vm::engine::Engine;
use steel::steel_vm::register_fn::RegisterFn;
use steel::{SteelErr, SteelVal, UnRecoverableResult};

/// The functions that are defined in Steel.
const STEEL_HALF: &str = include_str!("device.scm");

type Answer = Result<SteelVal, SteelErr>;

const TRUE: Answer = Ok(SteelVal::BoolV(true));

thread_local! {
    static BOARD: RefCell<Option<Board>> = const { RefCell::new(None) };
}

/// Puts the board in place that the API acts on.
pub fn plug_in(board: Board) {
    BOARD.set(Some(board));
}

/// Does something with the board.
pub fn with_board<T>(act: impl FnOnce(&mut Board) -> T) -> T {
    BOARD.with_borrow_mut(|board| act(board.as_mut().expect("a board is in place while a program runs")))
}

/// Offers the device API in an engine, as the runtime on a device does before it loads a program.
pub fn offer(engine: &mut Engine) -> Result<(), SteelErr> {
    for function in catalogue::offered() {
        register(engine, function);
    }
    engine.register_fn("#%board-call", |name: String, arguments: Vec<SteelVal>| {
        let function = catalogue::function(&name).expect("device.scm names functions of the catalogue");
        UnRecoverableResult::from(call(function, &arguments))
    });
    engine.register_fn("#%board-next-call", next_call);
    engine.register_fn("#%board-callback-done", || with_board(Board::callback_done));
    engine.run(STEEL_HALF).map(|_| ())
}

/// Steel checks the number of arguments by that of the closure. Those in device.scm are defined over these.
fn register(engine: &mut Engine, function: &'static Function) {
    let name = function.name.as_str();
    let call = move |arguments: &[SteelVal]| UnRecoverableResult::from(call(function, arguments));
    match function.max {
        Some(0) => engine.register_fn(name, move || call(&[])),
        Some(1) => engine.register_fn(name, move |one: SteelVal| call(&[one])),
        Some(2) => engine.register_fn(name, move |one: SteelVal, two: SteelVal| call(&[one, two])),
        Some(3) => engine
            .register_fn(name, move |one: SteelVal, two: SteelVal, three: SteelVal| call(&[one, two, three])),
        _ => engine.register_value(name, SteelVal::FuncV(format)),
    };
}

/// The one function of the API that takes any number of arguments.
fn format(arguments: &[SteelVal]) -> Answer {
    let function = catalogue::function("format").expect("format is in the catalogue");
    if arguments.len() < function.min {
        let problem = format!("format expected at least {} argument, got {}", function.min, arguments.len());
        return Err(SteelErr::new(ErrorKind::ArityMismatch, problem));
    }
    call(function, arguments)
}

/// One call of the API by a program.
fn call(function: &Function, arguments: &[SteelVal]) -> Answer {
    function.check(arguments)?;
    with_board(|board| {
        board.count_call();
        act(board, function, arguments)
    })
}

/// What each function does; the arguments are of the types that the catalogue says.
fn act(board: &mut Board, function: &Function, arguments: &[SteelVal]) -> Answer {
    match (function.name.as_str(), arguments) {
        ("sleep", [seconds]) => Ok(SteelVal::IntV(board.after(micros(decimal(seconds))) as isize)),
        ("led-on", []) => set_led(board, true),
        ("led-off", []) => set_led(board, false),
        ("led", [state]) => set_led(board, text(state) == "on"),
        ("led-state", []) => Ok(SteelVal::BoolV(board.led)),
        ("device-info", []) => Ok(device_info(board)),
        ("memory-info", []) => Ok(memory_info(board)),
        ("uptime", []) => Ok(SteelVal::NumV(board.uptime())),
        ("uptime-info", []) => Ok(values::alist([("uptime-seconds", SteelVal::NumV(board.uptime()))])),
        ("current-time", []) => Ok(time(board)),
        ("read-sensors", []) => Ok(read_sensors(board)),
        ("log", [level, message]) => log(board, &text(level), message),
        ("log-error", [message]) => log(board, "error", message),
        ("log-warn", [message]) => log(board, "warn", message),
        ("log-info", [message]) => log(board, "info", message),
        ("log-debug", [message]) => log(board, "debug", message),
        ("get", [record, key]) => get(record, key).map_err(|problem| function.wrong(problem)),
        ("->string", [value]) => Ok(values::string(&shown(value))),
        ("format", [template, values @ ..]) => match fill(&text(template), values) {
            Ok(filled) => Ok(values::string(&filled)),
            Err(problem) => Err(function.wrong(problem)),
        },
        ("json-encode", [value]) => match values::from_steel(value) {
            Ok(value) => Ok(values::string(&value.to_string())),
            Err(problem) => Err(function.wrong(problem)),
        },
        ("json-decode", [source]) => match serde_json::from_str(&text(source)) {
            Ok(value) => Ok(values::to_steel(&value)),
            Err(problem) => Err(function.wrong(format!("not JSON: {problem}"))),
        },
        ("mqtt-publish", [topic, payload]) => {
            // A program cannot leave its device's own space.
            let topic = format!("steel-data/{}/{}", board.config.thing, text(topic));
            board.record("publish", json!({"topic": topic, "payload": text(payload)}));
            TRUE
        }
        ("shadow-update", [key, value]) => match values::from_steel(value) {
            Ok(value) => {
                board.report(&text(key), value.clone());
                board.record("shadow", json!({"key": text(key), "value": value}));
                TRUE
            }
            Err(problem) => Err(function.wrong(problem)),
        },
        ("store", [key, value]) => {
            board.config.storage.insert(text(key), text(value));
            board.record("store", json!({"key": text(key), "value": text(value)}));
            TRUE
        }
        ("load", [key]) => {
            let value = board.config.storage.get(&text(key));
            Ok(value.map_or(SteelVal::BoolV(false), |value| values::string(value)))
        }
        ("delete", [key]) => {
            let known = board.config.storage.remove(&text(key)).is_some();
            board.record("delete", json!({"key": text(key), "known": known}));
            Ok(SteelVal::BoolV(known))
        }
        ("set-timer", [name, seconds, procedure]) => {
            board.set_timer(&text(name), micros(decimal(seconds)), procedure);
            board.record("timer", json!({"action": "set", "name": text(name), "seconds": decimal(seconds)}));
            TRUE
        }
        ("cancel-timer", [name]) => {
            let known = board.cancel_timer(&text(name));
            board.record("timer", json!({"action": "cancel", "name": text(name), "known": known}));
            Ok(SteelVal::BoolV(known))
        }
        ("schedule", [expression, procedure]) => {
            let expression = text(expression);
            let cron = Cron::parse(&expression).map_err(|problem| function.wrong(problem))?;
            board.set_cron(&expression, cron, procedure);
            board.record("schedule", json!({"action": "set", "cron": expression}));
            TRUE
        }
        ("schedule-interval", [seconds, procedure]) => {
            board.set_interval(micros(decimal(seconds)), procedure);
            board.record("schedule", json!({"action": "set", "every": decimal(seconds)}));
            TRUE
        }
        ("register-event-handler", [event, procedure]) => {
            board.add_handler(&text(event), procedure);
            board.record("event", json!({"action": "register", "name": text(event)}));
            TRUE
        }
        ("emit-event", [event, data]) => {
            let told = values::from_steel(data).unwrap_or_else(|_| data.to_string().into());
            board.record("event", json!({"action": "emit", "name": text(event), "data": told}));
            board.raise(&text(event), std::slice::from_ref(data));
            TRUE
        }
        // Defined in device.scm; here their arguments have been checked.
        ("repeat" | "blink-led" | "with-exception-handler", _) => TRUE,
        (name, _) => Err(function.wrong(format!("the engine has no {name}"))),
    }
}

/// A list of a procedure and its arguments, or #f when the wait is over.
fn next_call(end: SteelVal) -> SteelVal {
    let end = match end {
        SteelVal::IntV(end) => Some(end as Micros),
        _ => None,
    };
    match with_board(|board| board.next_call(end)) {
        Some((procedure, arguments)) => values::list([procedure].into_iter().chain(arguments)),
        None => SteelVal::BoolV(false),
    }
}

fn set_led(board: &mut Board, on: bool) -> Answer {
    board.led = on;
    board.record("led", json!({ "on": on }));
    Ok(SteelVal::BoolV(on))
}

fn device_info(board: &Board) -> SteelVal {
    let config = &board.config;
    let facts = [
        ("device-id", config.thing.as_str()),
        ("platform", &config.platform),
        ("version", &config.version),
        ("firmware-version", &config.firmware_version),
        ("steel-version", crate::STEEL_VERSION),
    ];
    values::alist(facts.map(|(name, value)| (name, values::string(value))))
}

fn memory_info(board: &Board) -> SteelVal {
    let memory = &board.config.memory;
    let free = memory.total_bytes.saturating_sub(memory.used_bytes);
    let figures = [
        ("total-bytes", memory.total_bytes),
        ("free-bytes", free),
        ("used-bytes", memory.used_bytes),
        ("largest-free-block", free),
    ];
    values::alist(figures.map(|(name, bytes)| (name, SteelVal::IntV(bytes as isize))))
}

fn time(board: &Board) -> SteelVal {
    SteelVal::IntV(board.time().timestamp() as isize)
}

fn read_sensors(board: &Board) -> SteelVal {
    let values = board.config.sensors.iter().map(|(name, value)| (name.as_str(), values::to_steel(value)));
    values::alist(values.chain([("timestamp", time(board))]))
}

fn log(board: &mut Board, level: &str, message: &SteelVal) -> Answer {
    board.record("log", json!({"level": level, "message": text(message)}));
    TRUE
}

fn get(record: &SteelVal, key: &SteelVal) -> Result<SteelVal, String> {
    match record {
        SteelVal::HashMapV(entries) => {
            return Ok(entries.get(key).cloned().unwrap_or(SteelVal::BoolV(false)))
        }
        SteelVal::ListV(entries) => {
            for entry in entries.iter() {
                let (name, value) = values::split(entry)
                    .ok_or_else(|| format!("{entry} in the association list is no pair"))?;
                if name == *key {
                    return Ok(value);
                }
            }
        }
        _ => {}
    }
    Ok(SteelVal::BoolV(false))
}

/// Puts values in the places of a template.
fn fill(template: &str, values: &[SteelVal]) -> Result<String, String> {
    let mut values = values.iter();
    let mut filled = String::new();
    let mut letters = template.chars();
    while let Some(letter) = letters.next() {
        if letter != '~' {
            filled.push(letter);
            continue;
        }
        let mut next = || values.next().ok_or_else(|| format!("{template:?} has more places than values"));
        match letters.next() {
            Some('~') => filled.push('~'),
            Some('%') => filled.push('\n'),
            Some('a') => filled.push_str(&shown(next()?)),
            Some('s') => filled.push_str(&next()?.to_string()),
            other => {
                return Err(format!(
                    "~{} in {template:?} is none of ~a ~s ~% ~~",
                    other.map_or(String::new(), String::from)
                ))
            }
        }
    }
    match values.count() {
        0 => Ok(filled),
        left => Err(format!("{left} more values than places in {template:?}")),
    }
}

/// A value as `display` shows it.
fn shown(value: &SteelVal) -> String {
    match value {
        SteelVal::StringV(text) => text.to_string(),
        SteelVal::CharV(letter) => letter.to_string(),
        other => other.to_string(),
    }
}

/// The text of a string; other values have none.
fn text(value: &SteelVal) -> String {
    match value {
        SteelVal::StringV(text) => text.to_string(),
        _ => String::new(),
    }
}

/// The number that a value is; the catalogue has seen to it that it is one.
fn decimal(value: &SteelVal) -> f64 {
    catalogue::number(value).unwrap_or(0.0)
}
