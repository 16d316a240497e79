using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Rehost.DiskFormats.Tests.Vdi;

/// <summary>Lays out a differencing VDI byte by byte, by VirtualBox's VDICore.h and not by our own code: qemu-img makes none.</summary>
internal sealed class VdiBuilder
{
    private const int Block = 1 << 20;
    private readonly byte[] _parent;
    private readonly string _name;
    private readonly SortedDictionary<int, byte[]?> _blocks = [];

    public VdiBuilder(string parentPath)
    {
        _name = parentPath;
        using var file = File.OpenRead(parentPath);
        _parent = new byte[512];
        file.ReadExactly(_parent);
    }

    public void Put(int block, byte[] content) => _blocks[block] = content;

    public void Discard(int block) => _blocks[block] = null;

    public byte[] Build(int blockExtra = 0, int headerSize = 400)
    {
        var size = BinaryPrimitives.ReadInt64LittleEndian(_parent.AsSpan(368));
        var blocks = (int)((size + Block - 1) / Block);
        const int tableAt = 512;
        var dataAt = tableAt + (((blocks * 4) + 511) / 512 * 512);
        var stored = _blocks.Values.Count(content => content is not null);
        var bytes = new byte[dataAt + (stored * (Block + blockExtra))];
        bytes.AsSpan().Fill(0xcd); // junk wherever nothing belongs
        bytes.AsSpan(0, dataAt).Clear();
        "<<< innotek VirtualBox Disk Image >>>\n"u8.CopyTo(bytes);
        void Put(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), value);
        Put(0x40, 0xbeda107f);
        Put(0x44, 0x00010001);
        Put(0x48, (uint)headerSize);
        Put(0x4c, 4);
        Put(0x154, tableAt);
        Put(0x158, (uint)dataAt);
        Put(0x168, 512);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(0x170), size);
        Put(0x178, Block);
        Put(0x17c, (uint)blockExtra);
        Put(0x180, (uint)blocks);
        Put(0x184, (uint)stored);
        IdOf(_name).CopyTo(bytes, 0x188);
        IdOf(_name + "/modified").CopyTo(bytes, 0x198);
        _parent.AsSpan(0x188, 32).CopyTo(bytes.AsSpan(0x1a8)); // creation and modification id of the parent
        bytes.AsSpan(tableAt, blocks * 4).Fill(0xff);
        var place = stored; // in descending order, so that the order in the file is not that of the disk
        foreach (var (block, content) in _blocks)
        {
            if (content is null)
            {
                Put(tableAt + (block * 4), 0xfffffffe);
                continue;
            }

            Put(tableAt + (block * 4), (uint)--place);
            content.CopyTo(bytes, dataAt + (place * (Block + blockExtra)) + blockExtra);
        }

        return bytes;
    }

    /// <summary>Another one for each image, also for two that stand on one parent.</summary>
    private byte[] IdOf(string what) => SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{what} {string.Join(',', _blocks.Keys)}"))[..16];
}
