//! Where each behavioural check of the original, CH-T1 to CH-T58, is tested, or why it need not be.

use std::path::Path;

/// A check, a file and a test in it; or why it cannot fail here. There are no CH-T42 to CH-T49.
const CHECKS: &str = "
    CH-T1   tests/calls.rs                  both_ends_serve_and_call
    CH-T2   tests/calls.rs                  both_ends_serve_and_call
    CH-T3   tests/calls.rs                  both_ends_serve_and_call
    CH-T4   tests/calls.rs                  both_ends_serve_and_call
    CH-T5   impossible: a request has a context, and that a caller; neither is an `Option`
    CH-T5   tests/conformance/callers.rs    a_local_call_stays_here
    CH-T6   tests/conformance/main.rs       as_a_value
    CH-T6   tests/conformance/main.rs       over_memory
    CH-T6   tests/cancel_safety.rs                  calls_dropped_anywhere_leave_nothing
    CH-T7   tests/conformance/callers.rs    a_name_that_is_too_long_is_refused
    CH-T8   tests/calls.rs                  the_fallback_sees_the_name_that_was_called
    CH-T8   tests/routes.rs                 handlers_come_and_go_while_the_peer_runs
    CH-T9   tests/cancels.rs                a_call_without_time_is_not_sent
    CH-T9   tests/conformance/callers.rs    a_local_call_without_time_is_not_made
    CH-T10  tests/conformance/callers.rs    a_timeout_is_a_request_a_cancel_and_an_answer
    CH-T11  tests/conformance/callers.rs    a_call_given_up_holds_up_nobody
    CH-T12  tests/conformance/callers.rs    a_local_call_stays_here
    CH-T12  impossible: a call gives a result or an error, so no data are returned beside an error
    CH-T13  tests/attacks.rs                broken_bytes_end_the_session_with_the_reason
    CH-T14  tests/attacks.rs                broken_bytes_end_the_session_with_the_reason
    CH-T15  tests/attacks.rs                broken_bytes_end_the_session_with_the_reason
    CH-T16  tests/attacks.rs                broken_bytes_end_the_session_with_the_reason
    CH-T17  tests/attacks.rs                broken_bytes_end_the_session_with_the_reason
    CH-T18  tests/conformance/callers.rs    the_end_interrupts_a_handler
    CH-T19  tests/packets.rs                packets_arrive_in_order_and_unhandled_types_are_discarded
    CH-T19  tests/packets.rs                a_packet_handler_may_call_and_send
    CH-T19  tests/observing.rs              an_observer_is_shown_every_packet
    CH-T20  tests/conformance/main.rs       over_memory
    CH-T20  chirp-runtime/tests/packet/malformed.rs  a_header_of_another_protocol
    CH-T21  tests/routes.rs                 handlers_are_given_values
    CH-T22  tests/calls.rs                  both_ends_serve_and_call
    CH-T23  tests/calls.rs                  many_calls_both_ways_at_once
    CH-T23  tests/pipes.rs                  both_ends_serve_and_call_at_once
    CH-T24  tests/attacks.rs                a_duplicate_id_is_answered_twice_and_interrupts
    CH-T25  tests/endpoints.rs              a_bare_address_is_a_port_or_a_path
    CH-T26  chirp-runtime/tests/packet/malformed.rs    invalid_error_data
    CH-T26  chirp-runtime/tests/packet/round_trips.rs  the_empty_error_is_no_bytes
    CH-T27  impossible: a `Peer` exists only once it has been started on a channel
    CH-T28  tests/routes.rs                 a_builder_is_copied_into_its_peers
    CH-T28  tests/conformance/callers.rs    a_copy_shares_observers_and_packet_handlers
    CH-T29  tests/handlers.rs               a_panic_is_its_callers_fault_and_nobody_elses
    CH-T30  tests/packets.rs                a_packet_handler_that_fails_ends_the_session
    CH-T31  tests/observing.rs              metrics_count_what_happened
    CH-T32  tests/conformance/connections.rs  a_handler_sees_where_its_caller_is
    CH-T33  tests/packets.rs                reserved_types_are_refused
    CH-T34  tests/conformance/connections.rs  channels_carry_and_end
    CH-T35  tests/conformance/connections.rs  sockets_have_addresses
    CH-T36  tests/conformance/connections.rs  a_listener_outlives_what_it_accepts
    CH-T37  tests/conformance/connections.rs  ten_clients_are_served
    CH-T37  tests/server.rs                 the_end_waits_for_handlers_within_bounds
    CH-T37  tests/server.rs                 a_server_that_is_dropped_ends_everything
    CH-T38  tests/conformance/connections.rs  ten_clients_are_served
    CH-T39  impossible: there is no Vint30 here, and no packet contains one: values are the codec's
    CH-T40  impossible: there are no builder and scanner here: `#[chirp::service]` writes both ends
    CH-T41  tests/conformance/connections.rs  a_server_starts_again
    CH-T50  tests/connection_lifecycle.rs                   a_nested_call_fails_when_the_link_dies
    CH-T51  tests/connection_lifecycle.rs                   a_nested_call_fails_when_the_link_dies
    CH-T52  tests/overload.rs                 unknown_methods_both_ways_are_all_answered
    CH-T53  tests/attacks.rs                broken_bytes_end_the_session_with_the_reason
    CH-T54  tests/cancels.rs                a_timeout_interrupts_the_callee
    CH-T55  chirp-runtime/tests/packet/memory.rs  a_header_that_claims_two_gibibytes
    CH-T56  tests/conformance/connections.rs  a_silent_channel_is_closed
    CH-T56  tests/pipes.rs                  closing_lets_go_of_both_pipes_whoever_holds_their_ends
    CH-T57  tests/connection_lifecycle.rs                   a_handler_may_end_its_own_connection
    CH-T58  tests/packets.rs                a_packet_handler_may_call_and_send
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
