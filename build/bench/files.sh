#!/usr/bin/env bash
# What looking into a guest of 20,000 files costs: to open it and walk through them, to read and hash them all, to copy them out, and to make the edits of a plan; with the
# peak memory. Beside it guestfish on the same image where that is installed and starts (with KVM, else emulated), and the kernel's own mount where this user may mount.
#   build/bench/files.sh [RUNS]      default 3 runs; prints each figure's minimum, median and maximum in seconds
# BENCH_DIR says where the images go: a tmpfs with 2 GiB free keeps the host's own file system out of the figures (default /dev/shm, else the temporary directory).
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=${1:-3}
files=20000
parent=${BENCH_DIR:-${TMPDIR:-/tmp}}
[ -n "${BENCH_DIR:-}" ] || ! [ -w /dev/shm ] || [ "$(df --output=avail -m /dev/shm | tail -n 1)" -lt 3000 ] || parent=/dev/shm
work=$(mktemp -d -p "$parent")
trap 'rm -rf "$work"' EXIT
[ -x "${REHOST:=artifacts/rehost/rehost}" ] || build/publish.sh
REHOST=$(realpath "$REHOST")

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
mkdir "$work/edits"
for name in hostname fstab resolv.conf; do printf 'edited\n' >"$work/edits/$name"; done

measure() { # measure NAME COMMAND…: seconds and peak memory (KiB) of one command
    local name=$1
    shift
    /usr/bin/time -f '%e %M' -o "$work/time" "$@" >"$work/out" 2>"$work/err" || { cat "$work/err" >&2; return 1; }
    awk '{ print $1 }' "$work/time" >>"$work/$name.seconds"
    awk '{ print int($2 / 1024) }' "$work/time" >>"$work/$name.memory"
}

show() { # show NAME TITLE
    [ -s "$work/$1.seconds" ] || return 0
    printf '%-58s %s; %s MiB at most\n' "$2" "$(sort -n "$work/$1.seconds" | awk '{ v[NR] = $1 } END { printf "%s, %s, %s", v[1], v[int((NR + 1) / 2)], v[NR] }')" "$(sort -n "$work/$1.memory" | tail -n 1)"
}

expect() { # expect FILE: the hashes in it, by whatever path, must be those of what went in
    sed -E 's|^([0-9a-f]+) +(/.*/mnt/)?[./]*(.*)$|\1  ./\3|' "$1" | grep -v ' ./lost+found' | sort -k2 >"$work/found"
    cmp "$work/expected" "$work/found"
}

hash() { # hash DIRECTORY: of what was copied out
    (cd "$1" && find . -type f -exec sha256sum {} +) >"$work/hashes"
    expect "$work/hashes"
}

# A KVM that is there and does not work is as good as none.
export LIBGUESTFS_BACKEND=${LIBGUESTFS_BACKEND:-direct}
guestfish=no
if command -v guestfish >/dev/null; then
    for settings in "${LIBGUESTFS_BACKEND_SETTINGS:-}" force_tcg; do
        export LIBGUESTFS_BACKEND_SETTINGS=$settings
        if timeout 900 guestfish --ro -a "$work/disk.img" run : list-filesystems >/dev/null 2>&1; then
            guestfish=yes
            break
        fi
    done
fi
mount=no
[ "$(id -u)" -eq 0 ] && mkdir "$work/mnt" && mount -o ro,loop,offset=1048576 "$work/disk.img" "$work/mnt" 2>/dev/null && umount "$work/mnt" && mount=yes

