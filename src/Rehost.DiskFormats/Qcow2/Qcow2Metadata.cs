using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>Everything about an image but its clusters.</summary>
/// <param name="Header">The header.</param>
/// <param name="Extensions">What follows it.</param>
/// <param name="Snapshots">The internal snapshots.</param>
/// <param name="SnapshotTableBytes">Bytes of their table.</param>
/// <param name="Bitmaps">The dirty bitmaps.</param>
internal sealed record Qcow2Metadata(Qcow2Header Header, Qcow2Extensions Extensions, ImmutableArray<Qcow2Snapshot> Snapshots, long SnapshotTableBytes, ImmutableArray<Qcow2Bitmap> Bitmaps)
{
    private const Qcow2Features Known = Qcow2Features.Dirty | Qcow2Features.Corrupt | Qcow2Features.ExternalData | Qcow2Features.CompressionType | Qcow2Features.ExtendedL2;

    /// <summary>Reads it, and refuses what must not be read without knowing more.</summary>
    /// <param name="file">The image.</param>
    /// <param name="name">What to call it.</param>
    /// <param name="acceptsCorrupt">Whether an image may be marked corrupt: a check looks at those above all.</param>
    /// <exception cref="DiagnosticException">The image is damaged (QCW001, QCW002, QCW006, QCW008), encrypted (QCW004) or needs something unknown (QCW003).</exception>
    public static Qcow2Metadata Read(IBlockDevice file, string name, bool acceptsCorrupt = false)
    {
        var header = Qcow2Header.Parse(file, name);
        if (header.CryptMethod != 0)
        {
            throw Qcow2Diagnostics.Encrypted.ToException(header.CryptMethod switch { 1 => "method AES", 2 => "method LUKS", var method => $"method {method}" }, name);
        }

        var extensions = Qcow2Extensions.Parse(file, header, name);
        if ((header.Incompatible & ~Known) is var unknown and not Qcow2Features.None)
        {
            var bits = Enumerable.Range(0, 64).Where(bit => ((ulong)unknown >> bit & 1) != 0).Select(extensions.NameOf);
            throw Qcow2Diagnostics.UnsupportedFeature.ToException($"incompatible features that Rehost does not know: {string.Join(", ", bits)}", name);
        }

        if (header.Incompatible.HasFlag(Qcow2Features.Corrupt) && !acceptsCorrupt)
        {
            throw Qcow2Diagnostics.MarkedCorrupt.ToException("the corrupt bit is set in the header", name);
        }

        if (header.HasDataFile && string.IsNullOrEmpty(extensions.DataFile))
        {
            throw Qcow2Diagnostics.BadHeader.ToException("the header says that the data lies in another file, and names none", name);
        }

        var (snapshots, tableBytes) = Qcow2Snapshot.ParseTable(file, header, name);

        // Without this bit something that did not know bitmaps has written to the image, and they mean nothing any more.
        var bitmaps = (header.AutoClear & Qcow2Header.BitmapsAreValid) != 0 ? Qcow2Bitmap.ParseDirectory(file, header, extensions, name) : [];
        return new Qcow2Metadata(header, extensions, snapshots, tableBytes, bitmaps);
    }

    /// <summary>The snapshot that an operator means: by id, else by name.</summary>
    /// <exception cref="DiagnosticException">There is none (DSK008).</exception>
    public Qcow2Snapshot FindSnapshot(string wanted, string name)
        => Snapshots.FirstOrDefault(one => one.Id == wanted) ?? Snapshots.FirstOrDefault(one => one.Name == wanted)
            ?? throw DiskFormatDiagnostics.NoSnapshot.ToException(
                Snapshots.IsEmpty ? $"'{wanted}' is asked for, and the image holds no snapshots" : $"'{wanted}' is none of {string.Join(", ", Snapshots.Take(20).Select(one => $"{one.Id} '{one.Name}'"))}", name);

    /// <summary>What the image says of itself.</summary>
    public DiskImageInfo Describe(string fileName)
    {
        var properties = ImmutableArray.CreateBuilder<ImageProperty>();
        properties.Add(new ImageProperty("version", Header.Version == 2 ? "2 (compat 0.10)" : "3 (compat 1.1)"));
        properties.Add(new ImageProperty("compression", Header.Compression == ImageCompression.Zstd ? "zstd" : "zlib"));
        properties.Add(new ImageProperty("refcount bits", $"{1 << (int)Header.RefcountOrder}"));
        properties.Add(new ImageProperty("extended l2", Header.HasExtendedL2 ? "yes" : "no"));
        properties.Add(new ImageProperty("lazy refcounts", (Header.Compatible & Qcow2Header.LazyRefcounts) != 0 ? "yes" : "no"));
        properties.Add(new ImageProperty("dirty", Header.Incompatible.HasFlag(Qcow2Features.Dirty) ? "yes" : "no"));
        properties.Add(new ImageProperty("corrupt", Header.Incompatible.HasFlag(Qcow2Features.Corrupt) ? "yes" : "no"));
        if (Extensions.BackingFile is not null)
        {
            properties.Add(new ImageProperty("backing format", Extensions.BackingFormat ?? "not declared"));
        }

        if (Header.HasDataFile)
        {
            properties.Add(new ImageProperty("data file", Extensions.DataFile ?? ""));
            properties.Add(new ImageProperty("data file raw", (Header.AutoClear & Qcow2Header.DataFileIsRaw) != 0 ? "yes" : "no"));
        }

        foreach (var bitmap in Bitmaps)
        {
            properties.Add(new ImageProperty("bitmap", $"{bitmap.Name} (granularity {1L << bitmap.GranularityBits}{(bitmap.IsInUse ? ", in use" : "")})"));
        }

        return new DiskImageInfo("qcow2")
        {
            FileName = fileName,
            UnitBytes = Header.ClusterSize,
            ParentReference = Extensions.BackingFile,
            Files = Header.HasDataFile && Extensions.DataFile is { } dataFile ? [dataFile] : [],
            Snapshots = [.. Snapshots.Select(one => new ImageSnapshot(one.Id, one.Name, DateTimeOffset.FromUnixTimeMilliseconds((one.Seconds * 1000L) + (one.Nanoseconds / 1_000_000)), one.DiskLength ?? Header.DiskLength, one.SavedState))],
            Properties = properties.ToImmutable(),
        };
    }
}
