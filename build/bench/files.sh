#!/usr/bin/env bash
# What looking into a guest of 20,000 files costs: to open it and walk through them, to read and hash them all, and to make the edits of a plan; with the peak memory.
# Beside it guestfish on the same image where that is installed and starts, and the kernel's own mount where this user may mount.
#   build/bench/files.sh [RUNS]      default 3 runs; prints each figure's minimum, median and maximum in seconds
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=${1:-3}
files=20000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -x "${REHOST:=artifacts/rehost/rehost}" ] || build/publish.sh

# 20,000 files of 0 to 32 KiB in 200 directories on ext4 in a partition; /usr/bin/time measures memory.
python3 - "$work/tree" "$files" <<'P'
import os, random, sys
random.seed(1)
root, count = sys.argv[1], int(sys.argv[2])
for i in range(count):
    folder = f'{root}/srv/{i // 100:03d}'
    os.makedirs(folder, exist_ok=True)
    with open(f'{folder}/file{i:05d}', 'wb') as f:
        f.write(random.randbytes(random.randrange(32768)))
os.makedirs(f'{root}/etc')
open(f'{root}/etc/fstab', 'w').write('/dev/sda1 / ext4 defaults 0 1\n')
open(f'{root}/etc/hostname', 'w').write('bench\n')
P
truncate -s 1G "$work/part"
mke2fs -q -F -t ext4 -d "$work/tree" "$work/part"
truncate -s 1026M "$work/disk.img"
echo 'start=2048,size=2097152,type=83' | sfdisk -q "$work/disk.img" >/dev/null
dd if="$work/part" of="$work/disk.img" bs=1M seek=1 conv=notrunc,sparse status=none
rm -rf "$work/part"
(cd "$work/tree" && find . -type f -exec sha256sum {} + | sort -k2) >"$work/expected"
rm -rf "$work/tree"
printf 'edited\n' >"$work/new"

measure() { # measure NAME COMMAND…: seconds and peak memory (KiB) of one command
    local name=$1
    shift
    /usr/bin/time -f '%e %M' -o "$work/time" "$@" >"$work/out" 2>"$work/err" || { cat "$work/err" >&2; return 1; }
    awk '{ print $1 }' "$work/time" >>"$work/$name.seconds"
    awk '{ print int($2 / 1024) }' "$work/time" >>"$work/$name.memory"
}

show() { # show NAME TITLE
    [ -s "$work/$1.seconds" ] || return 0
    printf '%-52s %s; %s MiB at most\n' "$2" "$(sort -n "$work/$1.seconds" | awk '{ v[NR] = $1 } END { printf "%s, %s, %s", v[1], v[int((NR + 1) / 2)], v[NR] }')" "$(sort -n "$work/$1.memory" | tail -n 1)"
}

hash() { # hash DIRECTORY: of what was copied out; it must be what went in
    (cd "$1" && find . -type f -exec sha256sum {} + | sort -k2) >"$work/found"
    cmp "$work/expected" "$work/found"
}
export -f hash
export work

guestfish=no
command -v guestfish >/dev/null && timeout 600 guestfish --ro -a "$work/disk.img" run : list-filesystems >/dev/null 2>&1 && guestfish=yes
mount=no
[ "$(id -u)" -eq 0 ] && mkdir "$work/mnt" && mount -o ro,loop,offset=1048576 "$work/disk.img" "$work/mnt" 2>/dev/null && umount "$work/mnt" && mount=yes

for _ in $(seq "$runs"); do
    rm -rf "$work/copy" && mkdir "$work/copy"
    measure walk "$REHOST" files tree "$work/disk.img" / --quiet
    [ "$(grep -c file "$work/out")" -eq "$files" ]
    measure hash bash -c '"$0" files get "$1" /srv "$2" --quiet && "$0" files get "$1" /etc "$2" --quiet && hash "$2"' "$REHOST" "$work/disk.img" "$work/copy"
    cp --sparse=always "$work/disk.img" "$work/edited.img"
    measure edit bash -c 'for name in /etc/hostname /etc/fstab /etc/resolv.conf; do "$0" files put "$1" "$2" $name --in-place --quiet; done' "$REHOST" "$work/edited.img" "$work/new"
    e2fsck -fn "$work/edited.img?offset=1048576" >/dev/null 2>&1

    if [ "$guestfish" = yes ]; then
        rm -rf "$work/copy" && mkdir "$work/copy"
        measure gfwalk guestfish --ro -a "$work/disk.img" -m /dev/sda1 find /
        measure gfhash bash -c 'guestfish --ro -a "$0" -m /dev/sda1 copy-out /srv /etc "$1" && hash "$1"' "$work/disk.img" "$work/copy"
        cp --sparse=always "$work/disk.img" "$work/edited.img"
        measure gfedit guestfish -a "$work/edited.img" -m /dev/sda1 upload "$work/new" /etc/hostname : upload "$work/new" /etc/fstab : upload "$work/new" /etc/resolv.conf
    fi

    if [ "$mount" = yes ]; then
        measure mwalk bash -c 'mount -o ro,loop,offset=1048576 "$0" "$1" && find "$1" >/dev/null; umount "$1"' "$work/disk.img" "$work/mnt"
        rm -rf "$work/copy" && mkdir "$work/copy"
        measure mhash bash -c 'mount -o ro,loop,offset=1048576 "$0" "$1" && cp -a "$1/srv" "$1/etc" "$2"; umount "$1"; hash "$2"' "$work/disk.img" "$work/mnt" "$work/copy"
    fi
done

echo "$files files, $(du -m "$work/disk.img" | cut -f1) MiB; $(nproc) processors; $runs runs; seconds: min, median, max"
show walk 'rehost: open and walk'
show gfwalk 'guestfish: open and walk'
show mwalk "the kernel's mount: open and walk"
show hash 'rehost: copy all out and hash'
show gfhash 'guestfish: copy all out and hash'
show mhash "the kernel's mount: copy all out and hash"
show edit 'rehost: three files of a plan, in place, one by one'
show gfedit 'guestfish: three files of a plan, in one session'
[ "$guestfish" = yes ] || echo "guestfish is not installed here, or its appliance does not start"
[ "$mount" = yes ] || echo "the kernel's mount was left out: it needs root"
