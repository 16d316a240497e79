#!/bin/bash
# Installs the Debian packages that the commands in README.md and the tests call, and for the tests one npm package, into artifacts/npm.
#
#   build/install-tools.sh sample    what makes, converts and boots the sample guest
#   build/install-tools.sh test      everything (the sample's packages included); the default
#
# Returns at once, without touching the network, when nothing is missing. Otherwise it needs root
# or sudo. Works on Debian and on what derives from it; elsewhere it prints the list to install.
set -euo pipefail

# make-guest.sh: bootstrap, file system, partition table; uidmap and fakeroot make it work without root.
# Boot and conversion: QEMU, and GRUB's own modules, which are GPL and not part of this repository.
sample=(
    mmdebstrap debian-archive-keyring uidmap fakeroot
    e2fsprogs fdisk cpio zstd xz-utils python3 libxxhash0 util-linux
    qemu-system-x86 qemu-utils seabios grub-pc-bin
)
# Witnesses: independent programs that the tests hold against our own code.
test=(
    gdisk xxhash lz4 lzop bzip2 gzip libzstd1 file kmod acl attr time
    parted mount grub-common grub-efi-amd64-bin ovmf libxml2-utils patch
    libdeflate0 libvhdi-utils libvmdk-utils pigz python3-jsonschema
    libhivex-bin libwin-hivex-perl chntpw wimtools
    xen-utils-4.17 grub-xen-host gcc libc6-dev openssh-server openssh-client
    xfsprogs btrfs-progs ntfs-3g dosfstools mtools exfatprogs jfsutils reiserfsprogs f2fs-tools genisoimage squashfs-tools
    rpm rpm2cpio
    lvm2 mdadm cryptsetup-bin thin-provisioning-tools
    arch-test
    libvirt-clients libvirt-daemon libvirt-daemon-system libvirt-daemon-driver-qemu
)

# Xen Orchestra's writer of XVAs. Node.js comes from wherever it is; from Debian where there is none.
orchestra=@xen-orchestra/xva@1.0.3
command -v npm >/dev/null || test+=(nodejs npm)
install_orchestra() {
    case " ${groups[*]} " in *" test "*) ;; *) return ;; esac
    local to=artifacts/npm
    if [ ! -e "$to/node_modules/@xen-orchestra/xva/package.json" ]; then
        echo "install-tools: installing $orchestra"
        mkdir -p "$to"
        npm install --prefix "$to" --no-audit --no-fund --silent "$orchestra" || { echo "install-tools: npm cannot install $orchestra" >&2; exit 1; }
    fi
}

cd "$(dirname "$0")/.."
groups=("${@:-test}")
wanted=()
for group in "${groups[@]}"; do
    case $group in
        sample)    wanted+=("${sample[@]}") ;;
        test)      wanted+=("${sample[@]}" "${test[@]}") ;;
        -h|--help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' build/install-tools.sh; exit 0 ;;
        *)         echo "install-tools: unknown group '$group' (known: sample, test)" >&2; exit 2 ;;
    esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "install-tools: this is not a Debian-like system. Install the equivalents of:" >&2
    printf '%s\n' "${wanted[@]}" | sort -u | paste -sd' ' >&2
    exit 1
fi

# A package may be held by another one that provides it (a newer release renames libraries: libxxhash0t64).
installed=$(dpkg-query -W -f='${db:Status-Abbrev}\t${Package}, ${Provides}\n' |
    awk -F'\t' '$1 ~ /^.i/ { n = split($2, p, /, */); for (i = 1; i <= n; i++) { sub(/ .*/, "", p[i]); print p[i] } }')
mapfile -t missing < <(printf '%s\n' "${wanted[@]}" | sort -u | grep -vxF -f <(printf '%s\n' "$installed") || true)
if [ ${#missing[@]} -eq 0 ]; then
    echo "install-tools: all $(printf '%s\n' "${wanted[@]}" | sort -u | wc -l) packages are installed"
    install_orchestra
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install-tools: missing packages, and neither root nor sudo here. As root, run:" >&2
        echo "    apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "install-tools: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" </dev/null >"$log" 2>&1; then
        tail -n 25 "$log" >&2
        echo "install-tools: 'apt-get $1' failed; its last lines are above. Still missing: ${missing[*]}" >&2
        exit 1
    fi
}
apt update
apt install --no-install-recommends "${missing[@]}"
install_orchestra
echo "install-tools: done"
