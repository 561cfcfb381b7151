#!/usr/bin/env bash
# npm bincode-ts 1.0.0 loads in Node.js neither with require nor with import, although it has a build for each: the first is
# CommonJS in a package of the type "module", and the second lacks file extensions in its own imports.
# Guess: at least one of them works without a bundler.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install bincode-ts@1.0.0

cat >run.cjs <<'JS'
const fails = (error) => `fails with ${error.name}`;
try {
  require('bincode-ts');
  console.log('require: works');
} catch (error) {
  console.log('require:', fails(error));
}
import('bincode-ts').then(() => 'works', fails).then((outcome) => console.log('import:', outcome));
JS
node run.cjs | expect 'require: fails with ReferenceError
import: fails with Error'
