//! The binary: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    cdrscope::cli::main(std::env::args_os())
}
