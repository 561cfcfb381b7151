#!/usr/bin/env bash
# npm json-rpc-peer 0.17.0: a response that belongs to no open call, as it comes after the caller's time limit, fails inside the
# library with a TypeError. A request with a null id, which JSON-RPC 2.0 permits, is refused as invalid, and the answer is thrown
# instead of returned.
# Guess: the late response is ignored or reported by an event, and the request is answered.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install json-rpc-peer@0.17.0

node - <<'JS' | expect 'late response: throws TypeError
request with null id: throws -32600
request: returns {"id":1,"jsonrpc":"2.0","result":0}'
const { Peer } = require('json-rpc-peer');
const messages = {
  'late response': { id: 9, result: 1 },
  'request with null id': { id: null, method: 'zero' },
  request: { id: 1, method: 'zero' },
};
(async () => {
  for (const [name, message] of Object.entries(messages)) {
    try {
      console.log(`${name}: returns`, await new Peer(() => 0).exec({ jsonrpc: '2.0', ...message }));
    } catch (thrown) {
      console.log(`${name}: throws`, thrown instanceof Error ? thrown.name : JSON.parse(thrown).error.code);
    }
  }
})();
JS
