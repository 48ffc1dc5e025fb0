//! Sending images and orders ahead of the steps that need them.

use std::collections::VecDeque;

use super::asked::Asked;
use super::images::{Images, Place};
use crate::link::command::{Address, Command, MAX_DATA, ORDER_BYTES, Space};
use crate::link::frame::MAX_PAYLOAD;
use crate::link::session::{LinkError, Session};
use crate::train::{StepOrder, Trainer};

/// Most slots in one frame of a load.
const MOST_SLOTS: usize = (MAX_PAYLOAD - ORDER_BYTES - 4) / 4;

/// What a request was for.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// The last bytes of the image in a slot.
    Image(u32),
    /// Anything else.
    Some,
}

/// An order on its way.
#[derive(Debug)]
struct Fed {
    step: StepOrder,
    /// Slots of the images placed so far, as on the wire.
    slots: Vec<u8>,
    loaded: bool,
}

/// Orders of coming steps and the images for them.
#[derive(Debug, Default)]
pub(super) struct Feed {
    orders: VecDeque<Fed>,
    asked: Asked<Part>,
}

impl Feed {
    /// Adds the orders that follow those that are there.
    pub fn give(&mut self, orders: Vec<StepOrder>) {
        for step in orders {
            let next = self.orders.back().map(|fed| fed.step.order.step + 1);
            if next.is_none_or(|next| next == step.order.step) {
                self.orders.push_back(Fed {
                    step,
                    slots: Vec::new(),
                    loaded: false,
                });
            }
        }
    }

    /// The step of the first order.
    pub fn first(&self) -> Option<u64> {
        self.orders.front().map(|fed| fed.step.order.step)
    }

    /// Whether the first order is on its way as a whole.
    pub fn loaded(&self) -> bool {
        self.orders.front().is_some_and(|fed| fed.loaded)
    }

    /// The first order's step is taken.
    pub fn taken(&mut self) -> Option<StepOrder> {
        self.orders.pop_front().map(|fed| fed.step)
    }

    /// Sends images and orders of the first `count` orders as long as fewer than `most` requests wait. The
    /// board has room for `room` orders.
    pub fn advance(
        &mut self,
        trainer: &Trainer,
        images: &mut Images,
        session: &mut Session,
        [count, room, most]: [usize; 3],
    ) -> Result<(), LinkError> {
        while let Some((part, _)) = self.asked.next(session)? {
            if let Part::Image(slot) = part {
                images.written(slot);
            }
        }
        let Some(taken) = self.first() else {
            return Ok(());
        };
        for (index, fed) in self.orders.iter_mut().take(count).enumerate() {
            let (order, chosen) = (fed.step.order, &fed.step.images);
            while let Some(&image) = chosen.get(fed.slots.len() / 4) {
                if self.asked.len() >= most {
                    return Ok(());
                }
                let slot = match images.place(image, order.step + 1, taken) {
                    Place::There(slot) => slot,
                    Place::Write(slot) => {
                        let (pixels, label) = trainer.train_image(image);
                        write(&mut self.asked, session, slot, label, pixels);
                        slot
                    }
                    Place::Full => return Ok(()),
                };
                fed.slots.extend(slot.to_le_bytes());
            }
            if fed.loaded || index >= room {
                continue;
            }
            for (part, slots) in fed.slots.chunks(4 * MOST_SLOTS).enumerate() {
                let command = Command::Load {
                    order,
                    samples: chosen.len() as u16,
                    first: (part * MOST_SLOTS) as u16,
                    slots,
                };
                self.asked.ask(session, &command, Part::Some);
            }
            fed.loaded = true;
        }
        Ok(())
    }

    /// Forgets all orders and takes back what was not answered.
    pub fn abandon(&mut self, session: &mut Session) {
        self.asked.abandon(session);
        self.orders.clear();
    }

    /// Forgets all, as the session is gone.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Writes an image to a slot.
fn write(asked: &mut Asked<Part>, session: &mut Session, slot: u32, label: u8, pixels: &[u8]) {
    let mut bytes = Vec::with_capacity(1 + pixels.len());
    bytes.push(label);
    bytes.extend_from_slice(pixels);
    let start = slot as usize * bytes.len();
    let mut offset = 0;
    while offset < bytes.len() {
        let end = (offset + MAX_DATA).min(bytes.len());
        let at = Address {
            space: Space::Images,
            index: 0,
            offset: (start + offset) as u32,
        };
        let part = if end == bytes.len() {
            Part::Image(slot)
        } else {
            Part::Some
        };
        asked.ask(session, &Command::Write(at, &bytes[offset..end]), part);
        offset = end;
    }
}
