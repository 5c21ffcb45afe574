//! Requests line by line on standard input, answers line by line on standard output, as JSON. Programs run side by side;
//! answers come in the order in which they are ready and carry the `id` of their request.

use crate::protocol::{Program, Stimulus};
use crate::supervisor::{not_started, Child, Told};
use crate::{about, globals};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use serde::de::DeserializeOwned;
use serde_json::{json, Map, Value};
use std::collections::VecDeque;
use std::io::{self, BufWriter, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use steel::steel_vm::engine::Engine;

/// Live boards at once, well below the usual limit of open files.
const LIVE_BOARDS: usize = 200;

/// Programs that wait for their turn before no more requests are read.
const QUEUE: usize = 100;

/// A program under way, and for whom.
struct Job {
    id: Value,
    child: Child,
    /// Events told so far; a live board's are passed on at once instead.
    events: Option<Vec<Value>>,
}

/// A service for one client.
pub struct Service<'a, W: Write> {
    engine: &'a mut Engine,
    answers: BufWriter<W>,
    waiting: VecDeque<(Value, Program)>,
    jobs: Vec<Job>,
    at_once: usize,
}

impl<'a, W: Write> Service<'a, W> {
    pub fn new(engine: &'a mut Engine, answers: W) -> Self {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from).max(2);
        Self { engine, answers: BufWriter::new(answers), waiting: VecDeque::new(), jobs: Vec::new(), at_once }
    }

    /// Serves until the requests end, then finishes what can be finished; live boards are stopped.
    pub fn serve(&mut self, mut requests: impl Read + AsFd) -> io::Result<()> {
        let mut received = Vec::new();
        let mut open = true;
        while open || !self.jobs.is_empty() || !self.waiting.is_empty() {
            self.start_waiting()?;
            self.answers.flush()?;
            let source = (open && self.waiting.len() < QUEUE).then(|| requests.as_fd());
            if self.wait(source)? {
                open = read_some(&mut requests, &mut received)?;
                while let Some(end) = received.iter().position(|&byte| byte == b'\n') {
                    let line: Vec<u8> = received.drain(..=end).collect();
                    self.take(&line)?;
                }
                if !open {
                    self.stop_live();
                }
            }
            self.hear()?;
        }
        self.answers.flush()
    }

    /// Waits for news; true when there are requests to read.
    fn wait(&self, requests: Option<std::os::fd::BorrowedFd<'_>>) -> io::Result<bool> {
        let with_requests = requests.is_some();
        let children = self.jobs.iter().map(|job| job.child.source());
        let mut sources: Vec<PollFd> = requests
            .into_iter()
            .chain(children)
            .map(|source| PollFd::new(source, PollFlags::POLLIN))
            .collect();
        let deadline = self.jobs.iter().filter_map(|job| job.child.deadline()).min();
        match poll(&mut sources, until(deadline)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(with_requests && sources.first().is_some_and(|source| source.any().unwrap_or(false)))
    }

    /// Carries out one request, or says what is wrong with it.
    fn take(&mut self, line: &[u8]) -> io::Result<()> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let (id, done) = match serde_json::from_slice::<Map<String, Value>>(line) {
            Ok(mut request) => {
                let id = request.remove("id").unwrap_or(Value::Null);
                let done = self.carry_out(&id, request);
                (id, done)
            }
            Err(error) => (Value::Null, Err(format!("a request is a JSON object in one line: {error}"))),
        };
        match done {
            Ok(Some(answer)) => self.answer(&id, answer),
            Ok(None) => Ok(()),
            Err(problem) => self.answer(&id, json!({ "error": problem })),
        }
    }

