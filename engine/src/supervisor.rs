//! Runs every program in a process of its own, forked from an engine that has booted already: a program meets the same
//! fresh engine as on a device, within a millisecond, and whatever happens in it happens to nobody else.

use crate::link::Link;
use crate::protocol::{Ending, Outcome, Program};
use crate::{child, output, sandbox, watchdog};
use nix::errno::Errno;
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use nix::sys::signal::{kill, Signal};
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, fork, mkstemp, pipe, unlink, ForkResult, Pid};
use serde_json::{json, Value};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};
use steel::steel_vm::engine::Engine;

/// How long a child may take beyond twice its processor time, waiting included, before it is ended from outside.
const GRACE: Duration = Duration::from_secs(5);

/// How long a child may take to stop.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// A program that is being tried.
pub struct Child {
    /// None when the process has ended and its status was taken: the number may be another's by now.
    pid: Option<Pid>,
    report: File,
    control: Option<File>,
    complaints: File,
    received: Vec<u8>,
    deadline: Option<Instant>,
    stopped: bool,
}

impl Child {
    /// Starts a process for a program. There must be no other thread in this process.
    pub fn start(engine: &mut Engine, program: Program) -> io::Result<Self> {
        let (report, report_writer) = pipe()?;
        let (control_reader, control) = pipe()?;
        let printed = nameless_file()?;
        let complaints = nameless_file()?;
        let live = program.live;
        let patience = Duration::from_secs_f64(program.limits.seconds * 2.0) + GRACE;
        // SAFETY: this process has one thread, so the child has everything that this one has.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop((report, control));
                let control = live.then(|| control_reader.into());
                become_child(engine, program, Link::new(report_writer.into(), control), printed, &complaints)
            }
            ForkResult::Parent { child: pid } => {
                for end in [&report, &control] {
                    fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
                }
                Ok(Self {
                    pid: Some(pid),
                    report: report.into(),
                    control: live.then(|| control.into()),
                    complaints,
                    received: Vec::new(),
                    deadline: (!live).then(|| Instant::now() + patience),
                    stopped: false,
                })
            }
        }
    }

    /// Where there is something to read when the child has told something.
    pub fn source(&self) -> BorrowedFd<'_> {
        self.report.as_fd()
    }

    /// When to look after the child even if it tells nothing.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Hands something from outside to a live board.
    pub fn send(&mut self, stimulus: &Value) -> io::Result<()> {
        match &mut self.control {
            Some(control) => control.write_all(format!("{stimulus}\n").as_bytes()),
            None => Err(io::Error::other("only a live board takes anything")),
        }
    }

    /// Asks the program to stop; if it does not, it is ended.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.deadline = Some(Instant::now() + STOP_GRACE);
        self.signal(Signal::SIGTERM);
    }

    /// What the child has told since the last time: events, and at the end the result.
    pub fn hear(&mut self) -> Vec<Told> {
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            self.signal(Signal::SIGKILL);
            self.deadline = None;
        }
        let mut told = Vec::new();
        let mut chunk = [0; 65536];
        loop {
            match self.report.read(&mut chunk) {
                Ok(0) => {
                    self.read_lines(&mut told);
                    if !matches!(told.last(), Some(Told::Result(_))) {
                        let ending = serde_json::to_value(self.post_mortem()).expect("an ending is JSON");
                        told.push(Told::Result(ending));
                    }
                    return told;
                }
                Ok(length) => self.received.extend_from_slice(&chunk[..length]),
                Err(_) => break,
            }
        }
        self.read_lines(&mut told);
        told
    }

    fn read_lines(&mut self, told: &mut Vec<Told>) {
        let complete = self.received.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.received.drain(..complete).collect();
        for line in lines.split(|&byte| byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(Value::Object(mut message)) => {
                    if let Some(event) = message.remove("event") {
                        told.push(Told::Event(event));
                    } else if let Some(result) = message.remove("result") {
                        self.bury();
                        told.push(Told::Result(result));
                        return;
                    }
                }
                // The empty rest after the last line.
                _ => continue,
            }
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid {
            // It may have ended by itself; that is seen when its report ends.
            let _ = kill(pid, signal);
        }
    }

    fn bury(&mut self) -> Option<WaitStatus> {
        waitpid(self.pid.take()?, None).ok()
    }

    /// Why a child ended that could not tell it itself.
    fn post_mortem(&mut self) -> Ending {
        let status = self.bury();
        let mut complaint = String::new();
        let _ = self.complaints.rewind().and_then(|()| self.complaints.read_to_string(&mut complaint));
        let out_of_memory = complaint.contains("memory allocation of");
        let overflow = complaint.contains("has overflowed its stack");
        match status {
            _ if self.stopped => Ending::stopped("ended, because it did not stop"),
            _ if out_of_memory => Ending::limit("memory", "more memory than allowed".into()),
            _ if overflow => Ending::crashed("the engine's stack overflowed: too deeply nested".into()),
            Some(WaitStatus::Exited(_, watchdog::TIME_UP)) => {
                Ending::limit("time", "more processor time than allowed".into())
            }
            Some(WaitStatus::Signaled(_, Signal::SIGXFSZ, _)) => {
                Ending::limit("output", "more output than allowed".into())
            }
            Some(WaitStatus::Signaled(_, Signal::SIGKILL, _)) => {
                Ending::limit("time", "more time than allowed, waiting".into())
            }
            Some(WaitStatus::Signaled(_, Signal::SIGSEGV, _)) => {
                Ending::crashed("the engine ran out of stack".into())
            }
            other => Ending::crashed(format!("the engine ended ({other:?}): {}", complaint.trim())),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        self.bury();
    }
}

/// What a child tells.
pub enum Told {
    Event(Value),
    /// The last that it tells.
    Result(Value),
}

fn become_child(
    engine: &mut Engine,
    program: Program,
    mut link: Link,
    printed: File,
    complaints: &File,
) -> ! {
    if let Err(problem) = shut_in(&program, printed, complaints) {
        let ending = Ending::crashed(format!("the engine cannot shut a program in: {problem}"));
        link.finish(&json!(ending))
    }
    child::work(engine, program, link)
}

fn shut_in(program: &Program, printed: File, complaints: &File) -> Result<(), String> {
    let nothing = File::open("/dev/null").map_err(|error| format!("/dev/null: {error}"))?;
    let redirected =
        dup2_stdin(&nothing).and_then(|()| dup2_stdout(&printed)).and_then(|()| dup2_stderr(complaints));
    redirected.map_err(|error| format!("standard streams: {error}"))?;
    output::capture(printed);
    std::env::set_current_dir("/").map_err(|error| format!("/: {error}"))?;
    for (name, _) in std::env::vars_os() {
        std::env::remove_var(name);
    }
    die_with_parent();
    sandbox::enter(program.limits.memory_mb)
}

#[cfg(target_os = "linux")]
fn die_with_parent() {
    // SAFETY: a plain system call. Elsewhere a live board ends when its control closes, and the others by their limits.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent() {}

fn nameless_file() -> io::Result<File> {
    let template = std::env::temp_dir().join("steel_test.XXXXXX");
    let (file, path) = mkstemp(&template)?;
    unlink(&path).or_else(|error| if error == Errno::ENOENT { Ok(()) } else { Err(error) })?;
    Ok(file.into())
}

/// A result of a program that could not even be started.
pub fn not_started(error: &io::Error) -> Value {
    json!({"ok": false, "outcome": Outcome::Crashed, "message": format!("no process for the program: {error}")})
}
