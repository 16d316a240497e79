using System.Buffers.Binary;
using Rehost.DiskFormats.Vmdk;

namespace Rehost.DiskFormats.Tests.Vmdk;

/// <summary>Builds what no free tool writes: ESX's sparse extents, and descriptors of any text.</summary>
internal static class VmdkBuilder
{
    public const int SeGrain = 4096;

    public static string Descriptor(string createType, string cid, string parent, params string[] lines)
        => $"# Disk DescriptorFile\nversion=1\nCID={cid}\nparentCID={parent}\ncreateType=\"{createType}\"\n{string.Join('\n', lines)}\n\n# The Disk Data Base\n#DDB\n\nddb.adapterType = \"lsilogic\"\n";

    /// <summary>A COWD extent that stores the grains chosen.</summary>
    public static byte[] Cowd(byte[] content, Func<int, bool> isStored, int grainSectors = 1)
    {
        var grainBytes = grainSectors * 512;
        var grains = (content.Length + grainBytes - 1) / grainBytes;
        var tables = (grains + VmdkCowdHeader.TableEntries - 1) / VmdkCowdHeader.TableEntries;
        var file = new MemoryStream();
        file.SetLength(Align((4 * 512) + (tables * 4)));
        var directory = new byte[tables * 4];
        for (var table = 0; table < tables; table++)
        {
            var entries = new byte[VmdkCowdHeader.TableEntries * 4];
            var chosen = Enumerable.Range(table * VmdkCowdHeader.TableEntries, Math.Min(VmdkCowdHeader.TableEntries, grains - (table * VmdkCowdHeader.TableEntries))).Where(isStored).ToArray();
            if (chosen.Length == 0)
            {
                continue;
            }

            var at = file.Length;
            BinaryPrimitives.WriteUInt32LittleEndian(directory.AsSpan(table * 4), (uint)(at / 512));
            file.SetLength(at + entries.Length);
            foreach (var grain in chosen)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(entries.AsSpan(grain % VmdkCowdHeader.TableEntries * 4), (uint)(file.Length / 512));
                Append(file, content, grain, grainBytes);
            }

            file.Position = at;
            file.Write(entries);
        }

        file.Position = 4 * 512;
        file.Write(directory);
        file.Position = 0;
        file.Write(new VmdkCowdHeader
        {
            Sectors = (uint)(content.Length / 512),
            GrainSectors = (uint)grainSectors,
            DirectoryEntries = (uint)tables,
            FreeSector = (uint)(file.Length / 512),
            Rest = new byte[VmdkCowdHeader.Size - 32],
        }.ToBytes());
        return file.ToArray();
    }

    /// <summary>A seSparse extent; each grain of 4 KiB is of the kind given: 0 absent, 1 unmapped, 2 zeroed, 3 stored.</summary>
    public static byte[] SeSparse(byte[] content, Func<int, int> kind)
    {
        const int tableBytes = 64 * 512;
        var grains = (content.Length + SeGrain - 1) / SeGrain;
        var tables = Math.Max(1, (grains + 4095) / 4096);
        var directorySectors = Align(tables * 8) / 512;
        var fields = new ulong[64];
        fields[0] = VmdkSeSparseHeader.Magic;
        fields[1] = VmdkSeSparseHeader.SupportedVersion;
        fields[2] = (ulong)(content.Length / 512);
        fields[3] = 8;
        fields[4] = 64;
        (fields[10], fields[11]) = (1, 1); // volatile header
        (fields[12], fields[13]) = (2, 1); // journal header
        (fields[14], fields[15]) = (3, 1); // journal
        (fields[16], fields[17]) = (8, (ulong)directorySectors);
        (fields[18], fields[19]) = (8 + (ulong)directorySectors, (ulong)tables * 64);
        (fields[20], fields[21]) = (fields[18] + fields[19], 1);
        (fields[22], fields[23]) = (fields[20] + 1, 1);
        fields[24] = (fields[22] + 8) / 8 * 8;
        var stored = Enumerable.Range(0, grains).Where(grain => kind(grain) == 3).ToList();
        fields[25] = (ulong)stored.Count * 8;
        var file = new byte[((long)fields[24] * 512) + ((long)stored.Count * SeGrain)];
        for (var i = 0; i < fields.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(i * 8), fields[i]);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(512), VmdkSeSparseHeader.VolatileMagic);
        for (var grain = 0; grain < grains; grain++)
        {
            if (kind(grain) == 0)
            {
                continue;
            }

            var table = grain / 4096;

            // Tables in reverse, so that their numbers matter.
            var place = tables - 1 - table;
            BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan((8 * 512) + (table * 8)), 0x1000_0000_0000_0000UL | (uint)place);
            var number = (ulong)Math.Max(0, stored.IndexOf(grain));
            var entry = kind(grain) == 3 ? (3UL << 60) | ((number & 0xfff) << 48) | (number >> 12) : (ulong)kind(grain) << 60;
            BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(((int)fields[18] * 512) + (place * tableBytes) + (grain % 4096 * 8)), entry);
            if (kind(grain) == 3)
            {
                var from = grain * SeGrain;
                content.AsSpan(from, Math.Min(SeGrain, content.Length - from)).CopyTo(file.AsSpan(((int)fields[24] * 512) + ((int)number * SeGrain)));
            }
        }

        return file;
    }

    private static int Align(int bytes) => (bytes + 511) / 512 * 512;

    private static void Append(MemoryStream file, byte[] content, int grain, int grainBytes)
    {
        var bytes = new byte[grainBytes];
        var from = grain * grainBytes;
        content.AsSpan(from, Math.Min(grainBytes, content.Length - from)).CopyTo(bytes);
        file.Position = file.Length;
        file.Write(bytes);
    }
}