    fn carry_out(&mut self, id: &Value, mut request: Map<String, Value>) -> Result<Option<Value>, String> {
        let op = request.remove("op").unwrap_or(Value::Null);
        let op = op.as_str().ok_or("a request has an \"op\"")?;
        match op {
            "check" | "run" => {
                let mut program: Program = parse(op, request)?;
                program.check_only = op == "check";
                self.waiting.push_back((id.clone(), program));
                Ok(None)
            }
            "start" => {
                self.start_live(id, parse(op, request)?)?;
                Ok(Some(json!({ "started": true })))
            }
            "send" => {
                let input = request.remove("input").ok_or("send needs an \"input\"")?;
                serde_json::from_value::<Stimulus>(input.clone()).map_err(|error| error.to_string())?;
                self.live(id)?.child.send(&input).map_err(|error| error.to_string())?;
                Ok(Some(json!({ "sent": true })))
            }
            "stop" => {
                self.live(id)?.child.stop();
                Ok(None)
            }
            "about" => Ok(Some(about())),
            "globals" => Ok(Some(json!({ "globals": globals::list(self.engine) }))),
            other => Err(format!(
                "unknown op {other:?}; there are about, check, globals, run, send, start and stop"
            )),
        }
    }

    fn live(&mut self, id: &Value) -> Result<&mut Job, String> {
        let mut live = self.jobs.iter_mut().filter(|job| job.events.is_none());
        live.find(|job| job.id == *id).ok_or_else(|| format!("no live board has the id {id}"))
    }

    fn start_live(&mut self, id: &Value, mut program: Program) -> Result<(), String> {
        if self.live(id).is_ok() {
            return Err(format!("there is a live board with the id {id}"));
        }
        if self.jobs.iter().filter(|job| job.events.is_none()).count() >= LIVE_BOARDS {
            return Err(format!("{LIVE_BOARDS} boards are live; start another engine for more"));
        }
        program.live = true;
        let child = Child::start(self.engine, program).map_err(|error| error.to_string())?;
        self.jobs.push(Job { id: id.clone(), child, events: None });
        Ok(())
    }

    fn stop_live(&mut self) {
        for job in self.jobs.iter_mut().filter(|job| job.events.is_none()) {
            job.child.stop();
        }
    }

    fn start_waiting(&mut self) -> io::Result<()> {
        while self.jobs.iter().filter(|job| job.events.is_some()).count() < self.at_once {
            let Some((id, program)) = self.waiting.pop_front() else { break };
            match Child::start(self.engine, program) {
                Ok(child) => self.jobs.push(Job { id, child, events: Some(Vec::new()) }),
                Err(error) => self.answer(&id, not_started(&error))?,
            }
        }
        Ok(())
    }

    /// Passes on what the children have told.
    fn hear(&mut self) -> io::Result<()> {
        let mut at = 0;
        while at < self.jobs.len() {
            let mut done = false;
            for told in self.jobs[at].child.hear() {
                let job = &mut self.jobs[at];
                match (told, &mut job.events) {
                    (Told::Event(event), Some(events)) => events.push(event),
                    (Told::Event(event), None) => {
                        let id = job.id.clone();
                        self.answer(&id, json!({ "event": event }))?;
                    }
                    (Told::Result(mut result), events) => {
                        if let Some(events) = events.take() {
                            result["events"] = Value::Array(events);
                        }
                        let id = job.id.clone();
                        self.answer(&id, result)?;
                        done = true;
                    }
                }
            }
            if done {
                self.jobs.swap_remove(at);
            } else {
                at += 1;
            }
        }
        Ok(())
    }

    fn answer(&mut self, id: &Value, mut answer: Value) -> io::Result<()> {
        answer["id"] = id.clone();
        writeln!(self.answers, "{answer}")
    }
}

fn parse<T: DeserializeOwned>(op: &str, request: Map<String, Value>) -> Result<T, String> {
    serde_path_to_error::deserialize(Value::Object(request)).map_err(|error| format!("{op}: {error}"))
}

fn until(deadline: Option<Instant>) -> PollTimeout {
    let left = deadline
        .map(|deadline| deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(1));
    left.map_or(PollTimeout::NONE, |left| PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX))
}

/// Reads what there is; false at the end, which also ends the last line.
fn read_some(source: &mut impl Read, received: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 65536];
    let length = source.read(&mut chunk)?;
    received.extend_from_slice(&chunk[..length]);
    if length == 0 {
        received.push(b'\n');
    }
    Ok(length > 0)
}
