//! The live view of `chirp top`: numbers of a server, as tables in the terminal.

mod interval;
mod screen;
mod table;
mod view;

pub(crate) use interval::Interval;
pub(crate) use screen::{Key, Screen};
pub(crate) use view::{Order, View};
