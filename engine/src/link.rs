//! The child's end of what connects it with the supervisor: a record going out, and for a live board stimuli coming in.

use crate::board::Micros;
use crate::protocol::{self, Stimulus};
use crate::watchdog;
use chrono::{DateTime, Utc};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use serde_json::{json, Value};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// The longest sleep: a request to stop that comes just before one is seen after it.
const NAP: Duration = Duration::from_millis(500);

/// A connection with the supervisor.
pub struct Link {
    report: File,
    live: Option<Live>,
}

/// A board that keeps the time on the wall.
struct Live {
    control: File,
    received: Vec<u8>,
    started: Instant,
}

impl Link {
    /// With a control file the board is live, otherwise time is simulated.
    pub fn new(report: File, control: Option<File>) -> Self {
        let live = control.map(|control| Live { control, received: Vec::new(), started: Instant::now() });
        Self { report, live }
    }

    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// The time of day at which a board starts that is not told one.
    pub fn wall_clock(&self) -> DateTime<Utc> {
        if self.is_live() {
            Utc::now()
        } else {
            protocol::simulated_start()
        }
    }

    /// Real time since the start.
    pub fn elapsed(&self) -> Micros {
        self.live.as_ref().map_or(0, |live| live.started.elapsed().as_micros() as Micros)
    }

    /// One line to the supervisor. It may have gone; then there is nobody to tell.
    pub fn send(&mut self, message: &Value) {
        let _ = self.report.write_all(format!("{message}\n").as_bytes());
    }

    /// The last line, and the end of this process: nothing of the program runs after it.
    pub fn finish(&mut self, result: &Value) -> ! {
        self.send(&json!({ "result": result }));
        // SAFETY: ends the process at once; what is buffered was either sent or must not be.
        unsafe { libc::_exit(0) }
    }

    /// None when the moment has come, at once if time is simulated; what came in before it, possibly nothing, otherwise.
    pub fn wait(&mut self, moment: Micros) -> Option<Vec<Stimulus>> {
        self.live.as_mut()?.wait(moment)
    }
}

impl Live {
    fn wait(&mut self, moment: Micros) -> Option<Vec<Stimulus>> {
        let left = Duration::from_micros(moment).saturating_sub(self.started.elapsed());
        if left.is_zero() {
            return None;
        }
        // Rounded up to the milliseconds that poll knows, or the last one would be spent spinning.
        let nap = left.min(NAP).as_micros().div_ceil(1000);
        let timeout = PollTimeout::try_from(nap as u32).unwrap_or(PollTimeout::ZERO);
        let mut sources = [PollFd::new(self.control.as_fd(), PollFlags::POLLIN)];
        match poll(&mut sources, timeout) {
            Ok(1..) => Some(self.receive()),
            _ => Some(Vec::new()),
        }
    }

    fn receive(&mut self) -> Vec<Stimulus> {
        let mut chunk = [0; 65536];
        match self.control.read(&mut chunk) {
            // The supervisor has gone, and with it everybody who could want this board.
            Ok(0) => watchdog::stop(),
            Ok(length) => self.received.extend_from_slice(&chunk[..length]),
            Err(_) => {}
        }
        let mut stimuli = Vec::new();
        while let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.received.drain(..=end).collect();
            stimuli.extend(serde_json::from_slice::<Stimulus>(&line));
        }
        stimuli
    }
}
