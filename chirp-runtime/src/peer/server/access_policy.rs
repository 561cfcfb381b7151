use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::channel::Identity;
use crate::packet::strip_json_suffix;
use crate::peer::MethodName;

type Rule = Arc<dyn Fn(&Identity) -> bool + Send + Sync>;

/// Rules for which peers may call which methods, by the peer's identity.
///
/// A rule applies to the method that would run: a call by an alias is checked as the method itself. A service under
/// another name (`.named("Other")`) has methods of its own, `"Other.method"`. Methods that a fallback handles are
/// checked by the name that was called. A JSON name (`"Daemon.stop;json"`) is always checked without its suffix, so that
/// rules for JSON names have no effect.
///
/// A call that is not allowed fails with [`PermissionDenied`](crate::packet::FrameworkError::PermissionDenied), whether
/// the method exists or not: only peers that [`default_rule`](Self::default_rule) allows learn that a name is unknown.
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
    /// Creates a policy that allows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows these methods to peers for which `rule` returns `true`, and replaces earlier rules for them. All methods
    /// of a service: `DaemonMethods::ALL.iter().copied()`.
    ///
    /// The rule is called for each call, and must not block. A rule that panics denies the call.
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

    /// Sets the rule for methods that have no rule of their own.
    #[must_use]
    pub fn default_rule(
        mut self,
        rule: impl Fn(&Identity) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.default_rule = Some(Arc::new(rule));
        self
    }

    /// Returns `true` if `who` may call `method`, which may be a JSON name.
    pub fn allows(&self, who: &Identity, method: &[u8]) -> bool {
        let method = strip_json_suffix(method).unwrap_or(method);
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