for _ in $(seq "$runs"); do
    measure walk "$REHOST" files tree "$work/disk.img" / --quiet
    [ "$(grep -c file "$work/out")" -eq "$files" ]
    measure hash "$REHOST" files tree "$work/disk.img" / --sha256 --quiet
    expect "$work/out"
    rm -rf "$work/copy" && mkdir "$work/copy"
    measure copy bash -c '"$0" files get "$1" /srv "$2" --quiet && "$0" files get "$1" /etc "$2" --quiet' "$REHOST" "$work/disk.img" "$work/copy"
    hash "$work/copy"
    cp --sparse=always "$work/disk.img" "$work/edited.img"
    measure edit bash -c 'for name in hostname fstab resolv.conf; do "$0" files put "$1" "$2/$name" /etc/$name --in-place --quiet; done' "$REHOST" "$work/edited.img" "$work/edits"
    e2fsck -fn "$work/edited.img?offset=1048576" >/dev/null 2>&1
    cp --sparse=always "$work/disk.img" "$work/edited.img"
    measure session "$REHOST" files put "$work/edited.img" "$work/edits" / --in-place --quiet
    e2fsck -fn "$work/edited.img?offset=1048576" >/dev/null 2>&1

    if [ "$guestfish" = yes ]; then
        measure gfwalk guestfish --ro -a "$work/disk.img" -m /dev/sda1 find /
        measure gfhash guestfish --ro -a "$work/disk.img" -m /dev/sda1 checksums-out sha256 / "$work/hashes"
        expect "$work/hashes"
        rm -rf "$work/copy" && mkdir "$work/copy"
        measure gfcopy guestfish --ro -a "$work/disk.img" -m /dev/sda1 copy-out /srv /etc "$work/copy"
        hash "$work/copy"
        cp --sparse=always "$work/disk.img" "$work/edited.img"
        measure gfedit guestfish -a "$work/edited.img" -m /dev/sda1 upload "$work/edits/hostname" /etc/hostname : upload "$work/edits/fstab" /etc/fstab : upload "$work/edits/resolv.conf" /etc/resolv.conf
    fi

    if [ "$mount" = yes ]; then
        measure mwalk bash -c 'mount -o ro,loop,offset=1048576 "$0" "$1" && find "$1"; umount "$1"' "$work/disk.img" "$work/mnt"
        measure mhash bash -c 'mount -o ro,loop,offset=1048576 "$0" "$1" && find "$1" -type f -exec sha256sum {} +; umount "$1"' "$work/disk.img" "$work/mnt"
        expect "$work/out"
        rm -rf "$work/copy" && mkdir "$work/copy"
        measure mcopy bash -c 'mount -o ro,loop,offset=1048576 "$0" "$1" && cp -a "$1/srv" "$1/etc" "$2"; umount "$1"' "$work/disk.img" "$work/mnt" "$work/copy"
        hash "$work/copy"
        cp --sparse=always "$work/disk.img" "$work/edited.img"
        measure medit bash -c 'mount -o loop,offset=1048576 "$0" "$1" && cp "$2"/* "$1/etc/"; umount "$1"' "$work/edited.img" "$work/mnt" "$work/edits"
    fi
done

echo "$files files, $(du -m "$work/disk.img" | cut -f1) MiB, in $parent; $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg); $runs runs; seconds: min, median, max"
for row in 'walk open and walk' 'hash open, walk and hash' 'copy copy all out' 'edit three files of a plan'; do
    show "${row%% *}" "rehost: ${row#* }$([ "${row%% *}" = edit ] && echo ', in place, one by one')"
    [ "${row%% *}" != edit ] || show session 'rehost: three files in a directory, in place, at once'
    show "gf${row%% *}" "guestfish: ${row#* }$([ "${row%% *}" = edit ] && echo ', in one session')"
    show "m${row%% *}" "the kernel's mount: ${row#* }"
done
[ "$guestfish" = no ] || echo "guestfish ran $([ "$LIBGUESTFS_BACKEND_SETTINGS" = force_tcg ] && echo 'emulated (TCG)' || echo 'as it is set up'); its memory is that of guestfish, or of QEMU with the appliance"
[ "$guestfish" = yes ] || echo "guestfish is not installed here, or its appliance does not start ('libguestfs-test-tool' says why)"
[ "$mount" = yes ] || echo "the kernel's mount was left out: it needs root"
