#!/usr/bin/env bash
# The main job on a real guest, from nothing: makes a Debian 12 Xen guest, converts its XVA to KVM, proves the result and boots it to its login prompt.
#   build/demo.sh [DIRECTORY]      default artifacts/demo; nothing outside of it is written
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-artifacts/demo}
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 NUGET_CERT_REVOCATION_MODE=offline

build/install-tools.sh sample
build/fixtures/make-guest.sh sample
dotnet build src/Rehost.Cli --configuration Release --verbosity quiet
rehost=src/Rehost.Cli/bin/Release/net10.0/rehost
guest=artifacts/fixtures/debian12-pv/web01.xva
rm -rf "$out"

show() { printf '\n$ rehost %s\n' "$*"; "$rehost" "$@" --quiet; }
show inspect "$guest"
show convert "$guest" --to kvm --output "$out"
show verify "$out"
show boot "$out/web01.xml"
printf '\n$ tail -n 1 %s/boot-web01/serial.log\n%s\n' "$out" "$(tail -n 1 "$out/boot-web01/serial.log" | tr -d '\r')"
