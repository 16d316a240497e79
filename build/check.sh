#!/usr/bin/env bash
# What a developer runs before a commit and what CI runs: build, tests, guest boots. Ends with "N passed, N failed".
#   build/check.sh            everything
#   build/check.sh --quick    without the guests that are built and booted
set -euo pipefail
cd "$(dirname "$0")/.."
quick=no
[ "${1:-}" = --quick ] && quick=yes

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 NUGET_CERT_REVOCATION_MODE=offline
results=artifacts/test-results
rm -rf "$results"
mkdir -p "$results"

build/install-tools.sh test
dotnet build Rehost.slnx --verbosity quiet

# The guests are built while the unit tests run: one waits for packages, the others for the processor.
guests=
if [ "$quick" = no ]; then
    { build/fixtures/make-guest.sh all && build/fixtures/xen-lab.sh && build/fixtures/lvm/lvm-guest.sh make; } >"$results/guests.log" 2>&1 &
    guests=$!
fi

failed_to_run=0
run() { # run PROJECT: a test project, with its counts kept as .trx
    dotnet test "tests/$1" --no-build --verbosity quiet --logger "trx;LogFileName=$1.trx" --results-directory "$results" || true
    [ -s "$results/$1.trx" ] || { echo "$1 did not finish" >&2; failed_to_run=$((failed_to_run + 1)); }
}

for project in tests/Rehost.*.Tests; do
    name=$(basename "$project")
    [ "$name" = Rehost.Boot.Tests ] || run "$name"
done

if [ -n "$guests" ]; then
    if ! wait "$guests"; then
        cat "$results/guests.log" >&2
        failed_to_run=$((failed_to_run + 1))
    fi
    run Rehost.Boot.Tests
fi

count() { grep -ho "<Counters [^>]*" "$results"/*.trx | grep -o " $1=\"[0-9]*\"" | tr -dc '0-9\n' | awk '{ sum += $1 } END { print sum + 0 }'; }
passed=$(count passed)
failed=$(($(count total) - passed + failed_to_run))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
