using System.Buffers.Binary;
using Rehost.Conversion.BootLoaders.Grub2;
using Rehost.Testing;

namespace Rehost.Conversion.Tests.BootLoaders;

/// <summary>GRUB's own files and tools on this machine, and xz as a stranger's LZMA decoder.</summary>
internal static class GrubWitness
{
    public const string Directory = "/usr/lib/grub/i386-pc";

    public static HostGrubFiles Files { get; } = new(Directory);

    /// <summary>What grub-mkimage makes of the same input.</summary>
    public static byte[] MakeImage(ScratchDirectory scratch, IEnumerable<string> modules, string prefix, string? config)
    {
        string[] withConfig = [];
        if (config is not null)
        {
            File.WriteAllText(scratch["early.cfg"], config);
            withConfig = ["-c", scratch["early.cfg"]];
        }

        Tool.MustRun("grub-mkimage", ["-O", "i386-pc", "-d", Directory, "-o", scratch["theirs.img"], "-p", prefix, .. withConfig, .. modules]);
        return File.ReadAllBytes(scratch["theirs.img"]);
    }

    /// <summary>The decompressed payload of a core image.</summary>
    public static byte[] Unpack(ScratchDirectory scratch, byte[] core)
    {
        var decompressor = File.ReadAllBytes(Path.Combine(Directory, "lzma_decompress.img")).Length;
        var packed = BinaryPrimitives.ReadInt32LittleEndian(core.AsSpan(512 + 8));
        var plain = BinaryPrimitives.ReadInt32LittleEndian(core.AsSpan(512 + 12));
        Assert.Equal(core.Length, 512 + decompressor + packed);
        return Decode(scratch, core[(512 + decompressor)..], plain);
    }

    /// <summary>Decodes raw LZMA1 (lc=3 lp=0 pb=2) with xz, by the header of the .lzma format that it knows.</summary>
    public static byte[] Decode(ScratchDirectory scratch, byte[] packed, int plainLength)
    {
        var header = new byte[13];
        header[0] = (2 * 45) + 3;
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(1), 1 << 24);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(5), plainLength);
        File.WriteAllBytes(scratch["packed.lzma"], [.. header, .. packed]);
        Tool.MustRun("xz", "--format=lzma", "--decompress", "--force", "--keep", scratch["packed.lzma"]);
        return File.ReadAllBytes(scratch["packed"]);
    }
}
