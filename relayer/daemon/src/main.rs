//! The binary: see [`causeway::cli`].

fn main() -> std::process::ExitCode {
    causeway::cli::main()
}
