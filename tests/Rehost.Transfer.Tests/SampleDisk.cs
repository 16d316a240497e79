using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Transfer.Tests;

/// <summary>A file system that gets a partition table before it and a few edits: the shape of a conversion.</summary>
internal sealed class SampleDisk : IDisposable
{
    public const long Shift = 1 << 20;

    private SampleDisk(FileDevice source, OverlayDevice overlay, ConcatDevice content)
    {
        Source = source;
        Overlay = overlay;
        Content = content;
    }

    public FileDevice Source { get; }

    public OverlayDevice Overlay { get; }

    public ConcatDevice Content { get; }

    public static SampleDisk Make(ScratchDirectory scratch, int size)
    {
        var random = new Random(size);
        var bytes = new byte[size];
        random.NextBytes(bytes.AsSpan(0, size / 3));
        random.NextBytes(bytes.AsSpan(size - (size / 4)));
        var path = scratch[$"source-{size}"];
        using (var file = File.Create(path))
        {
            file.SetLength(size);
            file.Write(bytes.AsSpan(0, size / 3));
            file.Position = size - (size / 4);
            file.Write(bytes.AsSpan(size - (size / 4)));
        }

        var source = FileDevice.OpenRead(path);
        var overlay = new OverlayDevice(source, OverlayStore.InMemory());
        if (size > 10_000)
        {
            overlay.Write(new GuestOffset(5000), [1, 2, 3]);
            overlay.WriteZeros(new GuestOffset(size / 4), 10_000);
            overlay.Write(new GuestOffset(size / 2), new byte[] { 9 });
        }

        var gap = new byte[Shift];
        random.NextBytes(gap.AsSpan(0, 512));
        return new SampleDisk(source, overlay, new ConcatDevice([new MemoryDevice(gap), overlay, new ZeroDevice((1 << 20) + 512)]));
    }

    public BlockManifest Copy(string path, string format, ImageCompression compression, params ByteRange[] freed)
    {
        using var file = CommittedFile.Create(path);
        using var content = new HollowDevice(Content, [.. freed]);
        using var writer = KnownDiskFormats.ByName(format).CreateWriter(file, content.Length, new ImageWriterOptions(compression));
        var manifest = DiskCopy.Run(new DiskCopyRequest(content, writer)
        {
            Mapping = MappedRange.Whole(Source.Length, Shift),
            Source = Source,
            FreedRanges = freed,
            ChangedRanges = [new ByteRange(0, Shift), .. Overlay.ChangedRanges.Select(range => range with { Offset = range.Offset + Shift })],
        });
        file.Commit();
        return manifest;
    }

    public void Dispose()
    {
        Content.Dispose();
        Overlay.Dispose();
        Source.Dispose();
    }
}
