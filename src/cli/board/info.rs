//! `railyard board info` and `railyard board ask`: what a board is and says.

use clap::Args;
use serde_json::{Value, json};

use super::host::Host;
use super::port::PortOptions;
use crate::accel::Machine;
use crate::cli::emit;
use crate::link::answer::{BoardCounters, read_status};
use crate::link::command::{Address, Command, Space};
use crate::link::console;
use crate::link::frame::MAX_PAYLOAD;
use crate::link::session::LinkError;

/// Options of `railyard board info`.
#[derive(Args, Clone, Debug)]
pub struct InfoArgs {
    #[command(flatten)]
    port: PortOptions,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// Options of `railyard board ask`.
#[derive(Args, Clone, Debug)]
pub struct AskArgs {
    #[command(flatten)]
    port: PortOptions,
    /// The command, such as `status` or `read master 0 0 16`; `help` lists them
    #[arg(required = true)]
    command: Vec<String>,
}

/// Most bytes of a machine.
const MOST_MACHINE: usize = 1 << 16;

/// Prints what the board is, its state and its counters.
pub fn run(args: &InfoArgs) -> Result<(), String> {
    let mut host = Host::open(&args.port)?;
    let said = |error: LinkError| error.to_string();
    let board = host.session.capabilities().cloned().unwrap_or_default();
    let machine = machine(&mut host)?;
    let status = host.ask(&Command::Status(u64::MAX)).map_err(said)?;
    let garbled = |command: &Command<'_>| {
        let command = command.kind();
        LinkError::Garbled { command }.to_string()
    };
    let (state, _) = read_status(&status).ok_or_else(|| garbled(&Command::Status(0)))?;
    let payload = host.ask(&Command::Counters).map_err(said)?;
    let counters = BoardCounters::read(&payload).ok_or_else(|| garbled(&Command::Counters))?;
    if args.json {
        let machine =
            machine.map(|text| serde_json::from_str::<Value>(&text).unwrap_or(Value::String(text)));
        return emit(&format!(
            "{}\n",
            json!({"capabilities": board, "machine": machine, "state": state, "counters": counters})
        ));
    }
    let machine = match machine {
        None => "no machine is written".to_owned(),
        Some(text) => match serde_json::from_str::<Machine>(&text) {
            Ok(machine) => format!(
                "{}, {} lanes x {} rows at {} MHz, {}",
                machine.name,
                machine.lanes,
                machine.rows,
                machine.clock_mhz,
                machine.device.name()
            ),
            Err(_) => format!(
                "{} bytes that are no machine as this program knows it",
                text.len()
            ),
        },
    };
    let counters = console::tell(&Command::Counters, &payload)?;
    emit(&format!(
        "{}\n\nmachine  {machine}\nstate    {}\n\n{counters}\n",
        console::capabilities(&board),
        console::state(state)
    ))
}

/// Asks one command and prints its answer.
pub fn ask(args: &AskArgs) -> Result<(), String> {
    let typed = console::parse(&args.command.join(" "))?;
    let Some(command) = typed.command() else {
        return emit(&format!("{}\n", console::HELP));
    };
    let mut host = Host::open(&args.port)?;
    let payload = host.ask(&command).map_err(|error| error.to_string())?;
    emit(&format!("{}\n", console::tell(&command, &payload)?))
}

/// The machine as the board holds it; nothing if it holds none.
fn machine(host: &mut Host) -> Result<Option<String>, String> {
    let mut text = vec![];
    loop {
        let at = Address {
            space: Space::Machine,
            index: 0,
            offset: text.len() as u32,
        };
        // Bytes are asked for until there are no more; a machine ends with its outermost bracket.
        let mut step = MAX_PAYLOAD as u16;
        let payload = loop {
            match host.ask(&Command::Read(at, step)) {
                Ok(payload) => break payload,
                Err(LinkError::Refused { .. }) if step > 1 => step /= 2,
                Err(LinkError::Refused { .. }) => break vec![],
                Err(error) => return Err(error.to_string()),
            }
        };
        if payload.is_empty() || text.len() > MOST_MACHINE {
            break;
        }
        text.extend(payload);
    }
    let text = String::from_utf8_lossy(&text);
    let text = text.trim_end_matches('\0');
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
