//! The framework's own methods, as a router answers them: for itself, and for the peer that its fallback passes calls on to.

#[cfg(feature = "reflect")]
use std::collections::HashSet;
use std::future::ready;
use std::sync::Arc;

use crate::packet::{
    CONTRACT_METHOD, FrameworkError, HEALTH_CHECK_METHOD, Payload, ReservedRoute, ServedMethod,
    reserved_route,
};
#[cfg(feature = "reflect")]
use crate::packet::{DESCRIBE_METHOD, STATS_METHOD};
use crate::peer::server::layer::resolve;
use crate::peer::server::layer_chain::{MethodNames, handle_through};
#[cfg(feature = "reflect")]
use crate::peer::server::stats_source::StatsSource;
use crate::peer::{Handler, HandlerFuture, Reply, Request, Router};
#[cfg(feature = "reflect")]
use crate::reflect::Description;

impl Router {
    /// Registers the handler of one of the framework's own methods. Access rules do not apply to it.
    pub(crate) fn reserved(&mut self, name: &'static str, handler: Arc<dyn Handler>) {
        self.reserved.retain(|(known, _)| *known != name);
        self.reserved.push((name, handler));
    }

    /// Answers a call of one of the framework's own methods.
    #[cold]
    pub(super) fn handle_reserved(&self, request: Request) -> HandlerFuture {
        match reserved_route(request.method()) {
            Some(ReservedRoute::Merged) if request.method() == CONTRACT_METHOD.as_bytes() => {
                self.answer_contract(request)
            }
            #[cfg(feature = "reflect")]
            Some(ReservedRoute::Merged) if request.method() == DESCRIBE_METHOD.as_bytes() => {
                self.answer_describe(request)
            }
            #[cfg(feature = "reflect")]
            Some(ReservedRoute::Connection) if request.method() == STATS_METHOD.as_bytes() => {
                self.answer_stats(request)
            }
            Some(ReservedRoute::PerService) => self.answer_health(request),
            Some(ReservedRoute::Connection | ReservedRoute::Merged) => {
                match self.reserved_handler(request.method()) {
                    Some(handler) => handler.handle(request),
                    None => unknown(),
                }
            }
            None => unknown(),
        }
    }

    fn reserved_handler(&self, name: &[u8]) -> Option<&Arc<dyn Handler>> {
        let mut handlers = self.reserved.iter();
        let found = handlers.find(|(known, _)| known.as_bytes() == name);
        found.map(|(_, handler)| handler)
    }

    /// Returns the fallback if it passes calls on to another peer.
    pub(super) fn target(&self) -> Option<Arc<dyn Handler>> {
        self.fallback.clone().filter(|handler| handler.is_proxy())
    }

    /// Answers a request for signatures (PROTOCOL.md, "`chirp.contract`"), through the layers. The target is asked about
    /// the methods that are not served here.
    fn answer_contract(&self, request: Request) -> HandlerFuture {
        let Some(methods) = ServedMethod::decode_question(request.params()) else {
            return self.through_layers(request, ready(FrameworkError::InvalidArguments.into()));
        };
        let who = request.context().identity();
        let target = self.target();
        let mut asked = Vec::new();
        let mut served = Vec::with_capacity(methods.len());
        for name in methods {
            served.push(match self.entry(name) {
                route if !self.allows(who, name, route) => ServedMethod::No,
                Some(route) => route
                    .signature()
                    .map_or(ServedMethod::Unsigned, ServedMethod::Signed),
                None if target.is_some() => {
                    asked.push((served.len(), name));
                    ServedMethod::Unsigned
                }
                None if self.fallback.is_some() => ServedMethod::Unsigned,
                None => ServedMethod::No,
            });
        }
        let question = target.filter(|_| !asked.is_empty()).map(|target| {
            let names = asked.iter().map(|(_, name)| *name);
            let question = ServedMethod::encode_question(names);
            let places = asked.iter().map(|(place, _)| *place);
            let question = request.derive(CONTRACT_METHOD, &question);
            (resolve(target.handle(question)), places.collect::<Vec<_>>())
        });
        self.through_layers(request, async move {
            if let Some((answer, places)) = question
                && let Reply::Value(answer) = answer.await
                && let Some(answers) = ServedMethod::decode_answer(answer.as_slice(), places.len())
            {
                for (place, answer) in places.into_iter().zip(answers) {
                    served[place] = answer;
                }
            }
            Reply::Value(ServedMethod::encode_answer(served).into())
        })
    }

