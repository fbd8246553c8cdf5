#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests in build/cover and reports what of mm/ they reach: cover.sh LINES BRANCHES, in
# percent; fails below either. An assert that fires is a failing test, so its other branch is not
# counted.
set -eu
dir=build/cover

rm -f "$dir"/*.gcda
for t in $(shift 2; echo "$@"); do
	"$t" >"$t.log" 2>&1 || { cat "$t.log"; exit 1; }
done
set -- --root . --filter mm/ --exclude-branches-by-pattern '.*\bassert\(.*' \
	--exclude-unreachable-branches --fail-under-line "$1" --fail-under-branch "$2" \
	"$dir"
gcovr --txt "$dir/lines.txt" "$@" && gcovr --branches --txt "$dir/branches.txt" --print-summary "$@" ||
	{ cat "$dir/lines.txt" "$dir/branches.txt"; exit 1; }
cat "$dir/lines.txt" "$dir/branches.txt"
