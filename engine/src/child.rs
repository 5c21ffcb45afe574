//! One program in a process of its own: it compiles, runs, and tells how it went.

use crate::board::Board;
use crate::diagnostic::Diagnostic;
use crate::link::Link;
use crate::protocol::{Ending, Program};
use crate::{device, watchdog};
use std::panic::{self, AssertUnwindSafe};
use steel::parser::span::Span;
use steel::steel_vm::engine::Engine;
use steel::{SteelErr, SteelVal};

/// An engine as it is on a device that has just started, ready for a program.
pub fn boot() -> Engine {
    without_modules_of_the_machine();
    let mut engine = Engine::new();
    device::offer(&mut engine).expect("the device API is valid Steel");
    engine
}

/// Modules of the machine, or of its user, are not on a device; and Steel would make a directory of its own for them.
pub fn without_modules_of_the_machine() {
    std::env::set_var("STEEL_HOME", "/dev/null");
    std::env::remove_var("STEEL_SEARCH_PATHS");
}

/// Does with the program what is asked, and ends this process.
pub fn work(engine: &mut Engine, program: Program, link: Link) -> ! {
    panic::set_hook(Box::new(|_| ()));
    watchdog::watch(engine.get_thread_state_controller());
    watchdog::arm(program.limits.seconds);
    let Program { source, check_only, board, inputs, limits, .. } = program;
    device::plug_in(Board::new(board, inputs, limits, link));
    let tried = panic::catch_unwind(AssertUnwindSafe(|| try_out(engine, &source, check_only)));
    let ending = tried.unwrap_or_else(|cause| Ending::crashed(reason(&*cause)));
    device::with_board(|board| board.end(ending))
}

fn try_out(engine: &mut Engine, source: &str, check_only: bool) -> Ending {
    let compiled = engine
        .emit_raw_program_no_path(source.to_string())
        .and_then(|program| engine.raw_program_to_executable(program));
    let executable = match compiled {
        Ok(executable) => executable,
        Err(error) => return Ending::refused(diagnose(engine, &error, source)),
    };
    if check_only {
        return Ending::loads();
    }
    let ran = engine.run_executable(&executable).and_then(|values| {
        // The program has said all it has to say; now timers, schedules and events go on.
        engine.call_function_by_name_with_args("#%board-wait", vec![SteelVal::BoolV(false)])?;
        Ok(values)
    });
    match ran {
        Ok(values) => {
            Ending::finished(values.iter().rfind(|value| **value != SteelVal::Void).map(SteelVal::to_string))
        }
        Err(error) => {
            let diagnostic = diagnose(engine, &error, source);
            if watchdog::is_overtime() {
                Ending::limit("time", "more processor time than allowed".into()).at(diagnostic)
            } else if watchdog::is_stopped() {
                Ending::stopped("asked to stop")
            } else {
                Ending::failed(diagnostic)
            }
        }
    }
}

fn diagnose(engine: &Engine, error: &SteelErr, source: &str) -> Diagnostic {
    let is_program = |span: &Span| match span.source_id.and_then(|id| engine.get_source(&id)) {
        Some(text) => *text == *source,
        None => span.source_id.is_none(),
    };
    Diagnostic::from_steel(error, source, is_program)
}

fn reason(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied());
    format!("the engine panicked: {}", text.unwrap_or("without a word"))
}
