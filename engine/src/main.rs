//! `steel_test`: checks and runs Steel programs on the engine that devices run.

mod board;
mod catalogue;
mod child;
mod device;
mod diagnostic;
mod globals;
mod link;
mod output;
mod protocol;
mod sandbox;
mod schedule;
mod serve;
mod show;
mod supervisor;
mod values;
mod watchdog;

use lexopt::prelude::*;
use protocol::{BoardConfig, Input, Limits};
use serde::Deserialize;
use serde_json::{json, Value};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, io};
use steel::steel_vm::engine::Engine;

/// The release of Steel inside, as Cargo.toml pins it; devices run the same.
pub const STEEL_VERSION: &str = "0.7.0";

const USAGE: &str = "\
steel_test checks and runs Steel programs on the engine that devices run.

  steel_test --check FILE...       compile only: does it load on a device?
  steel_test --file FILE           run it on a simulated board
  steel_test --serve               answer requests, one JSON object a line (docs/engine.md)
  steel_test --about               what this engine is and offers, as JSON
  steel_test --dump-globals        what Steel itself binds: name, arity, bound in Steel's sandbox?

  --json               answer as JSON, one line per file
  --scenario FILE      JSON with board, inputs and limits for the run (docs/engine.md)
  --seconds N          processor time for a program (10)
  --until N            seconds to simulate (60)
  --real-time          really wait, and start at the present time
  --set NAME=VALUE     a sensor's value, such as temperature=31.5

Exit status: 0 all is well; 1 a program is refused or fails; 2 steel_test was called wrongly.
";

/// What is asked on the command line.
#[derive(Debug, Default)]
pub struct Options {
    pub mode: Option<Mode>,
    pub files: Vec<PathBuf>,
    pub json: bool,
    pub real_time: bool,
    pub scenario: Scenario,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Check,
    Run,
    Serve,
    About,
    DumpGlobals,
    Help,
}

/// Where a program runs: the board, what happens to it, what it may use.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    pub board: BoardConfig,
    pub inputs: Vec<Input>,
    pub limits: Limits,
}

fn main() -> ExitCode {
    let done = options().and_then(|options| match options.mode {
        Some(Mode::Serve) => serve::Service::new(&mut child::boot(), io::stdout())
            .serve(io::stdin())
            .map_err(|it| it.to_string())
            .map(|()| true),
        Some(Mode::About) => say(&format!("{:#}\n", about())),
        Some(Mode::DumpGlobals) => say(&dump_globals()),
        Some(Mode::Check | Mode::Run) => show::files(&options),
        Some(Mode::Help) => say(USAGE),
        None => Err("nothing to do".into()),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(problem) => {
            eprintln!("steel_test: {problem}\nsteel_test --help tells how to call it.");
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options::default();
    let mut given = lexopt::Parser::from_env();
    let mut sensors = Vec::new();
    let (mut seconds, mut until) = (None, None);
    while let Some(argument) = given.next().map_err(|it| it.to_string())? {
        match argument {
            Long("check") => options.mode = Some(Mode::Check),
            Long("file") => {
                options.mode = Some(Mode::Run);
                options.files.push(value(&mut given)?.into());
            }
            Long("serve") => options.mode = Some(Mode::Serve),
            Long("about") => options.mode = Some(Mode::About),
            Long("dump-globals") => options.mode = Some(Mode::DumpGlobals),
            Long("help") | Short('h') => options.mode = Some(Mode::Help),
            Long("json") => options.json = true,
            Long("real-time") => options.real_time = true,
            Long("scenario") => options.scenario = scenario(&value(&mut given)?)?,
            Long("seconds") => seconds = Some(number("--seconds", &value(&mut given)?)?),
            Long("until") => until = Some(number("--until", &value(&mut given)?)?),
            Long("set") => sensors.push(sensor(&value(&mut given)?)?),
            Value(file) => options.files.push(file.into()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let limits = &mut options.scenario.limits;
    limits.seconds = seconds.unwrap_or(limits.seconds);
    limits.until = until.or(limits.until);
    options.scenario.board.sensors.extend(sensors);
    if matches!(options.mode, Some(Mode::Check | Mode::Run)) && options.files.is_empty() {
        return Err("no file is named".into());
    }
    Ok(options)
}

fn value(given: &mut lexopt::Parser) -> Result<String, String> {
    given.value().map_err(|it| it.to_string())?.into_string().map_err(|it| format!("{it:?} is not UTF-8"))
}

fn number(option: &str, text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err(format!("{option} needs a number above 0, not {text:?}")),
    }
}

fn sensor(text: &str) -> Result<(String, Value), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("--set needs NAME=VALUE, not {text:?}"))?;
    Ok((name.to_string(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))))
}

fn scenario(file: &str) -> Result<Scenario, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(&text))
        .map_err(|error| format!("{file}: {error}"))
}

/// What this engine is, so that whoever calls it can tell.
pub fn about() -> Value {
    let functions = catalogue::offered().map(|it| json!({"name": it.name, "min": it.min, "max": it.max}));
    json!({
        "engine": env!("CARGO_PKG_VERSION"),
        "steel": STEEL_VERSION,
        "sandbox": sandbox::description(),
        "functions": functions.collect::<Vec<_>>(),
    })
}

fn dump_globals() -> String {
    child::without_modules_of_the_machine();
    let sandboxed = Engine::new_sandboxed();
    let mut text = String::from("name\tarity\tsandboxed\n");
    for global in globals::list(&mut Engine::new()) {
        let inside = global.arity == "macro" || sandboxed.global_exists(&global.name);
        text += &format!("{}\t{}\t{}\n", global.name, global.arity, if inside { "yes" } else { "no" });
    }
    text
}

/// Writes to standard output; a reader that has seen enough is no error.
pub fn say(text: &str) -> Result<bool, String> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("standard output: {error}")),
        _ => Ok(true),
    }
}
