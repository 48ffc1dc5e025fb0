//! `railyard board`: a virtual board as a process, and the host of a board behind any port.

mod host;
mod info;
mod port;
mod serve;
mod stream;
mod train;
mod verify;

use clap::{Args, Subcommand};

/// Options of `railyard board`.
#[derive(Args, Clone, Debug)]
pub struct BoardArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Clone, Debug)]
enum Command {
    /// Be a virtual board on a pseudo terminal, standard input and output, or a socket
    Serve(serve::ServeArgs),
    /// Print what a board is, its machine, its state and its counters
    Info(info::InfoArgs),
    /// Train a network on a board
    Train(Box<train::TrainArgs>),
    /// Take a step on board and simulator, and compare every word
    Verify(Box<verify::VerifyArgs>),
    /// Ask a single command and print its answer
    Ask(info::AskArgs),
}

/// Runs the command.
pub fn run(args: &BoardArgs) -> Result<(), String> {
    match &args.command {
        Command::Serve(args) => serve::run(args),
        Command::Info(args) => info::run(args),
        Command::Train(args) => train::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Ask(args) => info::ask(args),
    }
}
