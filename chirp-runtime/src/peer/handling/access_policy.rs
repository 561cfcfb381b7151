use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::channel::Identity;
use crate::peer::MethodName;

type Rule = Arc<dyn Fn(&Identity) -> bool + Send + Sync>;

/// Who may call which methods, by who they are.
///
/// It decides on the method that will run: a call by another name of it, an alias, is decided as the method is. A
/// service under a name of its own (`.named("Other")`) has methods of its own, `"Other.method"`. For what a
/// fallback answers, it is the name that was called.
///
/// Who may not call a method is answered with [`Fault::Forbidden`](crate::packet::FrameworkError::PermissionDenied), whether there is
/// such a method or not: only those whom [`default_rule`](Self::default_rule) lets through learn that a name is unknown.
///
/// ```
/// # mod chirp {
/// #     pub use chirp_runtime::peer::*;
/// #     pub use chirp_runtime::{channel, packet, stream};
/// # }
/// use chirp::channel::PublicKey;
/// use chirp::{AccessPolicy, MethodId, PeerBuilder};
///
/// const STATUS: MethodId = MethodId::new("Daemon.status");
/// const STOP: MethodId = MethodId::new("Daemon.stop");
///
/// fn builder(operator: PublicKey) -> PeerBuilder {
///     let access = AccessPolicy::new()
///         .allow([STATUS], |who| !who.is_anonymous())
///         .allow([STOP], move |who| who.is_key(&operator));
///     PeerBuilder::new().access(access)
/// }
/// ```
#[derive(Clone, Default)]
pub struct AccessPolicy {
    methods: HashMap<MethodName, Rule>,
    default_rule: Option<Rule>,
}

impl AccessPolicy {
    /// Nobody may call anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those whom `rule` lets through may call these methods, in place of what was said of them before:
    /// `DaemonMethods::ALL.iter().copied()` is all methods of a service.
    ///
    /// The rule is asked for each call, and must not block. One that panics lets nobody through.
    #[must_use]
    pub fn allow<M: Into<MethodName>>(
        mut self,
        methods: impl IntoIterator<Item = M>,
        rule: impl Fn(&Identity) -> bool + Send + Sync + 'static,
    ) -> Self {
        let rule: Rule = Arc::new(rule);
        let methods = methods.into_iter().map(Into::into);
        self.methods
            .extend(methods.map(|method| (method, Arc::clone(&rule))));
        self
    }

    /// Those whom `rule` lets through may call the methods of which nothing else is said.
    #[must_use]
    pub fn default_rule(
        mut self,
        rule: impl Fn(&Identity) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.default_rule = Some(Arc::new(rule));
        self
    }

    /// Whether `who` may call `method`.
    pub fn allows(&self, who: &Identity, method: &[u8]) -> bool {
        let rule = self.methods.get(method).or(self.default_rule.as_ref());
        rule.is_some_and(|rule| rule(who))
    }
}

impl fmt::Debug for AccessPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessPolicy")
            .field("methods", &self.methods.keys())
            .field("default_rule", &self.default_rule.is_some())
            .finish()
    }
}
