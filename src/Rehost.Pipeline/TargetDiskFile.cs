using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Pipeline;

/// <summary>The place of one disk of a target: a new file that gets its name at the end, or a block device or file that the operator named, which is written through.</summary>
internal sealed class TargetDiskFile : IDisposable
{
    /// <summary>What is looked at for content that somebody may still need: file systems, volumes and tables all leave traces there.</summary>
    private const int LookedAt = 4 << 20;

    private readonly BlockDeviceFile? _device;

    private TargetDiskFile(IImageFile file, CommittedFile? committed, BlockDeviceFile? device)
    {
        File = file;
        Committed = committed;
        _device = device;
    }

    /// <summary>What the writer writes to.</summary>
    public IImageFile File { get; }

    /// <summary>A file that still gets its name; null for a device.</summary>
    public CommittedFile? Committed { get; }

    /// <summary>A file in the output directory, or another that is shared and disposed elsewhere.</summary>
    public static TargetDiskFile Of(CommittedFile file) => new(file, file, null);

    /// <summary>Opens what the operator named.</summary>
    /// <param name="path">A block device, or a file that does not exist yet.</param>
    /// <param name="length">Bytes of the disk.</param>
    /// <param name="overwrites">Whether content may be lost.</param>
    /// <exception cref="DiagnosticException">It is in use (BLK007), too small (BLK008), holds something (PIP012), or is a file that exists (BLK004).</exception>
    public static TargetDiskFile Open(string path, long length, bool overwrites)
    {
        if (!BlockDeviceFile.IsBlockDevice(path))
        {
            var file = CommittedFile.Create(path);
            return new TargetDiskFile(file, file, null);
        }

        Preflight(path, length, overwrites);
        var device = BlockDeviceFile.Open(path);
        return new TargetDiskFile(device, null, device);
    }

    /// <summary>What can be said before anything is written.</summary>
    /// <exception cref="DiagnosticException">As <see cref="Open"/>.</exception>
    public static void Preflight(string path, long length, bool overwrites)
    {
        if (!BlockDeviceFile.IsBlockDevice(path))
        {
            if (Path.Exists(path))
            {
                throw PipelineDiagnostics.TargetExists.ToException("it is not overwritten", path);
            }

            return;
        }

        using (var device = BlockDeviceFile.Open(path))
        {
            device.SetLength(length);
        }

        if (!overwrites && FirstContent(path) is { } offset)
        {
            throw PipelineDiagnostics.OverwriteNotAllowed.ToException(string.Create(CultureInfo.InvariantCulture, $"it holds something (a byte that is not zero at {offset}), which would be lost; nothing was written"), path);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _device?.Dispose();

    private static long? FirstContent(string path)
    {
        using var device = FileDevice.OpenRead(path);
        var buffer = new byte[1 << 20];
        foreach (var (start, end) in new[] { (0L, Math.Min(LookedAt, device.Length)), (Math.Max(0, device.Length - buffer.Length), device.Length) })
        {
            for (var offset = start; offset < end; offset += buffer.Length)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - offset));
                device.Read(new GuestOffset(offset), part);
                if (part.IndexOfAnyExcept((byte)0) is >= 0 and var at)
                {
                    return offset + at;
                }
            }
        }

        return null;
    }
}
