#!/usr/bin/env bash
# npm parse-prometheus-text-format 1.1.1 and two allowed things in the text format: one space after the comma between two labels, or
# a HELP line without a text, and the whole page is refused. A comment without a space after "#" becomes a metric.
# Guess: white space between tokens is skipped, and every other line that begins with "#" is a comment.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install parse-prometheus-text-format@1.1.1

cat >run.mjs <<'JS'
import parse from 'parse-prometheus-text-format';
for (const text of ['a{x="1", y="2"} 1\n', '# HELP a\na 1\n', '#note\na 1\n']) {
  let result;
  try {
    result = parse(text).map(({ name }) => name).join();
  } catch (error) {
    result = error.message.split(':')[0];
  }
  console.log(JSON.stringify(text), result);
}
JS
node run.mjs | expect '"a{x=\"1\", y=\"2\"} 1\n" Encountered invalid line
"# HELP a\na 1\n" Encountered invalid line
"#note\na 1\n" #note,a'
