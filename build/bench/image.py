"""Called by image.sh, which says what this does."""
import argparse
import hashlib
import os
import random
import statistics
import subprocess
import sys
import time

MIB = 1 << 20
arguments = argparse.ArgumentParser()
for name in ("size", "runs"):
    arguments.add_argument(f"--{name}", type=int)
for name in ("work", "flush", "pattern"):
    arguments.add_argument(f"--{name}")
options = arguments.parse_args()
rehost = os.environ["REHOST"]
repository = os.getcwd()
os.chdir(options.work)


def quiet(*command):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def make_raw(path, size):
    """Extents of a file system: small and large files, each of one kind; what compresses is text and tables, at about three to one."""
    if os.path.exists(path) and os.path.getsize(path) == size:
        return
    source = random.Random(1)
    words = [source.randbytes(source.randrange(2, 9)).hex().encode() for _ in range(4000)]
    text = b" ".join(source.choice(words) for _ in range(1 << 18))
    with open(path, "wb") as file:
        file.truncate(size)
        at = 0
        kinds = [0, 1, 2]
        while at < size:
            length = min(4096 * int(2 ** source.uniform(0, 12.5)), size - at)
            kind = kinds[source.randrange(3)]
            file.seek(at)
            if kind == 1:
                left = length
                while left > 0:
                    start = source.randrange(len(text) - 65536)
                    part = text[start:start + min(65536, left)]
                    file.write(part)
                    left -= len(part)
            elif kind == 2:
                file.write(source.randbytes(length))
            at += length


def make_ova(path, vmdk):
    """A machine as VMware's tools pack it: descriptor, manifest, disk."""
    size = os.path.getsize("in.raw")
    ovf = f"""<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
  xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <References><File ovf:href="{vmdk}" ovf:id="file1" ovf:size="{os.path.getsize(vmdk)}"/></References>
  <DiskSection><Info>Disks</Info>
    <Disk ovf:capacity="{size}" ovf:diskId="disk1" ovf:fileRef="file1" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <VirtualSystem ovf:id="bench"><Info>A machine</Info><Name>bench</Name>
    <VirtualHardwareSection><Info>Hardware</Info>
      <System><vssd:ElementName>Hardware</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID><vssd:VirtualSystemType>vmx-13</vssd:VirtualSystemType></System>
      <Item><rasd:ElementName>CPU</rasd:ElementName><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>1</rasd:VirtualQuantity></Item>
      <Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ElementName>Memory</rasd:ElementName><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>512</rasd:VirtualQuantity></Item>
      <Item><rasd:Address>0</rasd:Address><rasd:ElementName>SCSI</rasd:ElementName><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>lsilogic</rasd:ResourceSubType><rasd:ResourceType>6</rasd:ResourceType></Item>
      <Item><rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:ElementName>Disk</rasd:ElementName><rasd:HostResource>ovf:/disk/disk1</rasd:HostResource><rasd:InstanceID>4</rasd:InstanceID><rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
"""
    with open("bench.ovf", "w") as file:
        file.write(ovf)
    with open("bench.mf", "w") as file:
        for name in ("bench.ovf", vmdk):
            with open(name, "rb") as content:
                file.write(f"SHA256({name})= {hashlib.file_digest(content, 'sha256').hexdigest()}\n")
    subprocess.run(["tar", "--format=ustar", "-cf", path, "bench.ovf", "bench.mf", vmdk], check=True)


def make_xva(path, checksum):
    packer = os.path.join(repository, "build/fixtures/pack-xva.py")
    make(path, sys.executable, packer, "--out", path, "--name", "bench", "--disk", "in.raw", "--checksum", checksum)


# S4.4: unpack, then one disk after another, chunk after chunk. sh, as it was published.
LOOP = r'''
rm -rf unpacked && mkdir unpacked && tar xf "$1" -C unpacked && cd unpacked/Ref*
max=$(ls ???????? | sort | tail -n1)
dd if=/dev/zero of=blank bs=1024 count=1k 2>/dev/null
rm -f ../../out.raw
i=0
while [ "$i" -le "$((10#$max))" ]; do
    name=$(printf "%08d" "$i")
    if [ -f "$name" ]; then cat "$name" >>../../out.raw; else cat blank >>../../out.raw; fi
    i=$((i + 1))
done
'''


