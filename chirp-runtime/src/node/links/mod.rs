//! The links to one other node.

#[cfg(test)]
mod schedules;

/// The number of a connection, unique within a node.
pub(super) type LinkId = u64;

/// Links to one node that are kept at once, links that are being closed included. Beyond, the worst is cut: a node that
/// follows the protocol has two for a moment.
const MAX_LINKS: usize = 8;

/// Offers of other processes that wait for the end of a probe at once. More are refused.
const MAX_WAITING: usize = 8;

/// The preference among the links to one process. Both sides compute the same: the higher is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// The node with the smaller name dialled.
    dialled_by_smaller: bool,
    /// The dialler's number of the attempt.
    sequence: u64,
}

impl Rank {
    pub(super) fn new(dialler: &str, accepter: &str, sequence: u64) -> Self {
        Self {
            dialled_by_smaller: dialler < accepter,
            sequence,
        }
    }
}

/// A connection whose other side asks to join, or has answered this side's join.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) id: LinkId,
    /// The random number of the other node's process.
    pub(super) incarnation: u64,
    pub(super) rank: Rank,
    /// The name of the other node was proven by the channel.
    pub(super) is_proven: bool,
}

/// The reason why an offer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfferError {
    /// Another process of this name is connected and answers.
    NameTaken,
    /// A process that has proven the name is connected.
    Unproven,
    /// Too many processes claim the name at once.
    Busy,
}

/// An effect that the caller applies after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The offer became a link.
    Accept(LinkId),
    /// The offer is refused, and its connection ends.
    Refuse(LinkId, OfferError),
    /// Ask the other side of this link for a sign of life, and report the result to [`Links::probed`].
    Probe(LinkId),
    /// Tell the other side that this one has left the link.
    Leave(LinkId),
    /// Both sides have left the link: it ends as soon as no call uses it.
    Close(LinkId),
    /// The link ends at once: its process is gone, or may not have the name.
    Cut(LinkId),
}

/// The links to one other node, as a state machine without a clock or I/O.
///
/// Only joined links are compared, never this side's pending attempts. A link that is not the best takes no new calls.
/// It is closed when both sides have left it: closing it as soon as one side has decided left a side without any link
/// in about 300 of 1,000 random schedules, since the link that was preferred may never be joined at the other side.
///
/// An offer of another process under the same name waits until the present one has been probed.
#[derive(Debug, Default)]
pub(super) struct Links {
    joined: Vec<Link>,
    waiting: Vec<Offer>,
    probing: Option<LinkId>,
    current: Option<LinkId>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    offer: Offer,
    left_here: bool,
    left_there: bool,
    is_closing: bool,
}

impl Links {
    /// The link for new calls.
    pub(super) fn current(&self) -> Option<LinkId> {
        self.current
    }

