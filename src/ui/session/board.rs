//! What the Board tab asks for. The worker is the host; the page carries the bytes of its port.

use std::rc::Rc;

use gloo::timers::callback::Timeout;
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};
use web_sys::Blob;

use super::Session;
use crate::link::line::LineSettings;
use crate::link::virtual_board::VirtualSettings;
use crate::ui::board_state::{BoardState, Other, PortState};
use crate::ui::serial::{self, Heard, Port};
use crate::ui::{datasets, export, fetch, hooks};
use crate::worker::message::board::{BoardEvent, BoardRequest, Destination, Place};
use crate::worker::message::{Request, Ticket};

/// Name of the log's file.
const LOG_NAME: &str = "railyard-board-log.jsonl";

/// What the session holds for a board.
#[derive(Default)]
pub(super) struct Desk {
    port: Option<Port>,
    /// The port that was open last.
    last: Option<JsValue>,
    /// Resolves once the port before is closed.
    closing: Option<Promise>,
    /// Counts connections, so that what is left of an earlier one is told apart.
    turn: u32,
    /// The log that was asked for.
    log: Option<Ticket>,
    /// Whether a worker died that was connected to a board, and nobody was told yet.
    broken_off: bool,
}

impl Session {
    /// Look which ports there are.
    pub(super) fn start_board(&self) {
        if let Err(why) = serial::available() {
            self.change(|m| m.board.port = PortState::Missing(why));
            return;
        }
        let session = self.clone();
        serial::watch(Rc::new(move || session.look_for_ports()));
        self.look_for_ports();
    }

    fn look_for_ports(&self) {
        let session = self.clone();
        spawn_local(async move {
            let known = !serial::granted().await.is_empty();
            session.change(|m| m.board.known_port = known);
        });
    }

    /// Change what the controls of the tab hold.
    pub fn edit_board(&self, change: impl FnOnce(&mut BoardState)) {
        self.change(|m| change(&mut m.board));
    }

    /// Connect to a virtual board.
    pub fn connect_virtual(&self, board: VirtualSettings, line: LineSettings) {
        self.change(|m| (m.board.board, m.board.line) = (board, line));
        self.leave_port();
        self.connect(Other::Virtual, Destination::Virtual { board, line }, vec![]);
    }

    /// Let the visitor choose a port and connect to the board there. To be called while a click is
    /// being handled.
    pub fn connect_port(&self, baud: u32) {
        if self.busy_with_port() {
            return;
        }
        self.change(|m| m.board.port = PortState::Picking);
        let session = self.clone();
        spawn_local(async move {
            match serial::choose().await {
                Ok(Some(port)) => session.open_port(port, baud).await,
                Ok(None) => session.port_stands(PortState::Dismissed),
                Err(message) => session.port_gone(message),
            }
        });
    }

    /// Connect to the board at the port that was used last, without asking for one.
    pub fn reconnect_port(&self, baud: u32) {
        if self.busy_with_port() {
            return;
        }
        self.change(|m| m.board.port = PortState::Opening);
        let session = self.clone();
        spawn_local(async move {
            let ports = serial::granted().await;
            let last = session.0.board.borrow().last.clone();
            let port = last
                .filter(|last| ports.contains(last))
                .or_else(|| ports.first().cloned());
            match port {
                Some(port) => session.open_port(port, baud).await,
                None => session.port_gone(
                    "No port that was used before is there. Plug the cable in, or choose a port with Connect."
                        .into(),
                ),
            }
        });
    }

    fn busy_with_port(&self) -> bool {
        let model = self.0.model.borrow();
        matches!(
            model.board.port,
            PortState::Missing(_) | PortState::Picking | PortState::Opening
        )
    }

    async fn open_port(&self, port: JsValue, baud: u32) {
        self.port_stands(PortState::Opening);
        self.shut_port();
        let (turn, closing) = {
            let desk = self.0.board.borrow();
            (desk.turn, desk.closing.clone())
        };
        if let Some(closing) = closing {
            // It may be the same port.
            let _ = JsFuture::from(closing).await;
        }
        let inner = Rc::downgrade(&self.0);
        let hear = Rc::new(move |heard| {
            if let Some(inner) = inner.upgrade() {
                Self(inner).port_heard(turn, heard);
            }
        });
        let opened = Port::open(port.clone(), baud, hear).await;
        match opened {
            Ok(open) if self.0.board.borrow().turn == turn => {
                {
                    let mut desk = self.0.board.borrow_mut();
                    (desk.port, desk.last) = (Some(open), Some(port));
                }
                self.change(|m| {
                    m.board.port = PortState::Open;
                    m.board.known_port = true;
                    m.board.baud = baud;
                });
                self.connect(Other::Port, Destination::Port { baud }, vec![]);
            }
            // Something else was connected meanwhile.
            Ok(open) => open.close().await,
            Err(message) => self.port_gone(message),
        }
    }

    fn port_heard(&self, turn: u32, heard: Heard) {
        if self.0.board.borrow().turn != turn {
            return;
        }
        match heard {
            Heard::Bytes(bytes) => {
                self.send_with(Request::Board(BoardRequest::Received), vec![bytes]);
            }
            Heard::Gone(message) => {
                self.shut_port();
                self.port_stands(PortState::Gone(message.clone()));
                self.send(Request::Board(BoardRequest::Broken { message }));
            }
        }
    }

    fn port_stands(&self, port: PortState) {
        self.change(|m| m.board.port = port);
    }

