//! A virtual board that has less room than others.

use railyard::link::answer::{CAPABILITIES_BYTES, Capabilities, Status};
use railyard::link::command::Command;
use railyard::link::device::{Device, Reply, Wire};
use railyard::link::frame::MAX_PAYLOAD;
use railyard::link::virtual_board::VirtualBoard;

/// A virtual board that says it has less.
#[derive(Debug)]
pub struct Board {
    pub inner: VirtualBoard,
    /// Bytes for images.
    pub images: Option<u32>,
    /// Orders that may wait.
    pub orders: Option<u8>,
    /// The highest byte of an image that was written.
    pub highest: u32,
}

impl Device for Board {
    fn execute(
        &mut self,
        command: &Command<'_>,
        wire: Wire,
        now: f64,
        reply: &mut Reply<'_>,
    ) -> Status {
        if let Command::Write(at, data) = command
            && at.space == railyard::link::command::Space::Images
        {
            self.highest = self.highest.max(at.offset + data.len() as u32);
        }
        if *command != Command::Identify {
            return self.inner.execute(command, wire, now, reply);
        }
        let mut buffer = [0; MAX_PAYLOAD];
        let mut told = Reply::new(&mut buffer);
        let status = self.inner.execute(command, wire, now, &mut told);
        let told = Capabilities::read(&told.bytes()[..CAPABILITIES_BYTES]).expect("capabilities");
        let told = Capabilities {
            images: self.images.unwrap_or(told.images),
            orders: self.orders.unwrap_or(told.orders),
            ..told
        };
        told.write(reply);
        status
    }

    fn work(&mut self, now: f64) -> bool {
        self.inner.work(now)
    }

    fn due(&self) -> Option<f64> {
        self.inner.due()
    }

    fn restart(&mut self) {
        self.inner.restart();
    }
}
