//! The board: what is drawn on it, and who is there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chirp::{Peer, Receiver, Stream};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// The board, as pages see it.
#[chirp::service(codec = chirp::codec::Json)]
pub trait Board {
    /// Sits down at the board under a name, until the page is closed.
    async fn join(&self, name: &str) -> Result<(), BoardError>;
    /// Draws a line through points, as they come. What was drawn stays, also if the line breaks off.
    async fn draw(&self, color: Color, points: Receiver<Point>) -> Result<(), BoardError>;
    /// Returns everything that is on the board, and then everything as it is drawn.
    async fn watch(&self) -> impl Stream<Item = Mark>;
    /// Wipes the board, unless somebody else objects.
    async fn wipe(&self) -> Result<(), BoardError>;
}

/// A page, as the server sees it.
#[chirp::service(codec = chirp::codec::Json)]
pub trait Page {
    /// Shows the names of everybody who is there.
    #[chirp(oneway)]
    async fn show_names(&self, names: Vec<String>);
    /// Asks whether the board may be wiped.
    async fn may_wipe(&self, asked_by: &str) -> bool;
}

/// A change of the board.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Line(Line),
    /// Nothing is left of what was drawn before.
    Wiped,
}

/// A straight part of a line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    pub color: Color,
    pub from: Point,
    pub to: Point,
}

/// A place on the board, which is 960 wide and 600 high.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub x: u16,
    pub y: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Color {
    Black,
    Crimson,
    Seagreen,
    Royalblue,
}

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
pub enum BoardError {
    /// Somebody else has the name.
    #[error("there is somebody called {name:?} already")]
    #[chirp(code = 1)]
    NameTaken { name: String },
    /// The name is empty, or too long.
    #[error("a name has 1 to {max} characters")]
    #[chirp(code = 2)]
    BadName { max: u32 },
    /// The board must be wiped first.
    #[error("the board is full: it has room for {max} marks")]
    #[chirp(code = 3)]
    Full { max: u32 },
    /// Somebody wants to keep what is drawn.
    #[error("{by} wants to keep the board")]
    #[chirp(code = 4)]
    Kept { by: String },
}

const MAX_NAME: u32 = 24;
const MAX_MARKS: u32 = 100_000;
/// Whoever has not objected until then agrees.
const TIME_TO_OBJECT: Duration = Duration::from_secs(15);

/// The state that all seats share.
#[derive(Default)]
pub struct Table {
    drawing: watch::Sender<Drawing>,
    members: Mutex<BTreeMap<String, Peer>>,
}

#[derive(Default)]
struct Drawing {
    marks: Vec<Mark>,
    /// The number of times that the board was wiped.
    wipes: u64,
}

impl Table {
    fn members(&self) -> MutexGuard<'_, BTreeMap<String, Peer>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line, unless the board is full.
    fn add(&self, color: Color, from: Point, to: Point) -> Result<(), BoardError> {
        let mut result = Ok(());
        self.drawing.send_if_modified(|drawing| {
            let fits = drawing.marks.len() < MAX_MARKS as usize;
            if fits {
                drawing.marks.push(Mark::Line(Line { color, from, to }));
            } else {
                result = Err(BoardError::Full { max: MAX_MARKS });
            }
            fits
        });
        result
    }
}

/// Tells everybody who is there. The lock is held, so that pages get the lists in order.
fn show_names(members: &BTreeMap<String, Peer>) {
    let names: Vec<_> = members.keys().cloned().collect();
    for peer in members.values() {
        let page = PageClient::new(peer).with_json();
        page.show_names(names.clone()).detach();
    }
}

/// The service of one page. Dropped when its connection ends.
pub struct Seat {
    table: Arc<Table>,
    peer: Peer,
    name: Mutex<Option<String>>,
}

impl Seat {
    pub fn new(table: &Arc<Table>, peer: &Peer) -> Self {
        Self {
            table: Arc::clone(table),
            peer: peer.clone(),
            name: Mutex::default(),
        }
    }

    fn name(&self) -> MutexGuard<'_, Option<String>> {
        self.name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(name) = self.name().take() {
            let mut members = self.table.members();
            members.remove(&name);
            show_names(&members);
        }
    }
}

impl Board for Seat {
    async fn join(&self, name: &str) -> Result<(), BoardError> {
        if name.is_empty() || name.chars().count() > MAX_NAME as usize {
            return Err(BoardError::BadName { max: MAX_NAME });
        }
        let name = name.to_owned();
        let mut own = self.name();
        let mut members = self.table.members();
        if members.contains_key(&name) {
            return Err(BoardError::NameTaken { name });
        }
        members.insert(name.clone(), self.peer.clone());
        if let Some(former) = own.replace(name) {
            members.remove(&former);
        }
        show_names(&members);
        Ok(())
    }

    async fn draw(&self, color: Color, mut points: Receiver<Point>) -> Result<(), BoardError> {
        let Some(Ok(mut from)) = points.recv().await else {
            return Ok(());
        };
        // A click alone is a dot.
        self.table.add(color, from, from)?;
        while let Some(Ok(to)) = points.recv().await {
            self.table.add(color, from, to)?;
            from = to;
        }
        Ok(())
    }

    async fn watch(&self) -> impl Stream<Item = Mark> {
        let mut drawing = self.table.drawing.subscribe();
        async_stream::stream! {
            let (mut shown, mut wipes) = (0, 0);
            loop {
                let new = {
                    let drawing = drawing.borrow_and_update();
                    if drawing.wipes != wipes {
                        (shown, wipes) = (0, drawing.wipes);
                    }
                    drawing.marks[shown..].to_vec()
                };
                shown += new.len();
                // A page that is slow keeps this stream waiting here, and nobody else.
                for mark in new {
                    yield mark;
                }
                if drawing.changed().await.is_err() {
                    break;
                }
            }
        }
    }

    async fn wipe(&self) -> Result<(), BoardError> {
        let own = self.name().clone().unwrap_or_default();
        let mut others = self.table.members().clone();
        others.remove(&own);
        let question = PageClient::unbound().with_json().may_wipe(&own);
        for answer in question.gather(others).timeout(TIME_TO_OBJECT).await {
            if answer.result == Ok(false) {
                let by = answer.from.to_string();
                return Err(BoardError::Kept { by });
            }
        }
        self.table.drawing.send_modify(|drawing| {
            drawing.marks = vec![Mark::Wiped];
            drawing.wipes += 1;
        });
        Ok(())
    }
}
