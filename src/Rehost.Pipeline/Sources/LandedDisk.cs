using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.DiskFormats.Landing;
using Rehost.Model;
using Rehost.Transfer;

namespace Rehost.Pipeline.Sources;

/// <summary>A disk of a source that comes once: received into a file, hashed on the way, read from there, and made the target there where the target is of the file's format.</summary>
internal sealed class LandedDisk : IBlockDevice
{
    private LandedDisk(CommittedFile file, ILandingImage image, string format) => (File, Image, Format) = (file, image, format);

    /// <summary>The file, unfinished: it goes with the source unless it becomes the target.</summary>
    public CommittedFile File { get; }

    /// <summary>The image in it.</summary>
    public ILandingImage Image { get; }

    /// <summary>Its format.</summary>
    public string Format { get; }

    /// <summary>Hashes of its blocks as they came.</summary>
    public PassingHashes Hashes { get; } = new();

    public long Length => Image.Length;

    public bool CanWrite => false;

    /// <summary>Makes an empty one.</summary>
    /// <param name="directory">Directory of the file.</param>
    /// <param name="number">Number of the disk, which keeps the names apart.</param>
    /// <param name="format">raw or qcow2.</param>
    /// <param name="length">Bytes of the disk.</param>
    public static LandedDisk Create(string directory, int number, string format, long length)
    {
        var file = CommittedFile.Create(Path.Combine(directory, $".rehost-{Environment.ProcessId}-{Path.GetRandomFileName()}-disk{number}"));
        try
        {
            var image = KnownDiskFormats.ByName(format).CreateLanding(file, length) ?? throw new ArgumentOutOfRangeException(nameof(format));
            return new LandedDisk(file, image, format);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Takes the next content.</summary>
    public void Land(long position, ReadOnlySpan<byte> data)
    {
        Hashes.Add(position, data);
        Image.Land(new GuestOffset(position), data);
    }

    public void Read(GuestOffset offset, Span<byte> buffer) => Image.Read(offset, buffer);

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => Image.GetExtents(offset, length);

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => Image.Write(offset, data);

    public void WriteZeros(GuestOffset offset, long length) => Image.WriteZeros(offset, length);

    public void Flush() => Image.Flush();

    public void Dispose()
    {
        Image.Dispose();
        File.Dispose();
    }
}
