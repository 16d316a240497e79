using Rehost.FileSystems.Ntfs;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ntfs;

/// <summary>Volumes with changed bytes in their records, indexes and boot sector, read whole and edited.</summary>
public sealed class NtfsHostileImageTests
{
    /// <summary>REHOST_PROPERTY_OPERATIONS sets more.</summary>
    private static readonly int Rounds = ExtRandomOperations.ReadSetting("REHOST_PROPERTY_OPERATIONS", 100);

    private const string Script = """
        mkdir packed many; setfattr -h -v 0x00000810 -n system.ntfs_attrib_be packed; (for i in $(seq 3000); do echo "line $i of a text"; done) > packed/text
        for i in $(seq 60); do echo $i > "many/a file with a name $i that is not short"; done; ln packed/text hard; ln -s target link
        truncate -s 900000 sparse; for at in 0 50 100; do printf x | dd of=sparse bs=4096 seek=$at conv=notrunc status=none; done
        for i in $(seq 30); do head -c 5000 packed/text >> a; head -c 5000 packed/text >> b; ln a "a has many names $i and so more than one record"; done; setfattr -n user.stream -v value a
        """;

    [Theory]
    [InlineData("-c 4096", 1)]
    [InlineData("-c 512", 2)]
    [InlineData("-s 4096 -c 4096", 3)]
    public void Damage_gives_findings_and_nothing_else(string mkntfs, int seed)
    {
        using var scratch = new ScratchDirectory();
        var image = scratch["image"];
        Tool.MustRun("sh", "-c", $"truncate -s 5M '{image}'; mkntfs -q -F -Q -T {mkntfs} '{image}'");
        NtfsImages.Fill(image, scratch["mount"], Script);
        var content = File.ReadAllBytes(image);
        HostileReading.Fuzz(content, FindMetadata(content), Rounds, seed, device => NtfsFileSystem.Open(device, new FileSystemOpenOptions()));
    }

    /// <summary>Records in use (those of the file system itself more often), index blocks, and the boot sector.</summary>
    private static List<int> FindMetadata(byte[] image)
    {
        var hot = Enumerable.Range(11, 69).ToList();
        for (var at = 0; at < image.Length; at += 1024)
        {
            var (isRecord, isBlock) = (image.AsSpan(at).StartsWith("FILE"u8), image.AsSpan(at).StartsWith("INDX"u8));
            if (!isRecord && !isBlock)
            {
                continue;
            }

            var length = isBlock ? 4096 : Math.Min(BitConverter.ToInt32(image, at + 24), 4096);
            var bytes = Enumerable.Range(at, length).Where(i => image[i] != 0).ToArray();
            var isOfFileSystem = isRecord && BitConverter.ToInt32(image, at + 44) < 12;
            for (var times = isOfFileSystem ? 3 : 1; times > 0; times--)
            {
                hot.AddRange(bytes);
            }
        }

        return hot;
    }
}
