//! The guide: one page per topic, in the order in which a new user meets them.
//!
//! | page | answers |
//! |---|---|
//! | [`getting_started`] | How do I make a first call? |
//! | [`services`] | What can a service trait contain, and which types can be sent? |
//! | [`errors`] | What can fail, and how do I handle it? |
//! | [`cancellation`] | How do calls end early: by drop, timeout or deadline? |
//! | [`context`] | How do metadata, deadlines and traces travel with calls? |
//! | [`streams`] | How do I send many items, in either direction? |
//! | [`both_directions`] | How does a server call its clients? |
//! | [`nodes`] | How do programs know each other by name, and stay connected? |
//! | [`nats`] | How do many programs share services through a NATS cluster? |
//! | [`many_targets`] | How do I call many peers at once? |
//! | [`addresses`] | What can I connect to and listen on? |
//! | [`http`] | How do `curl`, browsers and programs without Chirp call methods? |
//! | [`requests`] | How do callers over HTTP get responses later, at a hook, and streams at URLs? |
//! | [`websocket`] | How do pages connect, and programs that serve HTTP already? |
//! | [`json_rpc`] | How do editors, agents and other programs that speak JSON-RPC 2.0 call services, and serve them? |
//! | [`typescript`] | How do pages and programs of Node call services, and serve them? |
//! | [`security`] | How do I encrypt connections, and who may call what? |
//! | [`reconnecting`] | What happens when a connection is lost or a server restarts? |
//! | [`retries`] | When is a call sent again that has failed? |
//! | [`balancing`] | How do I call several servers of one service? |
//! | [`layers`] | How do I limit, count, log or change calls on their way? |
//! | [`restarts`] | How do I restart a server without losing calls, under systemd too? |
//! | [`observing`] | How do I see what happens: logs, metrics, packets? |
//! | [`recording`] | How do I record packets, read them in Wireshark, and send them again? |
//! | [`testing`] | How do I test services and mock clients? |
//! | [`other_languages`] | How do programs in other languages join? |
//! | [`program`] | How do I list, describe and call methods from a shell? |
//! | [`evolving`] | How do I change an interface without breaking its users? |
//! | [`shapes`] | How do I find out how a type is written, without a derive? |
//! | [`limits`] | What is bounded, and what makes calls fast? |
//! | [`from_tarpc`], [`from_tonic`], [`from_go_chirp`], [`from_acomm`] | How does what I know translate? |

#[doc = include_str!("guide/getting_started.md")]
pub mod getting_started {}
#[doc = include_str!("guide/services.md")]
pub mod services {}
#[doc = include_str!("guide/errors.md")]
pub mod errors {}
#[doc = include_str!("guide/cancellation.md")]
pub mod cancellation {}
#[doc = include_str!("guide/context.md")]
pub mod context {}
#[doc = include_str!("guide/streams.md")]
pub mod streams {}
#[doc = include_str!("guide/both_directions.md")]
pub mod both_directions {}
#[doc = include_str!("guide/nodes.md")]
pub mod nodes {}
#[doc = include_str!("guide/nats.md")]
pub mod nats {}
#[doc = include_str!("guide/many_targets.md")]
pub mod many_targets {}
#[doc = include_str!("guide/addresses.md")]
pub mod addresses {}
#[cfg(feature = "http")]
#[doc = include_str!("guide/http.md")]
pub mod http {}
#[cfg(feature = "requests")]
#[doc = include_str!("guide/requests.md")]
pub mod requests {}
#[cfg(feature = "websocket")]
#[doc = include_str!("guide/websocket.md")]
pub mod websocket {}
#[cfg(feature = "jsonrpc")]
#[doc = include_str!("guide/json_rpc.md")]
pub mod json_rpc {}
#[cfg(feature = "typescript")]
#[doc = include_str!("guide/typescript.md")]
pub mod typescript {}
#[doc = include_str!("guide/security.md")]
pub mod security {}
#[doc = include_str!("guide/reconnecting.md")]
pub mod reconnecting {}
#[doc = include_str!("guide/retries.md")]
pub mod retries {}
#[doc = include_str!("guide/balancing.md")]
pub mod balancing {}
#[doc = include_str!("guide/layers.md")]
pub mod layers {}
#[doc = include_str!("guide/restarts.md")]
pub mod restarts {}
#[doc = include_str!("guide/observing.md")]
pub mod observing {}
#[doc = include_str!("guide/recording.md")]
pub mod recording {}
#[doc = include_str!("guide/testing.md")]
pub mod testing {}
#[doc = include_str!("guide/other_languages.md")]
pub mod other_languages {}
#[doc = include_str!("guide/program.md")]
pub mod program {}
#[doc = include_str!("guide/evolving.md")]
pub mod evolving {}
#[doc = include_str!("guide/shapes.md")]
pub mod shapes {}
#[doc = include_str!("guide/limits.md")]
pub mod limits {}
#[doc = include_str!("guide/from_tarpc.md")]
pub mod from_tarpc {}
#[doc = include_str!("guide/from_tonic.md")]
pub mod from_tonic {}
#[doc = include_str!("guide/from_go_chirp.md")]
pub mod from_go_chirp {}
#[cfg(feature = "requests")]
#[doc = include_str!("guide/from_acomm.md")]
pub mod from_acomm {}
