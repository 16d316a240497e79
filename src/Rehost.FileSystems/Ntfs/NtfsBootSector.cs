using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.FileSystems.Ntfs;

/// <summary>The boot sector, checked. Sizes are powers of two, given as a count or, when the byte is negative, as an exponent.</summary>
internal sealed class NtfsBootSector
{
    internal const int Size = 512;
    private const int LargestSector = 4096;
    private const int LargestCluster = 2 << 20;
    private const int SmallestRecord = 512;
    private const int LargestRecord = 64 << 10;

    private NtfsBootSector(ReadOnlySpan<byte> raw)
    {
        BytesPerSector = BinaryPrimitives.ReadUInt16LittleEndian(raw[11..]);
        SectorsPerClusterCode = raw[13];
        TotalSectors = BinaryPrimitives.ReadInt64LittleEndian(raw[40..]);
        MftCluster = BinaryPrimitives.ReadInt64LittleEndian(raw[48..]);
        MirrorCluster = BinaryPrimitives.ReadInt64LittleEndian(raw[56..]);
        Serial = BinaryPrimitives.ReadUInt64LittleEndian(raw[72..]);
        ClusterSize = SectorsPerClusterCode <= 0x80 ? BytesPerSector * SectorsPerClusterCode : Shifted(BytesPerSector, 256 - SectorsPerClusterCode);
        RecordSize = SizeOf(unchecked((sbyte)raw[64]));
        IndexBlockSize = SizeOf(unchecked((sbyte)raw[68]));
    }

    internal int BytesPerSector { get; }

    internal long TotalSectors { get; }

    internal long MftCluster { get; }

    internal long MirrorCluster { get; }

    internal ulong Serial { get; }

    internal int ClusterSize { get; }

    internal int RecordSize { get; }

    internal int IndexBlockSize { get; }

    internal long ClusterCount => TotalSectors / (ClusterSize / BytesPerSector);

    private int SectorsPerClusterCode { get; }

    internal static bool Identify(IBlockDevice device)
    {
        if (device.Length < Size)
        {
            return false;
        }

        var raw = new byte[Size];
        device.Read(GuestOffset.Zero, raw);
        return IsNtfs(raw) && new NtfsBootSector(raw).FindFault() is null;
    }

    internal static NtfsBootSector Read(IBlockDevice device)
    {
        var raw = new byte[Size];
        if (device.Length < Size)
        {
            throw NtfsDiagnostics.Truncated.ToException($"the device has {device.Length} bytes", "boot sector");
        }

        device.Read(GuestOffset.Zero, raw);
        var boot = new NtfsBootSector(raw);
        if (!IsNtfs(raw) || boot.FindFault() is not null)
        {
            throw NtfsDiagnostics.BadBootSector.ToException(boot.FindFault() ?? "it does not say NTFS", "boot sector");
        }

        // The last sector of the partition is the boot sector's copy, and no part of the volume.
        return boot.TotalSectors > device.Length / boot.BytesPerSector
            ? throw NtfsDiagnostics.Truncated.ToException($"the volume has {boot.TotalSectors} sectors of {boot.BytesPerSector} bytes, the device {device.Length} bytes", "boot sector")
            : boot;
    }

    private static bool IsNtfs(ReadOnlySpan<byte> raw) => raw.Slice(3, 8).SequenceEqual("NTFS    "u8);

    private static int Shifted(int value, int by) => by is > 0 and < 16 ? value << by : 0;

    private int SizeOf(sbyte code) => code switch
    {
        > 0 => (int)Math.Min((long)code * ClusterSize, int.MaxValue),
        < 0 and > -31 => 1 << -code,
        _ => 0,
    };

    private string? FindFault()
    {
        if (BytesPerSector is < Size or > LargestSector || !int.IsPow2(BytesPerSector))
        {
            return $"sectors of {BytesPerSector} bytes, needed 512 to 4096";
        }

        if (ClusterSize < BytesPerSector || ClusterSize > LargestCluster || !int.IsPow2(ClusterSize))
        {
            return $"clusters of {ClusterSize} bytes, needed {BytesPerSector} to {LargestCluster}";
        }

        if (RecordSize is < SmallestRecord or > LargestRecord || !int.IsPow2(RecordSize) || IndexBlockSize is < SmallestRecord or > LargestRecord || !int.IsPow2(IndexBlockSize))
        {
            return $"records of {RecordSize} bytes and index blocks of {IndexBlockSize} bytes, needed {SmallestRecord} to {LargestRecord}";
        }

        if (TotalSectors <= 0 || TotalSectors > long.MaxValue / LargestSector)
        {
            return $"{TotalSectors} sectors";
        }

        return MftCluster <= 0 || MftCluster >= ClusterCount || MirrorCluster <= 0 || MirrorCluster >= ClusterCount
            ? $"the master file table at cluster {MftCluster} and its mirror at {MirrorCluster} of {ClusterCount}"
            : null;
    }
}
