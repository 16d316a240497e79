#!/usr/bin/env bash
# Makes the program that starts fastest: compiled ahead of time for this machine. It needs the .NET runtime, as dotnet build's does.
#   build/publish.sh [DIRECTORY]      default artifacts/rehost; the program is DIRECTORY/rehost
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 NUGET_CERT_REVOCATION_MODE=offline
dotnet publish src/Rehost.Cli --configuration Release --use-current-runtime --self-contained false -p:PublishReadyToRun=true --output "${1:-artifacts/rehost}" --verbosity quiet
