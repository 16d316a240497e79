using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vhdx;

/// <summary>One of the two headers ([MS-VHDX] 2.2.2, little endian); the one with the higher sequence number counts.</summary>
internal sealed record VhdxHeader
{
    public const int Size = 4096;
    public const long FirstAt = 64 << 10;
    public const long SecondAt = 128 << 10;
    public const int LogLengthMax = 64 << 20; // Hyper-V and QEMU make logs of 1 MiB

    public static ReadOnlySpan<byte> FileSignature => "vhdxfile"u8;

    public static ReadOnlySpan<byte> Signature => "head"u8;

    public required ulong SequenceNumber { get; init; }

    /// <summary>Changes whenever the file is.</summary>
    public Guid FileWriteId { get; init; }

    /// <summary>Changes whenever the content of the disk does: what children know their parent by.</summary>
    public Guid DataWriteId { get; init; }

    /// <summary>Which entries of the log count; all zero for an image that was closed.</summary>
    public Guid LogId { get; init; }

    public ushort LogVersion { get; init; }

    public ushort Version { get; init; } = 1;

    public required uint LogLength { get; init; }

    public required ulong LogOffset { get; init; }

    /// <summary>Reads both headers and checks the one that counts.</summary>
    public static VhdxHeader Read(IBlockDevice file, string name, Action<Diagnostic>? report)
    {
        if (file.Length < VhdxFields.Megabyte)
        {
            throw VhdxDiagnostics.BadHeader.ToException($"the file has {file.Length} bytes, the headers need {VhdxFields.Megabyte}", name);
        }

        Span<byte> signature = stackalloc byte[8];
        file.Read(GuestOffset.Zero, signature);
        if (!signature.SequenceEqual(FileSignature))
        {
            throw VhdxDiagnostics.BadHeader.ToException("the file does not start with 'vhdxfile'", name);
        }

        var (first, second) = (TryRead(file, FirstAt), TryRead(file, SecondAt));
        var header = first is null || second?.SequenceNumber > first.SequenceNumber ? second : first;
        if (header is null)
        {
            throw VhdxDiagnostics.BadHeader.ToException("neither header has the right checksum", name);
        }

        if (first is null || second is null)
        {
            report?.Invoke(VhdxDiagnostics.CopyDamaged.Create($"the {(first is null ? "first" : "second")} header has a wrong checksum", name));
        }

        header.Check(file, name);
        return header;
    }

    public static VhdxHeader Parse(ReadOnlySpan<byte> bytes) => new()
    {
        SequenceNumber = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
        FileWriteId = new Guid(bytes.Slice(16, 16)),
        DataWriteId = new Guid(bytes.Slice(32, 16)),
        LogId = new Guid(bytes.Slice(48, 16)),
        LogVersion = BinaryPrimitives.ReadUInt16LittleEndian(bytes[64..]),
        Version = BinaryPrimitives.ReadUInt16LittleEndian(bytes[66..]),
        LogLength = BinaryPrimitives.ReadUInt32LittleEndian(bytes[68..]),
        LogOffset = BinaryPrimitives.ReadUInt64LittleEndian(bytes[72..]),
    };

    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        Signature.CopyTo(bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), SequenceNumber);
        FileWriteId.TryWriteBytes(bytes.AsSpan(16));
        DataWriteId.TryWriteBytes(bytes.AsSpan(32));
        LogId.TryWriteBytes(bytes.AsSpan(48));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(64), LogVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(66), Version);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(68), LogLength);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(72), LogOffset);
        return VhdxFields.WithSum(bytes);
    }

    private static VhdxHeader? TryRead(IBlockDevice file, long offset)
    {
        Span<byte> bytes = stackalloc byte[Size];
        file.Read(new GuestOffset(offset), bytes);
        return VhdxFields.IsWhole(bytes, Signature) ? Parse(bytes) : null;
    }

    private void Check(IBlockDevice file, string name)
    {
        if (Version != 1)
        {
            throw VhdxDiagnostics.Unsupported.ToException($"version {Version}; 1 is read", name);
        }

        if (LogId == Guid.Empty)
        {
            return;
        }

        if (LogVersion != 0)
        {
            throw VhdxDiagnostics.Unsupported.ToException($"log version {LogVersion}; 0 is read", name);
        }

        if (LogLength is 0 or > LogLengthMax || LogLength % VhdxFields.Megabyte != 0 || LogOffset % VhdxFields.Megabyte != 0 || LogOffset < VhdxFields.Megabyte
            || LogOffset > (ulong)file.Length || LogLength > (ulong)file.Length - LogOffset)
        {
            throw VhdxDiagnostics.BadHeader.ToException($"it puts a log of {LogLength} bytes at 0x{LogOffset:x} in a file of {file.Length} bytes; at most {LogLengthMax} are read", name);
        }
    }
}
