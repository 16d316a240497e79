using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.FileSystems.Fat;

/// <summary>The boot sector with its parameter block ("FAT: General Overview of On-Disk Format", version 1.03, sections 3 and 4), checked.</summary>
internal sealed class FatBootSector
{
    internal const int Size = 512;
    private const int EntrySize = 32;
    private const int LargestSector = 4096;
    private const int MostFat12Clusters = 4084;
    private const uint MostFat32Clusters = 0x0FFFFFF5;

    private FatBootSector(ReadOnlySpan<byte> raw)
    {
        BytesPerSector = U16(raw, 11);
        SectorsPerCluster = raw[13];
        ReservedSectors = U16(raw, 14);
        FatCount = raw[16];
        RootEntries = U16(raw, 17);
        TotalSectors = U16(raw, 19) is var small and not 0 ? (uint)small : BinaryPrimitives.ReadUInt32LittleEndian(raw[32..]);
        var isFat32 = U16(raw, 22) == 0;
        SectorsPerFat = isFat32 ? BinaryPrimitives.ReadUInt32LittleEndian(raw[36..]) : (uint)U16(raw, 22);
        if (isFat32)
        {
            var flags = U16(raw, 40);
            IsMirrored = (flags & 0x80) == 0;
            ActiveFat = IsMirrored ? 0 : flags & 0xF;
            RootCluster = BinaryPrimitives.ReadUInt32LittleEndian(raw[44..]);
            InfoSector = U16(raw, 48);
            Version = U16(raw, 42);
        }

        var extended = isFat32 ? 64 : 36; // drive number, state, signature, serial, label, type
        IsMarkedDirty = (raw[extended + 1] & 1) != 0;
        if (raw[extended + 2] is 0x28 or 0x29)
        {
            Serial = BinaryPrimitives.ReadUInt32LittleEndian(raw[(extended + 3)..]);
            Label = raw[extended + 2] == 0x29 ? raw.Slice(extended + 7, 11).ToArray() : null;
        }

        Bits = isFat32 ? 32 : 16;
    }

    internal int BytesPerSector { get; }

    internal int SectorsPerCluster { get; }

    internal int ReservedSectors { get; }

    internal int FatCount { get; }

    internal int RootEntries { get; }

    internal uint TotalSectors { get; }

    internal uint SectorsPerFat { get; }

    internal bool IsMirrored { get; } = true;

    internal int ActiveFat { get; }

    internal uint RootCluster { get; }

    internal int InfoSector { get; }

    internal int Version { get; }

    internal bool IsMarkedDirty { get; }

    internal uint? Serial { get; }

    internal byte[]? Label { get; }

    /// <summary>12, 16 or 32.</summary>
    internal int Bits { get; private set; }

    internal uint ClusterCount { get; private set; }

    internal uint LastCluster => ClusterCount + 1;

    internal int ClusterSize => BytesPerSector * SectorsPerCluster;

    internal long FatBytes => (long)SectorsPerFat * BytesPerSector;

    internal long FatOffset(int copy) => ((long)ReservedSectors * BytesPerSector) + (copy * FatBytes);

    internal long RootOffset => FatOffset(FatCount);

    internal int RootBytes => RootEntries * EntrySize;

    internal long DataOffset => RootOffset + ((long)(RootBytes + BytesPerSector - 1) / BytesPerSector * BytesPerSector);

    internal long ClusterOffset(uint cluster) => DataOffset + ((cluster - 2L) * ClusterSize);

    internal static bool Identify(IBlockDevice device)
    {
        if (device.Length < Size)
        {
            return false;
        }

        var raw = new byte[Size];
        device.Read(GuestOffset.Zero, raw);

        // MS-DOS before 3.2 left out the jump; what claims to be another file system of the same family (exFAT, NTFS) has no FATs.
        return raw[510] == 0x55 && raw[511] == 0xAA && raw[0] is 0xEB or 0xE9 && !raw.AsSpan(3, 8).SequenceEqual("NTFS    "u8)
            && FindFault(new FatBootSector(raw), raw[21]) is null;
    }

    internal static FatBootSector Read(IBlockDevice device)
    {
        var raw = new byte[Size];
        if (device.Length < Size)
        {
            throw FatDiagnostics.Truncated.ToException($"the device has {device.Length} bytes", "boot sector");
        }

        device.Read(GuestOffset.Zero, raw);
        var boot = new FatBootSector(raw);
        if (FindFault(boot, raw[21]) is { } fault)
        {
            throw FatDiagnostics.BadBootSector.ToException(fault, "boot sector");
        }

        var dataSectors = boot.TotalSectors - (boot.DataOffset / boot.BytesPerSector);
        var clusters = dataSectors / boot.SectorsPerCluster;
        if (boot.Bits == 16 && clusters <= MostFat12Clusters)
        {
            boot.Bits = 12;
        }

        // The field's own implementations take the smaller number when the table is shorter than the volume.
        boot.ClusterCount = (uint)Math.Min(clusters, (boot.FatBytes * 8 / boot.Bits) - 2);
        if (boot.ClusterCount == 0 || boot.Bits == 32 && boot.ClusterCount > MostFat32Clusters)
        {
            throw FatDiagnostics.BadBootSector.ToException($"{boot.ClusterCount} clusters of {boot.ClusterSize} bytes", "boot sector");
        }

        if ((long)boot.TotalSectors * boot.BytesPerSector > device.Length)
        {
            throw FatDiagnostics.Truncated.ToException($"the volume has {boot.TotalSectors} sectors of {boot.BytesPerSector} bytes, the device {device.Length} bytes", "boot sector");
        }

        if (boot.Bits == 32 && (boot.RootCluster < 2 || boot.RootCluster > boot.LastCluster))
        {
            throw FatDiagnostics.BadBootSector.ToException($"the root directory is said to be at cluster {boot.RootCluster} of {boot.LastCluster}", "boot sector");
        }

        return boot;
    }

    private static string? FindFault(FatBootSector boot, byte media)
    {
        if (boot.BytesPerSector is < Size or > LargestSector || !int.IsPow2(boot.BytesPerSector))
        {
            return $"sectors of {boot.BytesPerSector} bytes, needed 512 to 4096";
        }

        if (boot.SectorsPerCluster == 0 || !int.IsPow2(boot.SectorsPerCluster))
        {
            return $"{boot.SectorsPerCluster} sectors per cluster, needed a power of two";
        }

        if (boot.ReservedSectors == 0 || boot.FatCount is 0 or > 4 || boot.SectorsPerFat == 0)
        {
            return $"{boot.ReservedSectors} reserved sectors and {boot.FatCount} tables of {boot.SectorsPerFat} sectors";
        }

        if (media != 0xF0 && media < 0xF8)
        {
            return $"a medium of type 0x{media:x2}";
        }

        if (boot.Bits == 32 ? boot.RootEntries != 0 || boot.ActiveFat >= boot.FatCount || boot.Version != 0 : boot.RootEntries == 0)
        {
            return $"a root directory of {boot.RootEntries} entries, active table {boot.ActiveFat} of {boot.FatCount}, version {boot.Version}";
        }

        return boot.DataOffset / boot.BytesPerSector >= boot.TotalSectors ? $"structures of {boot.DataOffset} bytes in a volume of {boot.TotalSectors} sectors" : null;
    }

    private static int U16(ReadOnlySpan<byte> raw, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(raw[offset..]);
}
