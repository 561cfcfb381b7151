//! The test of each check CH-T1 to CH-T58 of the Go implementation, or why it cannot fail here. `tests/README.md`
//! describes the checks.

use std::path::Path;

/// A check, a file and a test in that file; or why the check cannot fail here. CH-T is numbered to 41, and from 50.
const CHECKS: &str = "
    CH-T1   tests/rpc/calls.rs                  both_ends_serve_and_call
    CH-T2   tests/rpc/calls.rs                  both_ends_serve_and_call
    CH-T3   tests/rpc/calls.rs                  both_ends_serve_and_call
    CH-T4   tests/rpc/calls.rs                  both_ends_serve_and_call
    CH-T5   impossible: a request has a context, and that a caller; neither is an `Option`
    CH-T5   tests/wire/conformance/callers.rs    a_local_call_stays_here
    CH-T6   tests/wire/conformance/mod.rs       as_a_value
    CH-T6   tests/wire/conformance/mod.rs       over_memory
    CH-T6   tests/rpc/cancel_safety.rs                  calls_dropped_anywhere_leave_nothing
    CH-T7   tests/wire/conformance/callers.rs    a_name_that_is_too_long_is_refused
    CH-T8   tests/rpc/calls.rs                  the_fallback_sees_the_name_that_was_called
    CH-T8   tests/rpc/routes.rs                 handlers_may_be_added_and_removed_at_run_time
    CH-T9   tests/rpc/cancels.rs                a_call_with_an_expired_deadline_is_not_sent
    CH-T9   tests/wire/conformance/callers.rs    a_local_call_without_time_is_not_made
    CH-T10  tests/wire/conformance/callers.rs    a_timeout_is_a_request_a_cancel_and_an_answer
    CH-T11  tests/wire/conformance/callers.rs    a_cancelled_call_delays_no_other
    CH-T12  tests/wire/conformance/callers.rs    a_local_call_stays_here
    CH-T12  impossible: a call gives a result or an error, so no data are returned beside an error
    CH-T13  tests/limits/attacks.rs                broken_bytes_end_the_session_with_the_reason
    CH-T14  tests/limits/attacks.rs                broken_bytes_end_the_session_with_the_reason
    CH-T15  tests/limits/attacks.rs                broken_bytes_end_the_session_with_the_reason
    CH-T16  tests/limits/attacks.rs                broken_bytes_end_the_session_with_the_reason
    CH-T17  tests/limits/attacks.rs                broken_bytes_end_the_session_with_the_reason
    CH-T18  tests/wire/conformance/callers.rs    the_end_interrupts_a_handler
    CH-T19  tests/rpc/packets.rs                packets_arrive_in_order_and_unhandled_types_are_discarded
    CH-T19  tests/rpc/packets.rs                a_packet_handler_may_call_and_send
    CH-T19  tests/rpc/observing.rs              an_observer_is_shown_every_packet
    CH-T20  tests/wire/conformance/mod.rs       over_memory
    CH-T20  chirp-runtime/tests/packet/malformed.rs  a_header_of_another_protocol
    CH-T21  tests/rpc/routes.rs                 handlers_are_given_extensions
    CH-T22  tests/rpc/calls.rs                  both_ends_serve_and_call
    CH-T23  tests/rpc/calls.rs                  many_calls_both_ways_at_once
    CH-T23  tests/transport/pipes.rs                  both_ends_serve_and_call_at_once
    CH-T24  tests/limits/attacks.rs                a_duplicate_id_is_answered_twice_and_interrupts
    CH-T25  tests/transport/endpoints.rs              a_bare_address_is_a_port_or_a_path
    CH-T26  chirp-runtime/tests/packet/malformed.rs    invalid_error_data
    CH-T26  chirp-runtime/tests/packet/round_trips.rs  the_empty_error_is_no_bytes
    CH-T27  impossible: a `Peer` exists only once it has been started on a channel
    CH-T28  tests/rpc/routes.rs                 a_builder_is_copied_into_its_peers
    CH-T28  tests/wire/conformance/callers.rs    a_copy_shares_observers_and_packet_handlers
    CH-T29  tests/rpc/handlers.rs               a_panic_fails_only_its_own_call
    CH-T30  tests/rpc/packets.rs                a_packet_handler_that_fails_ends_the_session
    CH-T31  tests/rpc/observing.rs              metrics_count_what_happened
    CH-T32  tests/wire/conformance/connections.rs  a_handler_sees_where_its_caller_is
    CH-T33  tests/rpc/packets.rs                reserved_types_are_refused
    CH-T34  tests/wire/conformance/connections.rs  channels_carry_bytes_and_end
    CH-T35  tests/wire/conformance/connections.rs  sockets_have_addresses
    CH-T36  tests/wire/conformance/connections.rs  a_listener_outlives_what_it_accepts
    CH-T37  tests/wire/conformance/connections.rs  ten_clients_are_served
    CH-T37  tests/server/serving.rs                 shutdown_waits_for_handlers_within_its_timeout
    CH-T37  tests/server/serving.rs                 a_dropped_server_ends_its_connections
    CH-T38  tests/wire/conformance/connections.rs  ten_clients_are_served
    CH-T39  impossible: there is no Vint30 here, and no packet contains one: values are the codec's
    CH-T40  impossible: there are no builder and scanner here: `#[chirp::service]` writes both ends
    CH-T41  tests/wire/conformance/connections.rs  a_server_starts_again
    CH-T50  tests/server/connection_lifecycle.rs                   a_nested_call_fails_when_the_connection_is_lost
    CH-T51  tests/server/connection_lifecycle.rs                   a_nested_call_fails_when_the_connection_is_lost
    CH-T52  tests/limits/overload.rs                 unknown_methods_both_ways_are_all_answered
    CH-T53  tests/limits/attacks.rs                broken_bytes_end_the_session_with_the_reason
    CH-T54  tests/rpc/cancels.rs                a_timeout_interrupts_the_callee
    CH-T55  chirp-runtime/tests/packet/memory.rs  a_header_that_claims_two_gibibytes
    CH-T56  tests/wire/conformance/connections.rs  a_silent_channel_is_closed
    CH-T56  tests/transport/pipes.rs                  closing_releases_both_pipes_although_others_hold_their_ends
    CH-T57  tests/server/connection_lifecycle.rs                   a_handler_may_end_its_own_connection
    CH-T58  tests/rpc/packets.rs                a_packet_handler_may_call_and_send
";

#[test]
fn each_check_is_where_it_is_said_to_be() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for line in CHECKS.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [check, "impossible:", _, ..] => found.push(check),
            [check, file, test] => {
                let source = std::fs::read_to_string(root.join(file)).expect("a file");
                assert!(source.contains(&format!("fn {test}(")), "{line}");
                found.push(check);
            }
            _ => panic!("{line}"),
        }
    }
    for number in (1..=41).chain(50..=58) {
        let check = format!("CH-T{number}");
        assert!(found.contains(&&*check), "{check} is nowhere");
    }
}
