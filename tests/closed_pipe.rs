//! Whoever reads what a command prints may stop early, as `head` does.

use std::io::Read;
use std::process::{Command, Stdio};

#[test]
fn no_command_minds_a_reader_who_leaves() {
    for arguments in [
        &["plan"][..],
        &["plan", "--json"],
        &["train", "--preset", "tiny", "--epochs", "2", "--json"],
        &["simulate", "--preset", "tiny", "--json"],
        &["compare", "--list"],
        &["data", "--help"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_railyard"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        // One byte is read, and the pipe is closed.
        let mut out = child.stdout.take().expect("piped");
        out.read_exact(&mut [0]).expect("something is printed");
        drop(out);
        let said = child.wait_with_output().expect("ends");
        let error = String::from_utf8_lossy(&said.stderr);
        assert!(!error.contains("panicked"), "{arguments:?}: {error}");
        assert!(said.status.success(), "{arguments:?}: {error}");
    }
}
