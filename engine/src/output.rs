//! What a program prints: standard output is a file without a name, which never blocks and is read back between events.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

thread_local! {
    static CAPTURED: RefCell<Option<(File, u64)>> = const { RefCell::new(None) };
}

/// Standard output now goes to this file.
pub fn capture(file: File) {
    CAPTURED.set(Some((file, 0)));
}

/// The text printed since the last call.
pub fn take() -> String {
    let _ = std::io::stdout().flush();
    CAPTURED.with_borrow_mut(|captured| {
        let Some((file, offset)) = captured else { return String::new() };
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = file.read_at(&mut chunk, *offset) {
            bytes.extend_from_slice(&chunk[..length]);
            *offset += length as u64;
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
