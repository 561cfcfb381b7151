#!/usr/bin/env bash
# PyPI croniter 7.0.0 runs "0 0 */2 * 1" on every second day and on every Monday, where cronsim 2.8 and Debian's cron mean Mondays on an odd day:
# a field that begins with a star does not count as a restriction. With "1#1" (the first Monday) croniter ignores the days of the month.
# cron-descriptor 2.2.1 explains "*/40" as every 40 minutes, at which cron runs at 0 and 40 minutes past every hour.
# Guess: the same days from all of them.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install croniter==7.0.0 cronsim==2.8 cron-descriptor==2.2.1

cat >run.py <<'PY'
from datetime import datetime

from croniter import croniter
from cron_descriptor import get_description
from cronsim import CronSim

start = datetime(2024, 1, 1, 12)
for text in ['0 0 13 * 5', '0 0 */2 * 1', '0 0 1,15 * 1#1', '*/40 * * * *']:
    there, here = croniter(text, start), CronSim(text, start)
    form = '%m-%d %H:%M'
    print(text, '|', get_description(text))
    print('  croniter', *(there.get_next(datetime).strftime(form) for _ in range(4)), sep=', ')
    print('  cronsim ', *(next(here).strftime(form) for _ in range(4)), sep=', ')
PY
python3 run.py | expect '0 0 13 * 5 | At 12:00 AM, on day 13 of the month, or on Friday
  croniter, 01-05 00:00, 01-12 00:00, 01-13 00:00, 01-19 00:00
  cronsim , 01-05 00:00, 01-12 00:00, 01-13 00:00, 01-19 00:00
0 0 */2 * 1 | At 12:00 AM, every 2 days, or on Monday
  croniter, 01-03 00:00, 01-05 00:00, 01-07 00:00, 01-08 00:00
  cronsim , 01-15 00:00, 01-29 00:00, 02-05 00:00, 02-19 00:00
0 0 1,15 * 1#1 | At 12:00 AM, on day 1 and 15 of the month, on the first Monday of the month
  croniter, 02-05 00:00, 03-04 00:00, 04-01 00:00, 05-06 00:00
  cronsim , 01-15 00:00, 02-01 00:00, 02-05 00:00, 02-15 00:00
*/40 * * * * | Every 40 minutes
  croniter, 01-01 12:40, 01-01 13:00, 01-01 13:40, 01-01 14:00
  cronsim , 01-01 12:40, 01-01 13:00, 01-01 13:40, 01-01 14:00'