def remove(*paths):
    for path in paths:
        if os.path.exists(path):
            subprocess.run(["rm", "-rf", path], check=True)


class Run:
    """One timed command."""

    def __init__(self, command):
        # What earlier runs left to be written would slow down whoever comes next.
        os.sync()
        started = time.perf_counter()
        process = os.posix_spawnp(command[0], command, os.environ, file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, "stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)])
        _, status, usage = os.wait4(process, 0)
        self.seconds = time.perf_counter() - started
        self.processor = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss / 1024
        self.failed = status != 0


def ours(source, target, *more):
    flags = ["--no-flush"] if options.flush == "neither" else []
    return [rehost, "image", "convert", source, target, "--quiet", *flags, *more]


def shell(text, *words):
    end = "; sync -f ." if options.flush == "both" else ""
    return ["bash", "-c", text + end, "bench", *words]


def qemu(source, *more):
    return shell('qemu-img convert -m 16 -W "$@"', *more[:-1], source, more[-1])


def pairs():
    """name, ours, peer's, files that both read, what they write, ratio to reach, whether sizes count."""
    stream = ("-f", "vmdk")
    yield "streamOptimized → raw", ours("stream.vmdk", "out.raw"), qemu("stream.vmdk", *stream, "-O", "raw", "out.raw"), ["stream.vmdk"], "out.raw", 0.6, False
    yield "streamOptimized → qcow2", ours("stream.vmdk", "out.qcow2"), qemu("stream.vmdk", *stream, "-O", "qcow2", "out.qcow2"), ["stream.vmdk"], "out.qcow2", 0.6, False
    for kind in ("raw", "qcow2"):
        yield f"OVA → {kind}", ours("in.ova", f"out.{kind}"), shell(
            f'rm -rf unpacked && mkdir unpacked && tar xf in.ova -C unpacked && qemu-img convert -m 16 -W -f vmdk -O {kind} unpacked/stream.vmdk out.{kind}'), ["in.ova"], f"out.{kind}", 0.6, False
    for name in ("zlib", "zstd"):
        yield f"qcow2 {name} → raw", ours(f"{name}.qcow2", "out.raw"), qemu(f"{name}.qcow2", "-O", "raw", "out.raw"), [f"{name}.qcow2"], "out.raw", 0.9, False
    for name, kind in (("in.vhd", "vpc"), ("in.vhdx", "vhdx"), ("in.vdi", "vdi"), ("in.qcow2", "qcow2"), ("sparse.vmdk", "vmdk")):
        label = {"sparse.vmdk": "monolithicSparse"}.get(name, name[3:])
        yield f"{label} → raw", ours(name, "out.raw"), qemu(name, "-f", kind, "-O", "raw", "out.raw"), [name], "out.raw", 1.0, False
    yield "raw → qcow2", ours("in.raw", "out.qcow2"), qemu("in.raw", "-f", "raw", "-O", "qcow2", "out.qcow2"), ["in.raw"], "out.qcow2", 1.0, False
    for name in ("zlib", "zstd"):
        yield f"raw → qcow2 {name}", ours("in.raw", "out.qcow2", "--compress", name), qemu(
            "in.raw", "-c", "-f", "raw", "-O", "qcow2", "-o", f"compression_type={name}", "out.qcow2"), ["in.raw"], "out.qcow2", 0.8, True
    yield "raw → streamOptimized", ours("in.raw", "out.vmdk", "--sub-format", "streamOptimized"), shell(
        'qemu-img convert -f raw -O vmdk -o subformat=streamOptimized in.raw out.vmdk'), ["in.raw"], "out.vmdk", 0.5, True
    for name in ("sha1", "xxhash"):
        for kind in ("raw", "qcow2"):
            convert = "" if kind == "raw" else "\nqemu-img convert -m 16 -W -f raw -O qcow2 ../../out.raw ../../out.qcow2"
            yield f"XVA {name} → {kind}", ours(f"{name}.xva", f"out.{kind}"), shell(LOOP + convert + "\ncd ../..", f"{name}.xva"), [f"{name}.xva"], f"out.{kind}", 0.2, False
    yield "raw → raw", ours("in.raw", "out.raw"), shell("cp --sparse=always in.raw out.raw"), ["in.raw"], "out.raw", 1.0, False


def make(path, *command):
    if not os.path.exists(path) and not quiet(*command):
        print(f"{path} cannot be made here: {' '.join(command)}", file=sys.stderr)


def make_inputs():
    make_raw("in.raw", options.size * MIB)
    convert = ["qemu-img", "convert", "-f", "raw", "-O"]
    make("stream.vmdk", *convert, "vmdk", "-o", "subformat=streamOptimized", "in.raw", "stream.vmdk")
    make("sparse.vmdk", *convert, "vmdk", "in.raw", "sparse.vmdk")
    make("in.qcow2", *convert, "qcow2", "in.raw", "in.qcow2")
    make("zlib.qcow2", *convert, "qcow2", "-c", "in.raw", "zlib.qcow2")
    make("zstd.qcow2", *convert, "qcow2", "-c", "-o", "compression_type=zstd", "in.raw", "zstd.qcow2")
    make("in.vhd", *convert, "vpc", "-o", "force_size", "in.raw", "in.vhd")
    make("in.vhdx", *convert, "vhdx", "in.raw", "in.vhdx")
    make("in.vdi", *convert, "vdi", "in.raw", "in.vdi")
    if os.path.exists("stream.vmdk") and not os.path.exists("in.ova"):
        make_ova("in.ova", "stream.vmdk")
    for checksum in ("sha1", "xxhash"):
        make_xva(f"{checksum}.xva", checksum)


def is_right(output):
    """Whether a stranger finds the disk in what was written; an XVA's disk is a whole number of mebibytes, as here."""
    kind = output.rsplit(".", 1)[1]
    return quiet("qemu-img", "compare", "-f", "raw", "-F", kind, "in.raw", output)


def measure(name, our_command, peer_command, inputs, output, goal, sizes_count):
    mine, theirs, cats = [], [], []
    sizes = {}
    for turn in range(options.runs + 1):
        for command, results in ((our_command, mine), (peer_command, theirs), (shell('cat "$@" >/dev/null', *inputs), cats)):
            remove("out.raw", "out.qcow2", "out.vmdk", "unpacked")
            run = Run(command)
            if run.failed:
                with open("stderr", errors="replace") as file:
                    reason = file.readline().strip()
                print(f"{name:28} left out: {'rehost' if results is mine else command[0]}: {reason}")
                return
            if turn == 0 and results is mine and not is_right(output):
                print(f"{name:28} left out: rehost does not know this format, or made something else of it")
                return
            if results is not cats:
                sizes[id(results)] = os.stat(output).st_blocks * 512
            if turn > 0:  # the first one warms the cache
                results.append(run)
    remove("out.raw", "out.qcow2", "out.vmdk", "unpacked")

    def median(results, what):
        return statistics.median(getattr(run, what) for run in results)

    ratio = median(mine, "seconds") / median(theirs, "seconds")
    processor = median(mine, "processor") / median(theirs, "processor")
    growth = f" size {sizes[id(mine)] / sizes[id(theirs)] - 1:+.1%}" if sizes_count else ""
    print(f"{name:28} {median(mine, 'seconds'):7.2f} {median(theirs, 'seconds'):7.2f} {median(cats, 'seconds'):6.2f} {ratio:6.2f} ≤{goal:<4} "
          f"{'yes' if ratio <= goal else 'NO ':4}{processor:6.2f} {median(mine, 'seconds') / median(cats, 'seconds'):7.1f} {max(run.memory for run in mine):5.0f}{growth}", flush=True)


FLUSHED = {"own": "ours waits for the disk, the peer does not", "both": "both wait for the disk", "neither": "neither waits for the disk"}
make_inputs()
stored = os.stat("in.raw").st_blocks * 512 // MIB
print(f"{options.size} MiB, {stored} MiB stored; {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; {options.runs} runs, {FLUSHED[options.flush]}; medians")
print(f"{'pair':28} {'ours s':>7} {'peer s':>7} {'cat s':>6} {'ratio':>6} {'goal':5} {'':4}{'cpu':>6} {'x cat':>7} {'MiB':>5}")
for pair in pairs():
    if options.pattern in pair[0] and all(os.path.exists(path) for path in pair[3]):
        measure(*pair)