    /// The number of links, without offers that wait.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.joined.len()
    }

    /// Returns the process that the links lead to.
    pub(super) fn incarnation(&self) -> Option<u64> {
        Some(self.joined.first()?.offer.incarnation)
    }

    /// Decides on a connection that has joined, now or after a probe.
    pub(super) fn offer(&mut self, offer: Offer) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.admit(offer, &mut effects);
        self.reconcile(&mut effects);
        effects
    }

    /// Ends all links, since one of the two programs has disconnected the nodes. Offers of other processes are decided.
    pub(super) fn disconnected(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.joined.clear();
        self.probing = None;
        self.reconcile(&mut effects);
        effects
    }

    /// Forgets an offer that is decided without the links.
    pub(super) fn withdraw(&mut self, id: LinkId) {
        self.waiting.retain(|offer| offer.id != id);
    }

    /// Returns whether a connection is a link, in contrast to an offer and a connection that has been given up.
    pub(super) fn is_link(&self, id: LinkId) -> bool {
        self.joined.iter().any(|link| link.offer.id == id)
    }

    /// The other side has left a link.
    pub(super) fn left_there(&mut self, id: LinkId) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(link) = self.joined.iter_mut().find(|link| link.offer.id == id) {
            link.left_there = true;
        }
        self.reconcile(&mut effects);
        effects
    }

    /// A connection has ended, whether it was a link or an offer.
    pub(super) fn ended(&mut self, id: LinkId) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.joined.retain(|link| link.offer.id != id);
        self.waiting.retain(|offer| offer.id != id);
        if self.probing == Some(id) {
            self.probing = None;
        }
        self.reconcile(&mut effects);
        effects
    }

    /// A probe has ended: the link's other side has answered, or has not in time.
    pub(super) fn probed(&mut self, id: LinkId, is_alive: bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.probing != Some(id) {
            return effects;
        }
        self.probing = None;
        if is_alive {
            let incarnation = self.incarnation();
            self.waiting.retain(|offer| {
                let is_same = incarnation == Some(offer.incarnation);
                if !is_same {
                    effects.push(Effect::Refuse(offer.id, OfferError::NameTaken));
                }
                is_same
            });
        } else {
            self.joined.retain(|link| link.offer.id != id);
            effects.push(Effect::Cut(id));
        }
        self.reconcile(&mut effects);
        effects
    }

    /// Decides anew on the offers that wait, unless the end of a probe will.
    fn admit_waiting(&mut self, effects: &mut Vec<Effect>) {
        // Each turn accepts or refuses an offer, or begins a probe.
        while self.probing.is_none() && !self.waiting.is_empty() {
            for offer in std::mem::take(&mut self.waiting) {
                self.admit(offer, effects);
            }
        }
    }

    fn admit(&mut self, offer: Offer, effects: &mut Vec<Effect>) {
        if offer.is_proven {
            // Whoever has proven the name displaces whoever has not.
            self.cut(|link| !link.offer.is_proven, effects);
        } else if self.joined.iter().any(|link| link.offer.is_proven) {
            return effects.push(Effect::Refuse(offer.id, OfferError::Unproven));
        }
        if self
            .incarnation()
            .is_some_and(|known| known != offer.incarnation)
        {
            if self.waiting.len() >= MAX_WAITING {
                return effects.push(Effect::Refuse(offer.id, OfferError::Busy));
            }
            self.waiting.push(offer);
            if self.probing.is_none() {
                self.probing = self.best(|_| true);
                effects.extend(self.probing.map(Effect::Probe));
            }
            return;
        }
        self.joined.push(Link {
            offer,
            left_here: false,
            left_there: false,
            is_closing: false,
        });
        effects.push(Effect::Accept(offer.id));
        if self.joined.len() > MAX_LINKS {
            let worst = self.joined.iter().map(Link::order).min();
            self.cut(|link| Some(link.order()) == worst, effects);
        }
    }

    fn cut(&mut self, is_cut: impl Fn(&Link) -> bool, effects: &mut Vec<Effect>) {
        self.joined.retain(|link| {
            let cut = is_cut(link);
            if cut {
                effects.push(Effect::Cut(link.offer.id));
            }
            !cut
        });
        self.probing = self.probing.filter(|id| self.is_link(*id));
    }

    fn best(&self, may: impl Fn(&Link) -> bool) -> Option<LinkId> {
        let links = self.joined.iter().filter(|link| may(link));
        let best = links.max_by_key(|link| link.order())?;
        Some(best.offer.id)
    }

    /// Decides on offers that wait for no probe any more, chooses the best link, leaves the others, and closes those that
    /// both sides have left.
    fn reconcile(&mut self, effects: &mut Vec<Effect>) {
        self.admit_waiting(effects);
        self.current = self.best(|link| !link.is_closing);
        for link in &mut self.joined {
            let id = link.offer.id;
            if self.current == Some(id) {
                // A link that was left is used again if the better one has ended.
                link.left_here = false;
                continue;
            }
            if !link.left_here {
                link.left_here = true;
                effects.push(Effect::Leave(id));
            }
            if link.left_there && !link.is_closing {
                link.is_closing = true;
                effects.push(Effect::Close(id));
            }
        }
    }
}