    /// Answers a request for a description, through the layers. The target's description is added, without the methods that
    /// are served or denied here.
    #[cfg(feature = "reflect")]
    fn answer_describe(&self, request: Request) -> HandlerFuture {
        let own = self.describer.map(|describer| describer(self, &request));
        let Some(target) = self.target() else {
            return match own {
                Some(own) => self.through_layers(request, ready(own)),
                None => unknown(),
            };
        };
        let asked = request.derive(DESCRIBE_METHOD, request.params());
        let target = resolve(target.handle(asked));
        let served: HashSet<_> = self.routes.keys().cloned().collect();
        let access = self.access.clone();
        let who = request.context().identity().clone();
        self.through_layers(request, async move {
            let theirs = match target.await {
                Reply::Value(theirs) => theirs,
                theirs => return own.unwrap_or(theirs),
            };
            let is_open = |name: &str| {
                let access = access.as_ref();
                !served.contains(name.as_bytes())
                    && access.is_none_or(|access| access.allows(&who, name.as_bytes()))
            };
            match described(own.as_ref(), &theirs, is_open) {
                Some(merged) => Reply::Value(merged.into()),
                None => own.unwrap_or_else(|| {
                    FrameworkError::InvalidResult
                        .to_error_data("the target of the proxy does not return a description")
                        .into()
                }),
            }
        })
    }

    /// Answers requests for the numbers of this side with `stats`.
    #[cfg(feature = "reflect")]
    pub(crate) fn report_stats(&mut self, stats: Arc<dyn StatsSource>) {
        self.stats = Some(stats);
    }

    /// Answers a request for the numbers of this side, through the layers.
    #[cfg(feature = "reflect")]
    fn answer_stats(&self, request: Request) -> HandlerFuture {
        let Some(stats) = &self.stats else {
            return unknown();
        };
        let reply = stats.report(self, &request);
        self.through_layers(request, ready(reply))
    }

    fn through_layers(
        &self,
        request: Request,
        reply: impl Future<Output = Reply> + Send + 'static,
    ) -> HandlerFuture {
        if self.layers.is_empty() {
            return Box::pin(reply);
        }
        let method = MethodNames::new(request.method(), None);
        handle_through(&self.layers, request, method, Box::pin(reply))
    }

    /// Answers a request for the state of a service. The target is asked about services that are not known here, and about
    /// everything if this side does not answer such requests.
    fn answer_health(&self, request: Request) -> HandlerFuture {
        let own = self.reserved_handler(request.method()).cloned();
        let (own, target) = match (own, self.target()) {
            (None, None) => return unknown(),
            (None, Some(target)) => return target.handle(request),
            (Some(own), None) => return own.handle(request),
            (Some(own), Some(target)) => (own, target),
        };
        let check = self.reserved_handler(HEALTH_CHECK_METHOD.as_bytes());
        // No bytes ask of this side as a whole.
        let Some(check) = check.filter(|_| !request.params().is_empty()) else {
            return own.handle(request);
        };
        let known = resolve(check.handle(request.derive(HEALTH_CHECK_METHOD, request.params())));
        Box::pin(async move {
            match known.await {
                Reply::Value(state) if is_unknown(&state) => target.handle(request).await,
                _ => own.handle(request).await,
            }
        })
    }
}

/// Adds a target's description to that of a proxy. Returns `None` if one of them is none.
#[cfg(feature = "reflect")]
fn described(
    own: Option<&Reply>,
    theirs: &Payload,
    is_open: impl FnMut(&str) -> bool,
) -> Option<Vec<u8>> {
    let mut theirs = Description::from_json(theirs.as_slice()).ok()?;
    theirs.retain(is_open);
    let merged = match own {
        None => theirs,
        Some(Reply::Value(own)) => {
            let mut own = Description::from_json(own.as_slice()).ok()?;
            own.merge(theirs);
            own
        }
        Some(_) => return None,
    };
    serde_json::to_vec(&merged).ok()
}

/// Returns `true` if the state of a service is *unknown*.
fn is_unknown(state: &Payload) -> bool {
    matches!(state.as_slice(), [0, ..])
}

fn unknown() -> HandlerFuture {
    Box::pin(ready(Reply::UnknownMethod))
}
