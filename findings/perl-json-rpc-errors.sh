#!/usr/bin/env bash
# Perl's JSON::RPC 1.06: the error for an unknown method has neither the ID of the request nor a version, so that a client cannot
# match it, in a batch either. The code of an exception is replaced with -32603.
# Guess: {"jsonrpc":"2.0","id":7,"error":{"code":-32601,...}}; the code of the exception.
source "$(dirname "$(realpath "$0")")/lib.sh"
deb_install libjson-rpc-perl=1.06-3 libjson-perl=4.10000-1 librouter-simple-perl=0.17-3 libplack-perl=1.0050-1 \
    libclass-accessor-lite-perl=0.08-3 libhash-multivalue-perl=0.16-3 libhttp-message-perl=6.44-1 \
    libstream-buffered-perl=0.03-3 libhttp-headers-fast-perl=0.22-3 libhttp-entity-parser-perl=0.25-2 \
    libwww-form-urlencoded-perl=0.26-2 libclass-method-modifiers-perl=2.14-1 libhttp-multipartparser-perl=0.02-3 \
    libcookie-baker-perl=0.11-3 liburi-perl=5.17-1 libjson-maybexs-perl=1.004004-1 libtry-tiny-perl=0.31-2
export PERL5LIB=$work/root/usr/share/perl5:$work/root/usr/lib/$(uname -m)-linux-gnu/perl5/5.36

cat >run.pl <<'PERL'
use strict;
use warnings;
use JSON;
use JSON::RPC::Dispatch;
use Router::Simple;

package Handler;
sub new { bless {}, shift }
sub pages { 0 }
sub refuse { die { code => -32001, message => 'out of paper', data => { sheets => 0 } } }

package main;
my $router = Router::Simple->new;
$router->connect($_ => { handler => Handler->new, action => $_ }) for qw(pages refuse);
my $dispatch = JSON::RPC::Dispatch->new(router => $router, coder => JSON->new->canonical);
for my $request (
    '{"jsonrpc":"2.0","id":7,"method":"missing"}',
    '[{"jsonrpc":"2.0","id":7,"method":"missing"},{"jsonrpc":"2.0","id":8,"method":"pages"}]',
    '{"jsonrpc":"2.0","id":1,"method":"refuse"}',
) {
    open my $input, '<', \$request;
    my $answer = $dispatch->handle_psgi({
        REQUEST_METHOD => 'POST', CONTENT_TYPE => 'application/json', CONTENT_LENGTH => length $request,
        PATH_INFO => '/', QUERY_STRING => '', SERVER_NAME => 'localhost', SERVER_PORT => 80,
        'psgi.url_scheme' => 'http', 'psgi.input' => $input,
    });
    print @{$answer->[2]}, "\n";
}
PERL
perl run.pl | expect '{"error":{"code":-32601,"message":"Procedure '"'missing'"' not found"}}
[{"error":{"code":-32601,"message":"Procedure '"'missing'"' not found"}},{"id":8,"jsonrpc":"2.0","result":0}]
{"error":{"code":-32603,"data":{"sheets":0},"message":"out of paper"},"id":1,"jsonrpc":"2.0"}'
