using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Transfer.Tests;

public sealed class DeltaProofTests
{
    private const int Size = (9 << 20) + 512;

    [Fact]
    public void FindsEachFlippedBitOfTheTarget()
    {
        using var scratch = new ScratchDirectory();
        using var disk = SampleDisk.Make(scratch, Size);
        var manifest = disk.Copy(scratch["out"], "raw", ImageCompression.None);
        var random = new Random(3);
        for (var round = 0; round < 25; round++)
        {
            var at = round == 0 ? 0 : round == 1 ? manifest.Length - 1 : random.NextInt64(manifest.Length);
            Flip(scratch["out"], at);
            using (var target = FileDevice.OpenRead(scratch["out"]))
            {
                var report = DeltaProof.Run(disk.Source, target, manifest);
                Assert.False(report.IsProved);
                var block = at / 65536 * 65536;
                Assert.Contains(new DeltaMismatch(DeltaMismatchKind.TargetDiffersFromManifest, new ByteRange(block, Math.Min(65536, manifest.Length - block))), report.Mismatches);
                var isUnchanged = at >= SampleDisk.Shift && at < SampleDisk.Shift + Size && !manifest.ChangedRanges.Any(range => range.Offset <= at && at < range.End);
                Assert.Equal(isUnchanged, report.Mismatches.Contains(new DeltaMismatch(DeltaMismatchKind.TargetDiffersFromSource, new ByteRange(at, 1))));
            }

            Flip(scratch["out"], at);
        }

        using var good = FileDevice.OpenRead(scratch["out"]);
        Assert.True(DeltaProof.Run(disk.Source, good, manifest).IsProved);
    }

    [Fact]
    public void FindsAChangeThatWasNotDeclared()
    {
        using var scratch = new ScratchDirectory();
        using var disk = SampleDisk.Make(scratch, Size);
        disk.Overlay.Write(new GuestOffset(8 << 20), [0xaa, 0xbb]);
        using var file = CommittedFile.Create(scratch["a.qcow2"]);
        using var writer = KnownDiskFormats.ByName("qcow2").CreateWriter(file, disk.Content.Length, new ImageWriterOptions());
        var changed = disk.Overlay.ChangedRanges.SkipLast(1).Select(range => range with { Offset = range.Offset + SampleDisk.Shift });
        var manifest = DiskCopy.Run(new DiskCopyRequest(disk.Content, writer) { Mapping = MappedRange.Whole(Size, SampleDisk.Shift), ChangedRanges = [.. changed] });
        file.Commit();
        using var target = KnownDiskFormats.ByName("qcow2").Open(new DiskOpenRequest(FileDevice.OpenRead(scratch["a.qcow2"]), "a"));
        var report = DeltaProof.Run(disk.Source, target, manifest);
        var mismatch = Assert.Single(report.Mismatches);
        Assert.Equal(new DeltaMismatch(DeltaMismatchKind.TargetDiffersFromSource, new ByteRange(SampleDisk.Shift + (8 << 20), 2)), mismatch);
        Assert.True(DeltaProof.Run(null, target, manifest).IsProved);
    }

    [Fact]
    public void FindsDataThatAppearedInAHoleOfSourceOrTarget()
    {
        using var scratch = new ScratchDirectory();
        using var disk = SampleDisk.Make(scratch, Size);
        var manifest = disk.Copy(scratch["out"], "raw", ImageCompression.None);
        var inHole = (Size / 2) + 200_000;
        using (var file = FileDevice.OpenReadWrite(scratch[$"source-{Size}"]))
        {
            file.Write(new GuestOffset(inHole), [1]);
        }

        using var target = FileDevice.OpenRead(scratch["out"]);
        var report = DeltaProof.Run(disk.Source, target, manifest);
        Assert.Equal(new DeltaMismatch(DeltaMismatchKind.TargetDiffersFromSource, new ByteRange(SampleDisk.Shift + inHole, 1)), Assert.Single(report.Mismatches));
    }

    [Fact]
    public void OtherDisksAreRefused()
    {
        using var scratch = new ScratchDirectory();
        using var disk = SampleDisk.Make(scratch, Size);
        var manifest = disk.Copy(scratch["out"], "raw", ImageCompression.None);
        using var target = FileDevice.OpenRead(scratch["out"]);
        using var other = new ZeroDevice(512);
        Assert.Equal("TRF003", Assert.Throws<DiagnosticException>(() => DeltaProof.Run(disk.Source, other, manifest)).Diagnostic.Id);
        Assert.Equal("TRF003", Assert.Throws<DiagnosticException>(() => DeltaProof.Run(other, target, manifest)).Diagnostic.Id);
    }

    private static void Flip(string path, long at)
    {
        using var file = new FileStream(path, FileMode.Open);
        file.Position = at;
        var value = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(value ^ 16));
    }
}
