using Rehost.Blocks;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>An image in one file. The witnesses see it flushed, while it is open.</summary>
internal sealed class FileUnderTest : ImageUnderTest
{
    private readonly RandomProfile _profile;
    private readonly ScratchDirectory _scratch;
    private readonly string _image;
    private FileDevice? _device;

    public FileUnderTest(RandomProfile profile, ScratchDirectory scratch)
    {
        (_profile, _scratch, _image) = (profile, scratch, scratch["image"]);
        profile.MakeImage(_image);
    }

    public override IFileSystem Open() => _profile.Open(_device ??= FileDevice.OpenReadWrite(_image));

    public override void Adopt(ModelledFileSystem pair) => _profile.Adopt(pair);

    public override string? FindFault() => _profile.FindFault(_image);

    public override string? FindFaultAfterBatch(IFileSystem subject)
    {
        var info = subject.Info;
        var free = subject.GetFreeRanges().Sum(range => range.Length);
        return _profile.IsFreeSpaceExact && free != info.TotalBytes - info.UsedBytes
            ? $"{free} bytes in free ranges, {info.TotalBytes - info.UsedBytes} said to be free"
            : null;
    }

    public override void CompareAtEnd(InMemoryFileSystem model, IFileSystem subject)
    {
        OverwriteFreeSpace(subject);
        if (FindFault() is { } stale)
        {
            throw new ConformanceFailure("after free space was overwritten: " + stale);
        }

        _profile.CompareWithWitness(model, _image, _scratch);
    }

    public override void Close()
    {
        _device?.Dispose();
        _device = null;
    }

    /// <summary>What is said to be free must hold nothing that anybody reads.</summary>
    private void OverwriteFreeSpace(IFileSystem subject)
    {
        var junk = new byte[1 << 20];
        new Random(1).NextBytes(junk);
        foreach (var range in subject.GetFreeRanges())
        {
            for (var done = 0L; done < range.Length; done += junk.Length)
            {
                _device?.Write(new GuestOffset(range.Offset + done), junk.AsSpan(0, (int)Math.Min(junk.Length, range.Length - done)));
            }
        }
    }
}