impl Link {
    /// The order of preference. Links of one rank come from a node that breaks the protocol; the number of the connection
    /// makes their order total.
    fn order(&self) -> (Rank, LinkId) {
        (self.offer.rank, self.offer.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(id: LinkId, incarnation: u64, rank: Rank) -> Offer {
        Offer {
            id,
            incarnation,
            rank,
            is_proven: false,
        }
    }

    fn smaller(sequence: u64) -> Rank {
        Rank::new("a", "b", sequence)
    }

    fn larger(sequence: u64) -> Rank {
        Rank::new("b", "a", sequence)
    }

    #[test]
    fn the_link_that_the_smaller_name_dialled_is_kept() {
        let mut links = Links::default();
        assert_eq!(links.offer(offer(1, 7, larger(9))), [Effect::Accept(1)]);
        assert_eq!(
            links.offer(offer(2, 7, smaller(1))),
            [Effect::Accept(2), Effect::Leave(1)]
        );
        assert_eq!(links.current(), Some(2));
        // The loser ends only when the other side has left it too.
        assert_eq!(links.left_there(1), [Effect::Close(1)]);
        assert_eq!(links.ended(1), []);
        assert_eq!(links.len(), 1);
    }

    #[test]
    fn the_later_of_two_attempts_is_kept() {
        let mut links = Links::default();
        links.offer(offer(1, 7, smaller(2)));
        let effects = links.offer(offer(2, 7, smaller(1)));
        assert_eq!(effects, [Effect::Accept(2), Effect::Leave(2)]);
        assert_eq!(links.current(), Some(1));
    }

    #[test]
    fn a_link_that_was_left_is_used_again_if_the_better_one_ends() {
        let mut links = Links::default();
        links.offer(offer(1, 7, smaller(1)));
        links.offer(offer(2, 7, smaller(2)));
        assert_eq!(links.ended(2), []);
        assert_eq!(links.current(), Some(1));
        assert_eq!(links.left_there(1), []);
        assert_eq!(links.current(), Some(1));
    }

    #[test]
    fn another_process_waits_for_a_probe_of_the_first() {
        let mut links = Links::default();
        links.offer(offer(1, 7, smaller(1)));
        assert_eq!(links.offer(offer(2, 8, smaller(1))), [Effect::Probe(1)]);
        // One probe at a time.
        assert_eq!(links.offer(offer(3, 8, smaller(2))), []);
        assert_eq!(links.current(), Some(1));
        assert_eq!(
            links.probed(1, false),
            [
                Effect::Cut(1),
                Effect::Accept(2),
                Effect::Accept(3),
                Effect::Leave(2)
            ]
        );
        assert_eq!(links.offer(offer(4, 9, smaller(1))), [Effect::Probe(3)]);
        assert_eq!(
            links.probed(3, true),
            [Effect::Refuse(4, OfferError::NameTaken)]
        );
        assert_eq!(links.current(), Some(3));
    }

    #[test]
    fn an_offer_that_ends_during_a_probe_is_forgotten() {
        let mut links = Links::default();
        links.offer(offer(1, 7, smaller(1)));
        links.offer(offer(2, 8, smaller(1)));
        assert_eq!(links.ended(2), []);
        assert_eq!(links.probed(1, true), []);
        links.offer(offer(3, 8, smaller(1)));
        // The end of the probed link is as good as a probe.
        assert_eq!(links.ended(1), [Effect::Accept(3)]);
    }

    #[test]
    fn a_proven_name_displaces_an_unproven_link_without_a_probe() {
        let mut links = Links::default();
        links.offer(offer(1, 7, smaller(1)));
        let proven = |id, incarnation| Offer {
            is_proven: true,
            ..offer(id, incarnation, smaller(1))
        };
        assert_eq!(
            links.offer(proven(2, 8)),
            [Effect::Cut(1), Effect::Accept(2)]
        );
        assert_eq!(
            links.offer(offer(3, 8, smaller(2))),
            [Effect::Refuse(3, OfferError::Unproven)]
        );
        assert_eq!(links.offer(proven(4, 9)), [Effect::Probe(2)]);
    }

    #[test]
    fn an_offer_is_decided_if_the_probed_link_is_displaced() {
        let mut links = Links::default();
        links.offer(offer(1, 7, smaller(1)));
        assert_eq!(links.offer(offer(2, 8, smaller(1))), [Effect::Probe(1)]);
        let proven = Offer {
            is_proven: true,
            ..offer(3, 9, smaller(1))
        };
        assert_eq!(
            links.offer(proven),
            [
                Effect::Cut(1),
                Effect::Accept(3),
                Effect::Refuse(2, OfferError::Unproven)
            ]
        );
        // Too many better links displace the one that is probed.
        let mut links = Links::default();
        links.offer(offer(1, 7, smaller(1)));
        links.offer(offer(2, 8, smaller(1)));
        for id in 3..12 {
            links.offer(offer(id, 7, smaller(id)));
        }
        assert!(links.probing.is_some_and(|id| links.is_link(id)));
        assert_eq!(links.waiting.len(), 1);
    }

    #[test]
    fn an_offer_is_decided_if_the_present_process_disconnects() {
        let mut links = Links::default();
        links.offer(offer(1, 7, smaller(1)));
        links.offer(offer(2, 8, smaller(1)));
        assert_eq!(links.disconnected(), [Effect::Accept(2)]);
        assert_eq!(links.current(), Some(2));
    }

    #[test]
    fn links_of_one_rank_and_offers_do_not_accumulate() {
        let mut links = Links::default();
        let mut cut = 0;
        for id in 0..100 {
            let effects = links.offer(offer(id, 7, smaller(1)));
            assert_eq!(links.current(), Some(id));
            let is_cut = |effect: &&Effect| matches!(effect, Effect::Cut(_));
            cut += effects.iter().filter(is_cut).count();
        }
        assert_eq!(links.len(), MAX_LINKS);
        assert_eq!(cut, 100 - MAX_LINKS);
        for id in 100..200 {
            links.offer(offer(id, 8, smaller(1)));
        }
        assert_eq!(links.waiting.len(), MAX_WAITING);
    }
}
