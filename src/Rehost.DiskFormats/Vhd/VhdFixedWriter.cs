using Rehost.Blocks;
using Rehost.DiskFormats.Raw;

namespace Rehost.DiskFormats.Vhd;

/// <summary>Writes a fixed VHD: the disk as it is, with holes where it is zero, and the footer behind it.</summary>
internal sealed class VhdFixedWriter : IImageWriter
{
    private readonly IImageFile _file;
    private readonly VhdFooter _footer;
    private readonly RawWriter _data;

    public VhdFixedWriter(IImageFile file, long length, VhdSubFormat kind, Guid uniqueId)
    {
        _file = file;
        _footer = kind.FooterFor(length, uniqueId);
        _data = new RawWriter(file, length);
        file.SetLength((long)_footer.CurrentSize + VhdFooter.Size);
    }

    public long Length => _data.Length;

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => _data.Write(offset, data);

    public void WriteZeros(GuestOffset offset, long length) => _data.WriteZeros(offset, length);

    public bool TryShare(FileDevice source, FileOffset sourceOffset, GuestOffset offset, long length) => _data.TryShare(source, sourceOffset, offset, length);

    public void Complete(CancellationToken cancellationToken)
    {
        _file.Write(new FileOffset((long)_footer.CurrentSize), _footer.ToBytes());
        _data.Complete(cancellationToken);
    }

    public void Dispose() => _data.Dispose();
}
