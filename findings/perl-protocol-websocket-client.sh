#!/usr/bin/env bash
# Perl's Protocol::WebSocket 0.26, the client: pings and closes are given to the reader as messages and are not answered, a message
# "0" or an empty one is lost and holds up those behind it, the frame that disconnects is not masked, so that servers refuse it, and
# a message of more than 64 KiB is an exception in both directions.
# Guess: control frames are answered; every message arrives; frames of a client are masked; no limit that low by default.
source "$(dirname "$(realpath "$0")")/lib.sh"
deb_install libprotocol-websocket-perl=0.26-3
export PERL5LIB=$work/root/usr/share/perl5

cat >run.pl <<'PERL'
use strict;
use warnings;
use Protocol::WebSocket::Client;
use Protocol::WebSocket::Frame;
use Protocol::WebSocket::Handshake::Server;

sub frame { Protocol::WebSocket::Frame->new(max_payload_size => 0, @_)->to_bytes }

sub run {
    my ($name, $input, $then) = @_;
    my (@read, $written);
    my $client = Protocol::WebSocket::Client->new(url => 'ws://127.0.0.1/');
    $client->on(write => sub { $written .= $_[1] });
    $client->on(read => sub { push @read, q(") . $_[1] =~ s{[^ -~]}{?}gr . q(") });
    $client->connect;
    my $server = Protocol::WebSocket::Handshake::Server->new;
    $server->parse($written);
    $client->read($server->to_string);
    $written = '';
    my $error = eval { $client->read($input); $then->($client) if $then; 1 } ? '' : ', exception: ' . substr $@, 0, 18;
    $error .= ', writes ' . unpack 'H*', $written if length $written;
    print "$name: reads (", join(', ', @read), ")$error\n";
}

run('text', frame(buffer => 'a'));
run('ping', frame(type => 'ping', buffer => 'b'));
run('close', frame(type => 'close', buffer => "\x03\xe9"));
run('"a", "0", "b"', frame(buffer => 'a') . frame(buffer => '0') . frame(buffer => 'b'));
run('"a", "", "b"', frame(buffer => 'a') . frame(buffer => '') . frame(buffer => 'b'));
run('65,537 bytes', frame(buffer => 'x' x 65537));
run('disconnect', '', sub { $_[0]->disconnect });
PERL
perl run.pl | expect 'text: reads ("a")
ping: reads ("b")
close: reads ("??")
"a", "0", "b": reads ("a")
"a", "", "b": reads ("a")
65,537 bytes: reads (), exception: Payload is too big
disconnect: reads (), writes 8800'
