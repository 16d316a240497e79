using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>Has a target share the blocks of the files that its content lies in, as long as the host's file system does that.</summary>
internal sealed class BlockSharing(IBlockDevice content, IImageWriter target)
{
    private const int Alignment = 4096; // of file systems that share; they refuse anything else
    private volatile bool _isPossible = true;

    /// <summary>Whether nothing speaks against sharing a range so far, so that it need not be read; any number of threads may ask.</summary>
    public bool IsLikely(ByteRange range) => _isPossible && content.FindStored(new GuestOffset(range.Offset), range.Length) is not null;

    /// <summary>Shares a range; false when it must be written. What was shared of it before that is then overwritten with the same content.</summary>
    public bool TryShare(ByteRange range)
    {
        for (var position = range.Offset; _isPossible && position < range.End;)
        {
            if (content.FindStored(new GuestOffset(position), range.End - position) is not { } stored)
            {
                return false;
            }

            var end = position + stored.Length;
            var isAligned = stored.Offset.Value % Alignment == 0 && position % Alignment == 0 && (end % Alignment == 0 || end == content.Length);
            if (!isAligned)
            {
                return false;
            }

            if (!target.TryShare(stored.File, stored.Offset, new GuestOffset(position), stored.Length))
            {
                _isPossible = false;
                return false;
            }

            position = end;
        }

        return _isPossible;
    }
}
