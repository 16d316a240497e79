#!/usr/bin/env bash
# Has virt-v2v convert the phony Windows guests of the tests anew, holds our conversion of the same images against its own key by key, and has virt-inspector read ours (docs/windows.md).
# Needs virt-v2v, nbdkit and virt-inspector (Debian: virt-v2v nbdkit guestfs-tools) with a libguestfs whose appliance starts ('libguestfs-test-tool'); without KVM it is emulated, about five
# minutes a guest. What virt-v2v did is written to tests/Rehost.Pipeline.Tests/Fixtures/virt-v2v-*.txt: CI compares with that and needs none of it.
set -euo pipefail
cd "$(dirname "$0")/../.."
for tool in virt-v2v nbdkit virt-inspector; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed" >&2; exit 1; }
done
virt-v2v --version
export LIBGUESTFS_BACKEND_SETTINGS=${LIBGUESTFS_BACKEND_SETTINGS-force_tcg} # empty where KVM works
records=$PWD/tests/Rehost.Pipeline.Tests/Fixtures
dotnet build tests/Rehost.Pipeline.Tests --verbosity quiet --nologo
result=0
REHOST_VIRT_V2V=$records dotnet test tests/Rehost.Pipeline.Tests --no-build --filter "FullyQualifiedName~VirtV2vTests" || result=$?
git diff --stat -- "$records" # what virt-v2v does otherwise than when the records were made
exit "$result"
