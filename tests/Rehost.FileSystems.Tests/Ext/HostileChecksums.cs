using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.FileSystems.Ext;
using Rehost.Model;

namespace Rehost.FileSystems.Tests.Ext;

/// <summary>Makes the checksums of a damaged image right again where that is simple: superblock, descriptors, the first inodes.</summary>
internal static class HostileChecksums
{
    internal static void Mend(IBlockDevice device)
    {
        try
        {
            var raw = new byte[1024];
            device.Read(new GuestOffset(1024), raw);
            BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(0x3FC), ExtChecksum.Crc32C(uint.MaxValue, raw.AsSpan(0, 0x3FC)));
            device.Write(new GuestOffset(1024), raw);
            var super = ExtSuperblock.Read(device);
            if (!super.HasMetadataChecksums)
            {
                return;
            }

            MendDescriptors(device, super);
            var volume = new ExtVolume(device, super);
            for (var number = 2u; number < 60; number++)
            {
                var (block, offset, _, _) = volume.Inodes.Locate(number);
                volume.Inodes.Put(new ExtInode(number, volume.Cache.Read(block).AsSpan(offset, super.InodeSize).ToArray()));
            }

            volume.Cache.WriteBack();
        }
        catch (DiagnosticException)
        {
            // Too damaged to mend.
        }
    }

    private static void MendDescriptors(IBlockDevice device, ExtSuperblock super)
    {
        Span<byte> number = stackalloc byte[4];
        for (var group = 0u; group < super.GroupCount; group++)
        {
            var block = super.DescriptorBlock(group / (uint)super.DescriptorsPerBlock);
            if (!super.IsValidBlock(block))
            {
                continue;
            }

            var place = new GuestOffset(((long)block * super.BlockSize) + (group % (uint)super.DescriptorsPerBlock * (uint)super.DescriptorSize));
            Span<byte> raw = new byte[super.DescriptorSize];
            device.Read(place, raw);
            BinaryPrimitives.WriteUInt32LittleEndian(number, group);
            var crc = ExtChecksum.Crc32C(ExtChecksum.Crc32C(super.ChecksumSeed, number), raw[..0x1E]);
            crc = ExtChecksum.Crc32C(ExtChecksum.Crc32C(crc, [0, 0]), raw[0x20..]);
            BinaryPrimitives.WriteUInt16LittleEndian(raw[0x1E..], (ushort)(crc & 0xFFFF));
            device.Write(place, raw);
        }
    }
}
