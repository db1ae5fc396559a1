//! The binary: parses the command line before any AWS object is made, then hands over to the library.

fn main() -> std::process::ExitCode {
    hoist::commands::main()
}
