//! Stops a program that computes too long, or that is not wanted any more, by signals: SIGPROF when its processor time is
//! used up, SIGTERM when it shall stop. Steel looks for the interruption between its own steps and raises an error with
//! the place; a program stuck inside one step is ended a second later without.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::OnceLock;
use steel::steel_vm::ThreadStateController;

/// The exit status of a child that had to be ended inside a step.
pub const TIME_UP: i32 = 124;

const RUNNING: u8 = 0;
const OVERTIME: u8 = 1;
const STOPPED: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(RUNNING);
static CONTROLLER: OnceLock<ThreadStateController> = OnceLock::new();

/// From now on the signals interrupt this engine.
pub fn watch(controller: ThreadStateController) {
    let _ = CONTROLLER.set(controller);
    let handlers: [(libc::c_int, extern "C" fn(libc::c_int)); 2] =
        [(libc::SIGPROF, overtime), (libc::SIGTERM, asked)];
    for (signal, handler) in handlers {
        // SAFETY: the handlers only touch atomics and end the process, which is allowed at any moment. Without
        // SA_RESTART, a wait in progress returns.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as usize;
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}

/// Allows so much processor time from now on, in seconds.
pub fn arm(seconds: f64) {
    let after = libc::timeval {
        tv_sec: seconds.trunc() as libc::time_t,
        tv_usec: (seconds.fract() * 1e6) as libc::suseconds_t,
    };
    let again = libc::timeval { tv_sec: 1, tv_usec: 0 };
    let timer = libc::itimerval { it_interval: again, it_value: after };
    // SAFETY: a plain system call on a value of this frame.
    unsafe { libc::setitimer(libc::ITIMER_PROF, &timer, std::ptr::null_mut()) };
}

/// Processor seconds this process has used.
pub fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a plain system call on a value of this frame.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Whether the program has used up its time.
pub fn is_overtime() -> bool {
    STATE.load(Ordering::Relaxed) == OVERTIME
}

/// Whether the program shall stop.
pub fn is_stopped() -> bool {
    STATE.load(Ordering::Relaxed) == STOPPED
}

/// Asks the program to stop, as the signal does.
pub fn stop() {
    interrupt(STOPPED);
}

fn interrupt(state: u8) -> bool {
    let first = STATE.compare_exchange(RUNNING, state, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    if let (true, Some(controller)) = (first, CONTROLLER.get()) {
        controller.interrupt();
    }
    first
}

extern "C" fn overtime(_: libc::c_int) {
    if !interrupt(OVERTIME) {
        // SAFETY: async-signal-safe by definition.
        unsafe { libc::_exit(TIME_UP) };
    }
}

extern "C" fn asked(_: libc::c_int) {
    interrupt(STOPPED);
}
