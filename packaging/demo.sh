#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A tour for `make demo`: builds concordfs, mounts a simulated CRM and works on it as a user would.
# Everything shown is typed and answered for real; a step that fails, fails the demo. Leaves nothing
# behind. At a terminal the mount stays until Enter or Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD

packaging/deps.sh demo
make -s -j"$(nproc)" all
[ -e /dev/fuse ] || { echo "There is no /dev/fuse here (a container?): nothing can be mounted." >&2; exit 1; }

python=/usr/bin/python3
[ -x $python ] || python=python3
tmp=$(mktemp -d "${TMPDIR:-/tmp}/concordfs-demo.XXXXXX")
mnt=$tmp/crm
mkdir "$mnt"

cleanup() {
	status=$?
	trap '' INT TERM
	trap - EXIT
	cd "$top"
	if mountpoint -q "$mnt"; then
		fusermount3 -u "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt" || true
	fi
	if [ -n "${crm_pid:-}" ]; then
		eval "exec ${crm_in}>&-" # the simulator leaves when nobody can ask it any more
		wait "$crm_pid" 2>/dev/null || true
	fi
	rm -rf --one-file-system "$tmp"
	case $status in
	0 | 130) ;;
	*) echo "The demo failed (exit status $status)." >&2 ;;
	esac
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The simulator, asked by a line on its stdin what it was asked since the last time.
simulator='
import collections, sys
sys.path.insert(0, "tests")
from crm.client import Crm
crm = Crm.start(records=500, rate=90)
try:
    print(crm.url, crm.token, flush=True)
    mark = crm.mark()
    for line in sys.stdin:
        log, mark = crm.log(since=mark), crm.mark()
        verbs = collections.Counter(r.method for r in log)
        what = ", ".join(f"{n} {verb}" for verb, n in verbs.items())
        count = "1 request" if len(log) == 1 else f"{len(log) or 0} requests"
        print(f"{count}: {what}" if log else "no request", flush=True)
finally:
    crm.stop()
'
coproc CRM { trap '' INT; exec "$python" -B -c "$simulator"; }
# shellcheck disable=SC2153 # set by coproc
crm_pid=$CRM_PID crm_out=${CRM[0]} crm_in=${CRM[1]}

bold='' plain='' dim=''
if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m' dim=$'\e[2m'; fi

say() { printf '\n%s\n' "$*"; }

cost() {
	local answer
	echo >&"$crm_in"
	read -r answer <&"$crm_out"
	printf '%s(%s)%s\n' "$dim" "$answer" "$plain"
}

# show COMMAND [LINES]: types it, runs it in the mount, and shows that many lines of its output.
show() {
	local output lines
	printf '%s$ %s%s\n' "$bold" "$1" "$plain"
	if ! output=$(cd "$mnt" && COLUMNS=80 bash -o pipefail -c "$1" 2>&1); then
		printf '%s\n' "$output"
		return 1
	fi
	lines=$(grep -c '' <<<"$output")
	[ -z "$output" ] || head -n "${2:-12}" <<<"$output" | cut -c -100
	[ "$lines" -le "${2:-12}" ] || echo "... ($lines lines)"
	cost
}

read -r url token <&"$crm_out"
say "A simulated CRM is up at $url: 500 records, 90 requests a minute."
printf '%s$ concordfs %s %s%s\n' "$bold" "$url" "$mnt" "$plain"
CONCORDFS_TOKEN=$token build/concordfs -o "state_dir=$tmp/state" "$url" "$mnt"
cost
say 'Every collection is a directory.'
show 'ls -C'
say 'Every record is a file. The listing brings the texts along, 100 records a request,'
show 'ls -l contacts' 6
say 'so that reading them costs nothing more.'
id=$(jq -rn 'first(inputs | select(.first_name | strings != "Ada") | .id)' "$mnt"/contacts/*.json)
show "cat contacts/$id.json" 16
show "jq -r '.user.name' contacts/*.json | sort | uniq -c | sort -rn" 5
name=$(jq -rn 'first(inputs.last_name | strings | select(test("^[A-Za-z0-9]+$")))' "$mnt"/contacts/*.json)
show "grep -l '\"last_name\": \"$name\"' contacts/*.json" 5
say 'Edit with anything. Only the member that changed is sent, when the file is saved.'
show "sed -i 's/\"first_name\": \".*\"/\"first_name\": \"Ada\"/' contacts/$id.json"
show "jq -c '[.first_name, .last_name]' contacts/$id.json"
say 'A new file becomes a record; the server gives it its number.'
show "echo '{\"first_name\": \"Nova\", \"last_name\": \"Lead\"}' >contacts/new-lead.json"
show 'readlink contacts/new-lead.json'
new=$(readlink "$mnt/contacts/new-lead.json")
show "jq -c '[.id, .first_name, .last_name]' contacts/$new"
say 'What the server would not take fails to save, is kept, and is explained beside the file.'
show "! sed -i 's/\"cf_region\": .*/\"cf_region\": \"Nroth\",/' contacts/$id.json"
show "fold -s -w 98 contacts/$id.json.error" 14
show "sed -i 's/\"cf_region\": .*/\"cf_region\": \"North\",/' contacts/$id.json && ! ls contacts/*.error"
say 'A record can be deleted.'
show "rm contacts/$new"
[ ! -e "$mnt/contacts/$new" ] || { echo "$new is still there" >&2; exit 1; }

if [ -t 0 ]; then
	say "It stays mounted at $mnt: try an editor there. Enter or Ctrl-C ends it."
	trap 'exit 0' INT
	read -r || true
else
	say "Done: unmounting. At a terminal it would stay for you to try."
fi
