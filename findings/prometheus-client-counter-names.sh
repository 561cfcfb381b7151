#!/usr/bin/env bash
# Python prometheus_client 0.26.0, parser of the text format: a counter whose name does not end in "_total" comes out under another
# name than the page has, in the sample as well as after a round trip; a name that has the suffix loses it in the family.
# Guess: the names of the page; only OpenMetrics has the suffix as a rule.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install prometheus-client==0.26.0

python3 - <<'PY' | expect 'requests: family requests, sample requests_total
errors_total: family errors, sample errors_total'
from prometheus_client.parser import text_string_to_metric_families

for name in ["requests", "errors_total"]:
    for family in text_string_to_metric_families(f"# TYPE {name} counter\n{name} 1\n"):
        print(f"{name}: family {family.name}, sample {family.samples[0].name}")
PY
