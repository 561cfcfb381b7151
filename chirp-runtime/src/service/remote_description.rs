use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Mismatch;
use crate::reflect::{
    Definition, Description, InterfaceChange, MethodDescription, ServiceDescription,
    TypeDefinitions, compare_descriptions,
};

/// The description that the other side gives of its methods, of which only some are of interest.
///
/// A method takes far more memory decoded than encoded, so the others stay text.
#[derive(Deserialize)]
pub(super) struct RemoteDescription<'a> {
    version: u32,
    #[serde(borrow)]
    services: Vec<RemoteService<'a>>,
    #[serde(borrow, default)]
    types: RemoteTypes<'a>,
}

#[derive(Deserialize)]
struct RemoteService<'a> {
    #[serde(borrow)]
    codec: Cow<'a, str>,
    #[serde(default)]
    ordered: bool,
    #[serde(borrow)]
    methods: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct RemoteTypes<'a> {
    #[serde(borrow, default)]
    readable: BTreeMap<Cow<'a, str>, &'a RawValue>,
    #[serde(borrow, default)]
    compact: BTreeMap<Cow<'a, str>, &'a RawValue>,
}

/// The names of a method.
#[derive(Deserialize)]
struct MethodNames<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    aliases: Vec<Cow<'a, str>>,
}

impl<'a> RemoteDescription<'a> {
    /// The maximum length of an answer, in bytes. Longer ones are not read.
    const MAX_LENGTH: usize = 4 << 20;

    /// Reads an answer to `chirp.reflect.describe`. Returns `None` if it is too long, or not a description.
    pub(super) fn decode(answer: &'a [u8]) -> Option<Self> {
        if answer.len() > Self::MAX_LENGTH {
            return None;
        }
        let description: Self = serde_json::from_slice(answer).ok()?;
        (description.version == Description::VERSION).then_some(description)
    }

    /// Compares a description of this side with the methods of the same names. `is_json` says whether this side makes its
    /// calls in JSON.
    pub(super) fn compare(&self, local: &Description, is_json: bool) -> Vec<Mismatch> {
        let methods = local.services.iter().flat_map(|service| &service.methods);
        let Some(remote) = self.methods(methods.map(|method| &*method.name)) else {
            return Vec::new();
        };
        let differences = compare_descriptions(local, &remote).into_iter();
        // Signatures tell whether a method is served. Access rules may hide its description.
        let differences = differences.filter(|difference| {
            !matches!(
                difference.change,
                InterfaceChange::MethodRemoved | InterfaceChange::Deprecated
            )
        });
        differences
            .map(|difference| {
                let impact = if is_json {
                    difference.json
                } else {
                    difference.native
                };
                Mismatch::Part {
                    difference,
                    breaks: impact.old_clients,
                }
            })
            .collect()
    }

    /// Returns the descriptions of the methods that are called by these names. Each has the name by which it is called, and
    /// no other name. Returns `None` if a part of a description cannot be decoded.
    pub(super) fn methods<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Option<Description> {
        // `false` once the method was found. A description may name a method several times.
        let mut wanted: HashMap<&str, bool> = names.into_iter().map(|name| (name, true)).collect();
        let mut description = Description {
            version: Description::VERSION,
            ..Description::default()
        };
        for remote in &self.services {
            let mut methods = Vec::new();
            for text in &remote.methods {
                let found: MethodNames<'_> = serde_json::from_slice(text.get().as_bytes()).ok()?;
                for name in std::iter::once(found.name).chain(found.aliases) {
                    let Some((&name, is_left)) = wanted.get_key_value(&*name) else {
                        continue;
                    };
                    if *is_left {
                        let mut method: MethodDescription =
                            serde_json::from_slice(text.get().as_bytes()).ok()?;
                        name.clone_into(&mut method.name);
                        method.aliases.clear();
                        methods.push(method);
                        wanted.insert(name, false);
                    }
                }
            }
            if !methods.is_empty() {
                let mut service = ServiceDescription::default();
                remote.codec.as_ref().clone_into(&mut service.codec);
                service.ordered = remote.ordered;
                service.methods = methods;
                description.services.push(service);
            }
        }
        description.types = self.types.decode()?;
        Some(description)
    }
}

impl RemoteTypes<'_> {
    fn decode(&self) -> Option<TypeDefinitions> {
        Some(TypeDefinitions {
            readable: definitions(&self.readable)?,
            compact: definitions(&self.compact)?,
        })
    }
}

fn definitions(texts: &BTreeMap<Cow<'_, str>, &RawValue>) -> Option<BTreeMap<String, Definition>> {
    let definitions = texts.iter().map(|(name, text)| {
        let definition = serde_json::from_slice(text.get().as_bytes()).ok()?;
        Some((name.clone().into_owned(), definition))
    });
    definitions.collect()
}
