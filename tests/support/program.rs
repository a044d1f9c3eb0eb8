//! The real program as a child process.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

const TINTYPE: &str = env!("CARGO_BIN_EXE_tintype");

/// `tintype` with nothing of the outer environment that could change it.
pub fn tintype() -> Command {
    tintype_by(&[])
}

/// The same, started by `wrapper`: a command and its arguments, which end where those of `tintype` begin.
pub fn tintype_by(wrapper: &[&str]) -> Command {
    let mut words = wrapper.iter().chain([&TINTYPE]);
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words);
    for variable in
        ["TINTYPE_CONFIG", "TINTYPE_LOAD_SECONDS", "TINTYPE_CRASH_LIVES", "TINTYPE_CLUSTER_KILLS", "HF_TOKEN"]
    {
        command.env_remove(variable);
    }
    command.env("TINTYPE_TIME_ZONE", "UTC");
    command
}

/// A serving child, killed with SIGKILL when it is dropped.
pub struct Program {
    pub child: Child,
    pub url: String,
    /// Printed at the first start in a data directory.
    pub key: Option<String>,
}

impl Program {
    /// Starts `command` and waits until it has said where it listens.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("a pipe");
        let (said, on_line) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                said.send(line).ok();
            }
        });
        let mut program = Self { child, url: String::new(), key: None };
        // "Costs" stands before "Key" or "Keys", one of which is always said.
        loop {
            let line =
                on_line.recv_timeout(Duration::from_secs(600)).expect("the program says where it listens");
            if let Some((_, url)) = line.split_once(" at http://") {
                program.url = format!("http://{url}");
            }
            if let Some(key) = line.strip_prefix("Key ") {
                program.key = Some(key.trim().to_owned());
            }
            if line.starts_with("Key") {
                return program;
            }
        }
    }

    /// SIGKILL: no destructor runs, no buffer is flushed. Does nothing to a child that has ended.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
