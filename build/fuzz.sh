#!/usr/bin/env bash
# Feeds every parser hostile input and prints what came of it, per target: executions, speed, corpus, diagnostics reached, findings.
#   build/fuzz.sh [MINUTES]    in all, an hour when not said; further arguments go to the fuzzer (--workers 2, --target ext,xfs, --seed 7)
# Totals, findings and inputs worth keeping stay in artifacts/fuzz from run to run; the table of all runs so far: build/fuzz.sh --report.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
dotnet build tests/Rehost.Fuzz --configuration Release --verbosity quiet
fuzz=(dotnet exec tests/Rehost.Fuzz/bin/Release/net10.0/Rehost.Fuzz.dll)
if [ "${1:-}" = --report ]; then
    exec "${fuzz[@]}" --report
fi
minutes=60
case "${1:-}" in [0-9]*) minutes=$1; shift ;; esac
# Another sequence of mutations each time, unless one is asked for.
exec "${fuzz[@]}" --minutes "$minutes" --seed "$(date +%s)" "$@"
