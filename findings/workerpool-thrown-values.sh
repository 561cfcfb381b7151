#!/usr/bin/env bash
# npm workerpool 10.0.3 resolves a call to null if the function throws 0, false or an empty text. null and undefined are rejected with an
# error of the library itself, a thrown text with an Error without a message, and a TypeError with an Error.
# Guess: every call whose function throws is rejected with what was thrown; the name of the error is kept.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install workerpool@10.0.3

cat >worker.cjs <<'JS'
const values = [0, false, '', undefined, null, 'text', new TypeError('wrong')];
require('workerpool').worker({
  fail(index) {
    throw values[index];
  },
});
JS
cat >run.cjs <<'JS'
const pool = require('workerpool').pool(`${__dirname}/worker.cjs`, { workerType: 'thread', maxWorkers: 1 });
(async () => {
  for (const [index, name] of ['0', 'false', '""', 'undefined', 'null', '"text"', 'TypeError("wrong")'].entries()) {
    const outcome = await pool.exec('fail', [index]).then(
      (result) => `resolved with ${result}`,
      (error) => `rejected with ${error instanceof Error ? `${error.name}(${JSON.stringify(error.message)})` : error}`,
    );
    console.log(`throws ${name}:`, outcome);
  }
  await pool.terminate(true);
})();
JS
node run.cjs | expect 'throws 0: resolved with null
throws false: resolved with null
throws "": resolved with null
throws undefined: rejected with Error("Workerpool Worker error: Cannot convert undefined or null to object")
throws null: rejected with Error("Workerpool Worker error: Cannot convert undefined or null to object")
throws "text": rejected with Error("")
throws TypeError("wrong"): rejected with Error("wrong")'
