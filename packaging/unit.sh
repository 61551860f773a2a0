#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the unit tests named, each with a limit of its own; prints a line for each that passed, and
# what the failing ones said last, where a reader of a long log looks first.
failed=
for t in "$@"; do
	if timeout 120 "$t" >"$t.log" 2>&1; then
		echo "ok   ${t##*/}"
	else
		echo "FAIL ${t##*/} (exit $?)"
		failed="$failed $t"
	fi
done
for t in $failed; do
	printf '\n--- %s said:\n' "${t##*/}"
	cat "$t.log"
done
test -z "$failed"
