use std::collections::{HashMap, HashSet};

use super::Shape;
use super::node::{Kind, Known, Node, Place, REQUIRED, Slot, TAG, UNKNOWN};

/// The maximum number of types, options, sequences and so on.
pub(super) const MAX_NODES: usize = 4_096;

/// The maximum number of slots of a node, such as elements of an array. The others are `any`.
pub(super) const MAX_SLOTS: usize = 1_024;

/// The maximum depth of a made-up value.
const MAX_DEPTH: usize = 64;

/// Everything that is known about the traced types.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) nodes: Vec<Node>,
    ids: HashMap<String, usize>,
    /// The nodes that are explored now, outermost first.
    path: Vec<usize>,
    depth: usize,
    /// The place that was explored last.
    last: Option<Place>,
    has_progressed: bool,
    /// Which made-up value is offered next at a place.
    choices: HashMap<Place, usize>,
    exhausted: HashSet<Place>,
    /// The part of a tagged enum that the result of the type tells about.
    pub(super) pending: Option<Pending>,
}

/// A part of a tagged enum whose fields serde reads from a buffer of its own. Only the result shows what they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) place: Place,
    /// Whether the enum's own deserializer has not returned yet.
    pub(super) is_inside: bool,
}

impl Trace {
    pub(super) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            ids: HashMap::new(),
            path: Vec::new(),
            depth: 0,
            last: None,
            has_progressed: false,
            choices: HashMap::new(),
            exhausted: HashSet::new(),
            pending: None,
        }
    }

    /// Adds a node with one slot, for a type that is to be traced.
    pub(super) fn add_root(&mut self) -> usize {
        self.nodes
            .push(Node::new(Kind::Newtype, String::new(), &[], 1));
        self.nodes.len() - 1
    }

    /// Prepares an attempt.
    pub(super) fn begin(&mut self, root: usize) {
        self.path.clear();
        self.depth = 0;
        self.last = Some((root, 0));
        self.has_progressed = false;
        self.pending = None;
    }

    /// Ends an attempt. If nothing was learned, the place that was explored last is given up.
    pub(super) fn end(&mut self) {
        if !self.has_progressed
            && let Some(place) = self.last
        {
            self.give_up(place);
        }
    }

    pub(super) fn give_up(&mut self, (id, slot): Place) {
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        if slot == REQUIRED {
            node.knows_required = true;
            node.required_is_unsure = true;
        } else if slot == UNKNOWN {
            node.is_strict = Some(false);
        } else if slot == TAG {
            node.knows_variants = true;
        } else if let Some(slot) = node.slots.get_mut(slot) {
            slot.is_done = true;
            if let Known::Nothing = slot.known {
                slot.known = Known::Leaf(Shape::Any);
            }
        }
        self.has_progressed = true;
    }

    /// Gives up all slots behind one that no value can be made up for.
    pub(super) fn give_up_behind(&mut self, (id, slot): Place) {
        let end = self.nodes.get(id).map_or(0, |node| node.slots.len());
        for behind in slot + 1..end {
            self.give_up((id, behind));
        }
    }

    pub(super) fn slot(&mut self, (id, slot): Place) -> Option<&mut Slot> {
        self.nodes.get_mut(id)?.slots.get_mut(slot)
    }

    pub(super) fn note_leaf(&mut self, place: Place, shape: Shape) {
        if let Some(slot) = self.slot(place) {
            slot.known = Known::Leaf(shape);
            slot.is_done = true;
        }
        self.has_progressed = true;
    }

    pub(super) fn note_alias(&mut self, place: Place, of: usize, is_variant: bool) {
        if let Some(slot) = self.slot(place) {
            slot.known = Known::AliasOf(of);
            // It is explored once more, to find out by which name the field is written.
            slot.is_done = is_variant;
        }
        self.has_progressed = true;
    }

    /// The earlier slot that a slot is another name of, if that is known.
    pub(super) fn alias_of(&self, (id, slot): Place) -> Option<usize> {
        match self.nodes.get(id)?.slots.get(slot)?.known {
            Known::AliasOf(earlier) => Some(earlier),
            _ => None,
        }
    }

    /// Notes the name by which a field with aliases is written.
    pub(super) fn note_main(&mut self, id: usize, name: &'static str) {
        if let Some(node) = self.nodes.get_mut(id)
            && let Some(slot) = node.slots.iter_mut().find(|slot| slot.name == name)
        {
            slot.is_main = true;
        }
    }

    pub(super) fn note_strict(&mut self, id: usize, is_strict: bool) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.is_strict = Some(is_strict);
        }
        self.has_progressed = true;
    }

    /// Finds the node of a type, or adds `node` for it. Returns `None` beyond the limit.
    pub(super) fn node(&mut self, key: String, node: Node) -> Option<usize> {
        if let Some(id) = self.ids.get(&key) {
            return Some(*id);
        }
        if self.nodes.len() >= MAX_NODES {
            return None;
        }
        self.nodes.push(node);
        let id = self.nodes.len() - 1;
        self.ids.insert(key, id);
        Some(id)
    }

    /// Notes that the value at `place` is that of a node, and returns the slot of it to explore, if there is one.
    pub(super) fn enter(&mut self, place: Place, id: usize) -> Option<usize> {
        let is_on_path = self.path.contains(&id);
        let next = self.nodes.get(id).and_then(Node::next);
        let is_done = is_on_path || next.is_none();
        if let Some(node) = self.nodes.get_mut(id)
            && is_on_path
        {
            node.is_recursive = true;
        }
        let slot = self.slot(place)?;
        if !matches!(slot.known, Known::Node(known) if known == id) || is_done {
            slot.known = Known::Node(id);
            slot.is_done = is_done;
            self.has_progressed = true;
        }
        if is_done {
            return None;
        }
        self.path.push(id);
        self.explore((id, next?));
        next
    }

    /// Notes that exploring a node has ended, and whether the node is complete.
    pub(super) fn leave(&mut self, place: Place, id: usize) {
        self.path.pop();
        if self.nodes.get(id).is_some_and(|node| node.next().is_none())
            && let Some(slot) = self.slot(place)
        {
            slot.is_done = true;
            self.has_progressed = true;
        }
    }

    /// Notes that nothing more is to be found at a place.
    pub(super) fn finish(&mut self, place: Place) {
        if let Some(slot) = self.slot(place) {
            slot.is_done = true;
        }
        self.has_progressed = true;
    }

    /// Notes the shape of a field that was offered in another type, until it is known whether the field may be none.
    pub(super) fn note_offered(&mut self, place: Place, shape: Shape) {
        if let Some(slot) = self.slot(place) {
            slot.known = Known::Leaf(shape);
        }
        self.has_progressed = true;
    }

    pub(super) fn explore(&mut self, place: Place) {
        self.last = Some(place);
    }

    /// Goes one level deeper. Returns `false` at the limit.
    pub(super) fn descend(&mut self) -> bool {
        let is_within = self.depth < MAX_DEPTH;
        self.depth += usize::from(is_within);
        is_within
    }

    pub(super) fn ascend(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// The choice at a place, or `None` if all `count` choices have been tried.
    pub(super) fn choice(&mut self, place: Place, count: usize) -> Option<usize> {
        let choice = self.choices.get(&place).copied().unwrap_or(0);
        if choice < count {
            return Some(choice);
        }
        self.exhausted.insert(place);
        None
    }

    /// Makes the next attempt use the next choice. Returns `false` if there is none.
    pub(super) fn choose_next(&mut self, place: Place) -> bool {
        if self.exhausted.contains(&place) {
            return false;
        }
        *self.choices.entry(place).or_default() += 1;
        self.has_progressed = true;
        true
    }

    /// Notes which field or variant a name stands for. Returns an earlier slot with the same one.
    pub(super) fn note_group(&mut self, (id, slot): Place, group: u64) -> Option<usize> {
        let node = self.nodes.get_mut(id)?;
        node.slots.get_mut(slot)?.group = Some(group);
        let earlier = node.slots.iter().take(slot);
        earlier
            .enumerate()
            .find(|(_, earlier)| earlier.group == Some(group))
            .map(|(at, _)| at)
    }

    /// Notes that a field is required.
    pub(super) fn note_required(&mut self, id: usize, name: &'static str) {
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        let is_full = node.kind != Kind::OpenStruct || node.slots.len() >= MAX_SLOTS;
        match node.slots.iter_mut().find(|slot| slot.name == name) {
            Some(slot) if slot.is_required => return,
            Some(slot) => slot.is_required = true,
            None if !is_full => {
                let mut slot = Slot::new(name);
                slot.is_required = true;
                node.slots.push(slot);
            }
            None => return,
        }
        self.has_progressed = true;
    }

    pub(super) fn knows_required(&mut self, id: usize) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.knows_required = true;
        }
        self.has_progressed = true;
    }

    /// Turns a map into a struct whose fields are not listed.
    pub(super) fn open(&mut self, id: usize) {
        if let Some(node) = self.nodes.get_mut(id)
            && node.kind == Kind::Map
        {
            node.kind = Kind::OpenStruct;
            node.slots.clear();
            node.knows_required = false;
            node.is_strict = Some(false);
            self.has_progressed = true;
        }
    }

    /// Turns a struct into an enum whose variants are named by its first field.
    pub(super) fn tag(&mut self, id: usize) {
        if let Some(node) = self.nodes.get_mut(id)
            && let [tag, content] = node.slots[..]
                .iter()
                .map(|slot| slot.name)
                .collect::<Vec<_>>()[..]
        {
            node.kind = Kind::Adjacent;
            (node.tag, node.content) = (tag, content);
            node.slots.clear();
            node.knows_variants = false;
            node.knows_required = true;
            node.is_strict = Some(false);
            self.has_progressed = true;
        }
    }

    /// Notes the name of the field that names the variant.
    pub(super) fn note_tag(&mut self, id: usize, tag: &'static str) {
        if let Some(node) = self.nodes.get_mut(id)
            && node.tag.is_empty()
            && !tag.is_empty()
        {
            node.tag = tag;
            self.has_progressed = true;
        }
    }

    /// Notes the variants of a tagged enum.
    pub(super) fn note_variants(&mut self, id: usize, variants: &[&'static str]) {
        if let Some(node) = self.nodes.get_mut(id)
            && !node.knows_variants
        {
            let names = variants.iter().take(MAX_SLOTS);
            node.slots = names.map(|name| Slot::new(name)).collect();
            node.knows_variants = true;
            self.has_progressed = true;
        }
    }

    /// The names of the fields for the variant and its content, if the node is a tagged enum.
    pub(super) fn tags(&self, id: usize) -> Option<(&'static str, &'static str)> {
        let node = self.nodes.get(id);
        let node = node.filter(|node| matches!(node.kind, Kind::Tagged | Kind::Adjacent));
        node.map(|node| (node.tag, node.content))
    }

    /// The variant to make up: one without content, or the first.
    pub(super) fn simplest_variant(&self, id: usize) -> usize {
        let slots = self.nodes.get(id).map_or(&[][..], |node| &node.slots);
        let is_unit = |slot: &Slot| match slot.known {
            Known::Node(inner) => self.nodes[inner].kind == Kind::UnitStruct,
            _ => false,
        };
        slots.iter().position(is_unit).unwrap_or(0)
    }

    /// Notes that all fields of a struct are known. Whether others are refused is found next.
    pub(super) fn close(&mut self, id: usize) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.kind = Kind::Struct;
            self.has_progressed = true;
        }
    }

    /// Notes how many fields a struct has, from the text of an error about their number. If they are known, nothing else
    /// is to be found.
    pub(super) fn note_count(&mut self, id: usize, text: &str) {
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        self.has_progressed = true;
        if text.ends_with(" in sequence") && node.slots.is_empty() {
            *node = Node::new(Kind::UnitStruct, String::new(), &[], 0);
            return;
        }
        let words = text.strip_suffix('s').unwrap_or(text);
        let count = words.strip_suffix(" element");
        let count = count.and_then(|text| text.rsplit_once(" with "));
        if count.is_some_and(|(_, count)| count.parse() == Ok(node.slots.len())) {
            self.close(id);
        } else {
            self.note_strict(id, false);
        }
    }

    /// The node for the fields of a variant of a tagged enum, and the part of them to explore.
    pub(super) fn enter_variant(&mut self, place: Place) -> Option<Place> {
        let (id, slot) = place;
        let inner = self.node(format!("variant {id} {slot}"), Node::unlisted())?;
        let next = self.nodes[inner].next();
        let slot = self.slot(place)?;
        slot.known = Known::Node(inner);
        slot.is_done = next.is_none();
        self.has_progressed |= next.is_none();
        let place = (inner, next?);
        self.explore(place);
        self.pending = Some(Pending {
            place,
            is_inside: true,
        });
        Some(place)
    }

    pub(super) fn node_at(&self, id: usize) -> Option<&Node> {
        self.nodes.get(id)
    }

    pub(super) fn is_open(&self, id: usize) -> bool {
        let node = self.nodes.get(id);
        node.is_some_and(|node| node.kind == Kind::OpenStruct)
    }

    /// The slots of the required fields, or of all that may be, to make up a value.
    pub(super) fn required(&self, id: usize, is_made_up: bool) -> Vec<usize> {
        let Some(node) = self.nodes.get(id) else {
            return Vec::new();
        };
        let is_unsure = is_made_up && (node.required_is_unsure || !node.knows_required);
        let slots = node.slots.iter().enumerate();
        let needed =
            |slot: &Slot| slot.is_required || is_unsure && !matches!(slot.known, Known::AliasOf(_));
        slots
            .filter(|(_, slot)| needed(slot))
            .map(|(at, _)| at)
            .collect()
    }

    pub(super) fn name_of(&self, (id, slot): Place) -> &'static str {
        let slot = self.nodes.get(id).and_then(|node| node.slots.get(slot));
        slot.map_or("", |slot| slot.name)
    }
}