    fn port_gone(&self, message: String) {
        self.change(|m| {
            m.board.port = PortState::Gone(message.clone());
            m.tell(true, message);
        });
    }

    /// Close the port, if one is open, and hear no more of it.
    fn shut_port(&self) {
        let port = {
            let mut desk = self.0.board.borrow_mut();
            desk.turn += 1;
            desk.port.take()
        };
        if let Some(port) = port {
            let closing = future_to_promise(async move {
                port.close().await;
                Ok(JsValue::UNDEFINED)
            });
            self.0.board.borrow_mut().closing = Some(closing);
        }
    }

    fn leave_port(&self) {
        self.shut_port();
        self.change(|m| {
            if !matches!(m.board.port, PortState::Missing(_)) {
                m.board.port = PortState::Closed;
            }
        });
    }

    fn connect(&self, other: Other, to: Destination, bulk: Vec<Uint8Array>) {
        self.change(|m| {
            m.board.begin(other);
            m.notice = None;
        });
        let machine = self.0.model.borrow().accel.sound.machine.clone();
        let request = BoardRequest::Connect {
            number: self.session_number(other),
            to,
            machine: Box::new(machine),
        };
        self.send_with(Request::Board(request), bulk);
    }

    /// A session's number, never 0: drawn, or counted for a page that holds still and has the whole
    /// board to itself.
    fn session_number(&self, other: Other) -> u16 {
        if hooks::testing() && other != Other::Port {
            let mut desk = self.0.board.borrow_mut();
            desk.turn += 1;
            return u16::try_from(desk.turn).unwrap_or(1);
        }
        (js_sys::Math::random() * f64::from(u16::MAX)) as u16 + 1
    }

    /// Leave the board.
    pub fn disconnect(&self) {
        self.send(Request::Board(BoardRequest::Disconnect));
        // The worker's last frames go first.
        let session = self.clone();
        let turn = self.0.board.borrow().turn;
        Timeout::new(50, move || {
            if session.0.board.borrow().turn == turn {
                session.leave_port();
            }
        })
        .forget();
    }

    /// Where the run on display trains from now on.
    pub fn place(&self, place: Place) {
        self.send(Request::Board(BoardRequest::Place { place }));
    }

    /// Take one step on simulator and board, and compare every word.
    pub fn verify(&self) {
        self.change(|m| {
            m.board.verifying = true;
            m.notice = None;
        });
        self.send(Request::Board(BoardRequest::Verify));
    }

    /// A single command.
    pub fn console(&self, text: String) {
        let ticket = Ticket(self.number());
        self.change(|m| m.board.ask(ticket.0, text.clone()));
        self.send(Request::Board(BoardRequest::Console { ticket, text }));
    }

    /// The virtual board's line from now on.
    pub fn set_line(&self, line: LineSettings) {
        self.change(|m| m.board.line = line);
        self.send(Request::Board(BoardRequest::Line { line }));
    }

    /// Pull the virtual board's cable out, or plug it in.
    pub fn plug(&self, plugged: bool) {
        self.change(|m| m.board.plugged = plugged);
        self.send(Request::Board(BoardRequest::Cable { plugged }));
    }

    /// Flip one bit in the virtual board's memory.
    pub fn upset(&self) {
        self.send(Request::Board(BoardRequest::Upset));
    }

    /// Offer the log as a file.
    pub fn save_log(&self) {
        let ticket = Ticket(self.number());
        self.0.board.borrow_mut().log = Some(ticket);
        self.send(Request::Board(BoardRequest::Log { ticket }));
    }

    /// Connect to the board of a log's file, which answers as it did then.
    pub fn open_log(&self, blob: Blob) {
        let session = self.clone();
        spawn_local(async move {
            match fetch::bytes(&blob).await {
                Ok(bytes) => {
                    session.leave_port();
                    session.connect(Other::Recorded, Destination::Recorded, vec![bytes]);
                }
                Err(_) => session.tell(true, datasets::UNREADABLE),
            }
        });
    }

    pub(super) fn board_event(&self, event: BoardEvent, mut bulk: Vec<Uint8Array>) {
        match event {
            BoardEvent::Send => {
                if let (Some(bytes), Some(port)) = (bulk.pop(), &self.0.board.borrow().port) {
                    port.write(&bytes);
                }
            }
            BoardEvent::Log { ticket } => {
                let asked = self.0.board.borrow_mut().log.take();
                if let (Some(bytes), true) = (bulk.pop(), asked == Some(ticket))
                    && export::offer(LOG_NAME, "application/jsonl", &Array::of1(&bytes)).is_none()
                {
                    self.tell(true, "The browser did not take the log for download.");
                }
            }
            event => {
                let text = self.0.model.borrow_mut().board.apply(event);
                match text {
                    Some(text) => self.tell(true, &text),
                    None => self.reported(),
                }
            }
        }
    }

    /// The worker died, and the session with it.
    pub(super) fn board_lost(&self) {
        let connected = self.0.model.borrow().board.connected();
        {
            let mut desk = self.0.board.borrow_mut();
            (desk.log, desk.broken_off) = (None, connected);
        }
        self.leave_port();
        self.change(|m| m.board.forget());
    }

    /// What is to be added to the sentence about the worker's death.
    pub(super) fn board_remark(&self) -> &'static str {
        if std::mem::take(&mut self.0.board.borrow_mut().broken_off) {
            " Its connection to the board ended with it; the run goes on in the page until the board is connected again."
        } else {
            ""
        }
    }
}
