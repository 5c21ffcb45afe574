//! Files named on the command line: checks or runs each, and shows how it went to people or, as JSON, to programs.

use crate::diagnostic::Diagnostic;
use crate::protocol::Program;
use crate::supervisor::{Child, Told};
use crate::{child, say, Mode, Options};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use serde_json::{json, Value};
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use steel::steel_vm::engine::Engine;

/// Whether all is well with every file.
pub fn files(options: &Options) -> Result<bool, String> {
    let mut engine = child::boot();
    let mut well = true;
    for file in &options.files {
        well &= show(&mut engine, options, file)?;
    }
    Ok(well)
}

fn show(engine: &mut Engine, options: &Options, file: &Path) -> Result<bool, String> {
    let name = file.display();
    let source = fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    let scenario = options.scenario.clone();
    let program = Program {
        source: source.clone(),
        check_only: options.mode == Some(Mode::Check),
        live: options.real_time,
        board: scenario.board,
        inputs: scenario.inputs,
        limits: scenario.limits,
    };
    let mut events = Vec::new();
    let mut shown = Ok(true);
    let mut result = try_out(engine, program, |event| {
        if options.json {
            events.push(event);
        } else {
            shown = say(&format!("{}\n", event_line(&event)));
        }
    })
    .map_err(|error| format!("{name}: {error}"))?;
    shown?;
    let well = result["ok"] == true;
    if options.json {
        result["file"] = json!(name.to_string());
        result["events"] = Value::Array(events);
        say(&format!("{result}\n"))?;
    } else {
        say(&format!("{}\n", ending_lines(&name.to_string(), &source, &result)))?;
    }
    Ok(well)
}

/// Runs one program to its end.
fn try_out(engine: &mut Engine, program: Program, mut on_event: impl FnMut(Value)) -> io::Result<Value> {
    let mut child = Child::start(engine, program)?;
    loop {
        for told in child.hear() {
            match told {
                Told::Event(event) => on_event(event),
                Told::Result(result) => return Ok(result),
            }
        }
        let left = child
            .deadline()
            .map(|deadline| deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(1));
        let timeout =
            left.map_or(PollTimeout::NONE, |left| PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
        poll(&mut [PollFd::new(child.source(), PollFlags::POLLIN)], timeout)?;
    }
}

/// `   1.500  log   info: 21 degrees`
fn event_line(event: &Value) -> String {
    let kind = event["kind"].as_str().unwrap_or("");
    let text = |name: &str| match &event[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let details = match kind {
        "led" => if event["on"] == true { "on" } else { "off" }.to_string(),
        "log" => format!("{}: {}", text("level"), text("message")),
        "output" => text("text").trim_end().to_string(),
        "publish" => format!("{} {}", text("topic"), text("payload")),
        "shadow" | "store" => format!("{} = {}", text("key"), text("value")),
        "delete" => text("key"),
        "event" => format!("{} {} {}", text("action"), text("name"), text("data")),
        "timer" => format!("{} {} {}", text("action"), text("name"), text("seconds")),
        _ => format!("{} {}{}", text("action"), text("cron"), text("every")),
    };
    format!("{:>10.3}  {kind:<8} {}", event["t"].as_f64().unwrap_or(0.0), details.trim_end())
}

fn ending_lines(name: &str, source: &str, result: &Value) -> String {
    let outcome = result["outcome"].as_str().unwrap_or("");
    let mut lines = String::new();
    if let Ok(diagnostic) = serde_json::from_value::<Diagnostic>(result["diagnostic"].clone()) {
        let _ = writeln!(lines, "{}", diagnostic.render(name, source));
    }
    let _ = write!(lines, "{name}: {outcome}");
    if outcome != "loads" && outcome != "refused" {
        let _ = write!(lines, " after {:.3} s", result["clock"].as_f64().unwrap_or(0.0));
    }
    for (before, field) in [(", value ", "value"), (": ", "message")] {
        if let Some(text) = result[field].as_str() {
            let _ = write!(lines, "{before}{text}");
        }
    }
    lines
}
