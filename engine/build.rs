//! Brings in the one catalogue of the device API, which the Python side states: its names, arguments and limits.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

const LIBRARY: &str = "../plugins/module_utils";
const CATALOGUE: &str = "fleetlib/core/scheme/catalogue.py";
const STATEMENTS: &str = "fleetlib/core/scheme/api.py";

fn main() {
    println!("cargo:rerun-if-changed={LIBRARY}/{CATALOGUE}");
    println!("cargo:rerun-if-changed={LIBRARY}/{STATEMENTS}");
    println!("cargo:rerun-if-env-changed=PYTHON");
    let python = env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let output = Command::new(&python)
        .args(["-m", "fleetlib.core.scheme.catalogue"])
        .env("PYTHONPATH", LIBRARY)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| {
            panic!("{python}: {error}; the device API comes from {CATALOGUE}, set PYTHON to a Python 3.11")
        });
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{python} could not print {CATALOGUE}: {complaint}");
    let target = Path::new(&env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("catalogue.json");
    fs::write(target, output.stdout).expect("the build directory can be written");
}
