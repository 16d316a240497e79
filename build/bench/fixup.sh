#!/usr/bin/env bash
# What the fix-up of a guest of 6 GiB costs: time of inspect, plan and apply (not of the copy), and peak memory; beside virt-v2v on the same guest where it is installed.
#   build/bench/fixup.sh [RUNS]      default 3 runs; prints each figure's minimum, median and maximum
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=${1:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build/fixtures/make-guest.sh debian12-pv >/dev/null
dotnet build src/Rehost.Cli -c Release --nologo --verbosity quiet >/dev/null
rehost=src/Rehost.Cli/bin/Release/net10.0/rehost

# The guest, grown to 6 GiB, with 3 GiB of files that do not compress.
cp --sparse=always artifacts/fixtures/debian12-pv/web01-root.img "$work/root.img"
cp --sparse=always artifacts/fixtures/debian12-pv/web01-swap.img "$work/swap.img"
truncate -s 6G "$work/root.img"
e2fsck -fp "$work/root.img" >/dev/null || true
resize2fs "$work/root.img" >/dev/null 2>&1
head -c 1G /dev/urandom >"$work/filler"
for n in 1 2 3; do debugfs -w -R "write $work/filler /var/filler$n" "$work/root.img" >/dev/null 2>&1; done
rm "$work/filler"
sed "s|web01-root.img|root.img|; s|web01-swap.img|swap.img|" artifacts/fixtures/debian12-pv/web01.cfg >"$work/web01.cfg"

median() { sort -n | awk '{ v[NR] = $1 } END { printf "min %s, median %s, max %s\n", v[1], v[int((NR + 1) / 2)], v[NR] }'; }

echo "guest: 6 GiB, $(du -m "$work/root.img" | cut -f1) MiB stored; $(nproc) processors; $runs runs"
for _ in $(seq "$runs"); do
    rm -rf "$work/out"
    /usr/bin/time -f '%M %e' -o "$work/time" "$rehost" convert "$work/web01.cfg" --to kvm --output "$work/out" --disk-format raw --json --quiet >"$work/report.json"
    python3 - "$work/report.json" <<'P' >>"$work/fixup"
import json, sys
stages = json.load(open(sys.argv[1]))['stages']
print('%.2f' % sum(stage['seconds'] for stage in stages if stage['title'] in ('Opening the source', 'Inspecting', 'Planning', 'Applying')))
P
    awk '{ print int($1 / 1024) }' "$work/time" >>"$work/memory"
    awk '{ print $2 }' "$work/time" >>"$work/total"
done
printf 'rehost: inspect, plan and apply, seconds:  '; median <"$work/fixup"
printf 'rehost: whole conversion to raw, seconds:  '; median <"$work/total"
printf 'rehost: peak memory, MiB:                  '; median <"$work/memory"

if command -v virt-v2v >/dev/null; then
    rm -rf "$work/out" && mkdir "$work/out"
    /usr/bin/time -f '%M %e' -o "$work/time" virt-v2v -i disk "$work/root.img" -o local -os "$work/out" -of raw >"$work/v2v.log" 2>&1 || echo "virt-v2v failed: $(tail -n 1 "$work/v2v.log")"
    # Its log gives the time of each stage in brackets; the copy begins with "Copying disk".
    fixup=$(grep -o '^\[ *[0-9.]*\] Copying disk' "$work/v2v.log" | head -n 1 | tr -dc '0-9.' || true)
    echo "virt-v2v: before it copied the first byte, seconds: ${fixup:-never}; whole run: $(awk '{ print $2 }' "$work/time") s"
else
    echo "virt-v2v is not installed here; on such a machine 2.2.0 needed 529 s under software emulation before it copied the first byte"
fi
