#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests in build/cover and reports what of mm/ and of nested/ they reach, the walker
# included: cover.sh LINES BRANCHES, in percent; fails where one of the two is below either. An assert
# that fires is a failing test, so its other branch is not counted.
set -eu
dir=build/cover
lines_min=$1
branches_min=$2

rm -f "$dir"/*.gcda
shift 2
printf '%s\n' "$@" | xargs -P "$(nproc)" -I {} sh -c '{} >{}.log 2>&1 || { cat {}.log; exit 1; }'
report() { # NAME FILTERS LINES BRANCHES
	set -- "$1" --root . --filter "$2" --exclude-branches-by-pattern '.*\bassert\(.*' \
		--exclude-unreachable-branches --fail-under-line "$3" --fail-under-branch "$4" \
		"$dir"
	lines=$dir/$1-lines.txt branches=$dir/$1-branches.txt
	shift
	gcovr --txt "$lines" "$@" && gcovr --branches --txt "$branches" --print-summary "$@" ||
		{ cat "$lines" "$branches"; exit 1; }
	cat "$lines" "$branches"
}
report mm 'mm/' "$lines_min" "$branches_min"
report nested '(nested/|vmm/guest_walk)' "$lines_min" "$branches_min"
