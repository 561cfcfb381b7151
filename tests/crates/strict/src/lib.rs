//! Services in a crate with strict lints: generated code is documented and violates none of them. `Cargo.toml` lists the
//! lints.

use std::borrow::Cow;
use std::time::Duration;

use chirp::{CallContext, Receiver};
use futures_core::Stream;
use serde::{Deserialize, Serialize};

/// A place in the plane.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Place {
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
}

impl Place {
    /// The place at `x` and `y`.
    #[must_use]
    #[inline]
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }
}

/// Why nothing was drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, chirp::ServiceError)]
#[non_exhaustive]
pub enum DrawError {
    /// Drawing is not possible there.
    #[error("nothing is drawn {distance} from here")]
    #[chirp(code = 1)]
    TooFar {
        /// The distance from the centre.
        distance: u64,
        /// What to do instead.
        advice: Option<String>,
    },
    /// There is no more ink.
    #[error("out of ink")]
    #[chirp(code = 2)]
    Dry,
    /// The paper is not there.
    #[error("no paper: {0}")]
    #[chirp(code = 3)]
    NoPaper(#[chirp(data)] String),
}

/// The result of drawing.
pub type Result<T> = core::result::Result<T, DrawError>;

/// Draws.
#[chirp::service]
pub trait Draw {
    /// How many lines there are.
    fn lines(&self) -> u32;

    /// Draws a line, and says how long it is.
    async fn line(&self, from: Place, to: &Place) -> Result<f64>;

    /// Draws a line through all points.
    async fn through(
        &self,
        places: &[Place],
        names: Option<&str>,
    ) -> core::result::Result<(), DrawError>;

    /// Writes.
    async fn write(
        &self,
        cx: &CallContext,
        text: &str,
        picture: &[u8],
        title: Cow<'_, str>,
    ) -> Vec<u8>;

    /// Removes a value.
    #[chirp(oneway)]
    async fn forget(&self, after: Duration);

    /// Draws a point.
    #[deprecated = "draw a short line"]
    async fn point(&self, _at: Place) -> bool {
        false
    }

    /// The colour.
    #[must_use]
    #[chirp(name = "color", alias = "colour")]
    fn hue(&self) -> u8 {
        7
    }

    /// Only here.
    #[cfg(not(any()))]
    async fn here(&self) {}

    /// Has a keyword as its name.
    fn r#type(&self, r#fn: u8) -> u8;
}

/// Stores values by key.
#[chirp::service(name = "kept", codec = chirp::codec::Json)]
pub trait Keep<K: Ord + Send + Sync, V: Clone + Send + Sync> {
    /// Returns the value of a key.
    async fn get(&self, key: &K) -> Option<V>;

    /// Stores a value.
    async fn put(&self, key: K, value: V) -> core::result::Result<(), DrawError>;
}

/// Raw bytes.
#[chirp::service(name = "", codec = chirp::codec::Raw)]
pub trait Echo {
    /// The same.
    async fn echo(&self, data: &[u8]) -> Vec<u8>;
}

/// Looks for things, one after another.
#[chirp::service(ordered)]
pub trait Search {
    /// What was found.
    #[chirp(named, idempotent, deadline = "5 s")]
    async fn find(
        &self,
        text: &str,
        #[serde(rename = "limit", default)] at_most: u32,
        of: Option<&[u8]>,
    ) -> Vec<String>;

    /// Takes long.
    #[chirp(blocking)]
    fn compute(&self, number: u64) -> u64;
}

/// Draws an endless stream of points.
#[chirp::service]
pub trait Trace {
    /// The places on the way.
    async fn trace(&self, name: &str) -> Result<impl Stream<Item = Result<Place>>>;

    /// The places, one after another.
    fn places(&self, from: Place) -> impl Stream<Item = Place>;

    /// How many there are, and where they are twice as far.
    #[chirp(named, deadline = "5 s")]
    async fn twice(&self, places: Receiver<Place>, by: f64) -> impl Stream<Item = Place> + Send;

    /// How many there are.
    async fn how_many(&self, _places: Receiver<Place>) -> u64 {
        0
    }
}

impl Trace for Paper {
    async fn trace(&self, name: &str) -> Result<impl Stream<Item = Result<Place>>> {
        if name.is_empty() {
            return Err(DrawError::Dry);
        }
        Ok(tokio_stream::iter([
            Ok(Place::new(1.0, 2.0)),
            Err(DrawError::NoPaper(name.to_owned())),
        ]))
    }

    fn places(&self, from: Place) -> impl Stream<Item = Place> {
        tokio_stream::once(from)
    }

    async fn twice(&self, places: Receiver<Place>, by: f64) -> impl Stream<Item = Place> + Send {
        tokio_stream::StreamExt::map(places, move |received| {
            received.map_or(Place::new(0.0, 0.0), |place| {
                Place::new(place.x * by, place.y * by)
            })
        })
    }
}

impl Search for Paper {
    async fn find(&self, text: &str, at_most: u32, of: Option<&[u8]>) -> Vec<String> {
        let len = of.map_or(0, <[u8]>::len);
        vec![format!("{text} {at_most} {len}")]
    }

    fn compute(&self, number: u64) -> u64 {
        number
    }
}

/// A private service that is only served, never called.
mod inside {
    /// Says what it is.
    #[chirp::service]
    pub(super) trait Inside {
        /// What it is.
        fn name(&self) -> String;

        /// Returns `true` if it is there.
        async fn there(&self) -> bool {
            true
        }
    }

    /// The only one.
    pub(super) struct Only;

    impl Inside for Only {
        fn name(&self) -> String {
            "the only one".to_owned()
        }
    }
}

/// What this crate serves.
#[must_use]
pub fn served() -> impl chirp::Service {
    inside::InsideServer::new(inside::Only)
}

/// A paper that is drawn on.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Paper;

impl Draw for Paper {
    fn lines(&self) -> u32 {
        1
    }

    async fn line(&self, from: Place, to: &Place) -> Result<f64> {
        let length = (from.x - to.x).hypot(from.y - to.y);
        if length > 100.0_f64 {
            return Err(DrawError::TooFar {
                distance: 100,
                advice: None,
            });
        }
        Ok(length)
    }

    async fn through(
        &self,
        places: &[Place],
        names: Option<&str>,
    ) -> core::result::Result<(), DrawError> {
        match names {
            Some(name) if places.is_empty() => Err(DrawError::NoPaper(name.to_owned())),
            Some(_) => Ok(()),
            None => Err(DrawError::Dry),
        }
    }

    async fn write(
        &self,
        cx: &CallContext,
        text: &str,
        picture: &[u8],
        title: Cow<'_, str>,
    ) -> Vec<u8> {
        let late = [u8::from(cx.deadline().is_some())];
        [&late, text.as_bytes(), picture, title.as_bytes()].concat()
    }

    async fn forget(&self, _: Duration) {}

    fn r#type(&self, r#fn: u8) -> u8 {
        r#fn
    }
}

impl Echo for Paper {
    async fn echo(&self, data: &[u8]) -> Vec<u8> {
        data.to_vec()
    }
}
