//! `railyard board info` and `railyard board ask`: what a board is and says.

use clap::Args;
use serde_json::{Value, json};

use super::host::Host;
use super::port::PortOptions;
use crate::accel::Machine;
use crate::cli::options::RunOptions;
use crate::cli::{emit, train};
use crate::link::answer::{BoardCounters, State};
use crate::link::command::{Address, Command, Space};
use crate::link::console;
use crate::link::frame::MAX_PAYLOAD;
use crate::link::run::BoardNeeds;
use crate::link::session::LinkError;
use crate::numeric::grouped;

/// Options of `railyard board info`.
#[derive(Args, Clone, Debug)]
pub struct InfoArgs {
    #[command(flatten)]
    port: PortOptions,
    #[command(flatten)]
    run: RunOptions,
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

/// The payload of an answer; nothing if the board refuses, as one of a recorded log may.
fn told(host: &mut Host, command: &Command<'_>) -> Result<Option<Vec<u8>>, String> {
    match host.ask(command) {
        Ok(payload) => Ok(Some(payload)),
        Err(LinkError::Refused { .. }) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Prints what the board is, what fits, its state and its counters.
pub fn run(args: &InfoArgs) -> Result<(), String> {
    let mut host = Host::open(&args.port)?;
    let board = host.session.capabilities().cloned().unwrap_or_default();
    let machine = machine(&mut host)?;
    let status = told(&mut host, &Command::Status(u64::MAX))?;
    let state = status.and_then(|payload| State::read(&payload));
    let counters = told(&mut host, &Command::Counters)?;
    let counters = counters.and_then(|payload| BoardCounters::read(&payload));
    // The board need not wait while data are read.
    drop(host);
    let needs = train::start_program(&args.run, None, None)
        .map(|(trainer, _)| (BoardNeeds::of(&trainer, &board), trainer.config().clone()));
    if args.json {
        let machine =
            machine.map(|text| serde_json::from_str::<Value>(&text).unwrap_or(Value::String(text)));
        let fit = needs.map(|(needs, _)| {
            json!({
                "fits": needs.reason.is_none(), "reason": needs.reason,
                "memory": {"needed": needs.memory.0, "there": needs.memory.1},
                "images": {"needed": needs.images.0, "there": needs.images.1},
            })
        });
        let fit = fit.unwrap_or_else(|error| json!({"fits": null, "reason": error}));
        return emit(&format!(
            "{}\n",
            json!({"capabilities": board, "machine": machine, "fit": fit, "state": state, "counters": counters})
        ));
    }
    let machine = match machine {
        None => "none that was written or is told".to_owned(),
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
    let state = state.map_or("not told".to_owned(), console::state);
    let fit = match needs {
        Err(error) => format!("not known: {error}"),
        Ok((needs, config)) => fit(&needs, config.batch),
    };
    let counters = counters.map_or("counters not told".to_owned(), |counters| {
        console::counters(&counters)
    });
    emit(&format!(
        "{}\n\nmachine  {machine}\nfit      {fit}\nstate    {state}\n\n{counters}\n",
        console::capabilities(&board),
    ))
}

/// Whether a run fits, in words.
fn fit(needs: &BoardNeeds, batch: usize) -> String {
    if let Some(reason) = &needs.reason {
        return format!("no: {reason}");
    }
    let (memory, images) = (needs.memory, needs.images);
    let images = if images.0 <= images.1 {
        "all images stay on the board"
    } else {
        "images are sent again when needed"
    };
    format!(
        "the run at batch {batch} fits: {} of {} bytes of training state; {images}",
        grouped(memory.0),
        grouped(memory.1)
    )
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
    let (mut text, mut step) = (vec![], MAX_PAYLOAD as u16);
    loop {
        let at = Address {
            space: Space::Machine,
            index: 0,
            offset: text.len() as u32,
        };
        // Bytes are asked for until there are no more; a machine ends with its outermost bracket.
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
