/// How a [`BalancedPeer`](super::BalancedPeer) chooses the connection of a call. Only addresses that are connected and
/// take calls are considered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BalancePolicy {
    /// The first connected address, in the order given. The others are standbys: they are connected, and get calls only
    /// while every address before them is not. Calls return to an earlier address as soon as it is connected again.
    PickFirst,
    /// One address after the other.
    RoundRobin,
    /// The address with the fewest calls in progress, counting the calls of this client; a call whose result is a stream
    /// is in progress until the stream ends. With more than eight connected addresses, the better of two random ones.
    #[default]
    LeastPending,
}
