#!/usr/bin/env bash
# How fast rehost image convert is, beside the tools that are used instead, on the same bytes.
#   build/bench/image.sh [-s MIB] [-r RUNS] [-d DIRECTORY] [-f | -n] [-p PATTERN]
#     -s   size of the disk, default 2048: a third zeros, a third that compresses, a third that does not, laid out as a file system does
#     -r   runs of each pair, default 5; ours, the peer's and cat's take turns, and the medians are printed
#     -d   where the images go (about eight times the stored size); default: a temporary directory. What is timed comes from the page cache.
#     -f   both sides flushed: the peer is followed by sync -f. Without -f or -n each does what it does unasked: rehost waits until the disk has the
#          data, qemu-img, cp and the shell do not
#     -n   neither is flushed: rehost --no-flush
#     -p   only the pairs whose names hold PATTERN
# Formats that this version does not know are left out. The processor's share (user and system time, ours / peer's) is printed beside the ratio of times:
# on a machine that does other things as well it is the steadier of the two.
set -euo pipefail
cd "$(dirname "$0")/../.."
size=2048 runs=5 flush=own pattern= work=
while getopts 's:r:d:fnp:h' option; do
    case $option in
        s) size=$OPTARG ;;
        r) runs=$OPTARG ;;
        d) work=$OPTARG ;;
        f) flush=both ;;
        n) flush=neither ;;
        p) pattern=$OPTARG ;;
        *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2 ;;
    esac
done
if [ -z "$work" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 NUGET_CERT_REVOCATION_MODE=offline
if [ -z "${REHOST:-}" ]; then
    build/publish.sh >/dev/null
    REHOST=$PWD/artifacts/rehost/rehost
fi
export REHOST
exec python3 build/bench/image.py --size "$size" --runs "$runs" --work "$work" --flush "$flush" --pattern "$pattern"
