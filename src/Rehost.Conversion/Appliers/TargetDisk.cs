using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>
/// A disk on its way to the target: the source under an overlay, and once its layout changes, the same content with something new before and behind it. Bytes of the guest never move
/// in this process; the device that is copied to the target presents them at their new place.
/// </summary>
public sealed class TargetDisk
{
    private readonly OverlayDevice _overlay;
    private long _sourceStart;
    private long _targetStart;

    /// <summary>Makes the state of a disk without layout change.</summary>
    /// <param name="id">The disk, see <see cref="VirtualDisk.Id"/>.</param>
    /// <param name="overlay">The source under an overlay, on which the guest's files are changed. Belongs to the caller.</param>
    public TargetDisk(string id, OverlayDevice overlay)
    {
        ArgumentNullException.ThrowIfNull(overlay);
        Id = id;
        _overlay = overlay;
        Device = overlay;
    }

    /// <summary>The disk.</summary>
    public string Id { get; }

    /// <summary>The whole disk as the target will see it, as far as the changes are made.</summary>
    public IBlockDevice Device { get; private set; }

    /// <summary>Whether the content has moved.</summary>
    public bool IsMoved => !ReferenceEquals(Device, _overlay);

    /// <summary>
    /// Where the target may differ from the source, in offsets of the target, in order, joined: everything new before and behind the guest's content, and what was written to the overlay.
    /// </summary>
    public ImmutableArray<ByteRange> ChangedRanges
    {
        get
        {
            var ranges = new List<ByteRange>();
            Add(ranges, new ByteRange(0, _targetStart));
            foreach (var range in _overlay.ChangedRanges)
            {
                var start = Math.Max(range.Offset, _sourceStart);
                Add(ranges, new ByteRange(start - _sourceStart + _targetStart, range.End - start));
            }

            var contentEnd = _overlay.Length - _sourceStart + _targetStart;
            Add(ranges, new ByteRange(contentEnd, Device.Length - contentEnd));
            return [.. ranges];
        }
    }

    /// <summary>Where a byte of the source is on the target; content before the first byte that is kept has no place there.</summary>
    public long TargetStart => _targetStart;

    /// <summary>The first byte of the source that is kept.</summary>
    public long SourceStart => _sourceStart;

    /// <summary>Puts new bytes before the content and zeros behind it.</summary>
    /// <param name="head">What stands before; kept by this disk and written by boot loaders.</param>
    /// <param name="sourceStart">First byte of the source that follows the head.</param>
    /// <param name="targetLength">Bytes of the target.</param>
    internal void Move(byte[] head, long sourceStart, long targetLength)
    {
        if (IsMoved)
        {
            throw ApplyDiagnostics.Contradiction.ToException("the disk's layout is changed twice", Id);
        }

        var kept = _overlay.Length - sourceStart;
        var tail = targetLength - head.Length - kept;
        if (sourceStart < 0 || kept <= 0 || tail < 0)
        {
            throw ApplyDiagnostics.LayoutImpossible.ToException($"{head.Length} bytes before {kept} bytes of content do not fit a target of {targetLength} bytes", Id);
        }

        _sourceStart = sourceStart;
        _targetStart = head.Length;
        var content = sourceStart == 0 ? (IBlockDevice)_overlay : new SliceDevice(_overlay, new GuestOffset(sourceStart), kept, Id);
        Device = new ConcatDevice([new MemoryDevice(head), content, new OverlayDevice(new ZeroDevice(tail), OverlayStore.InMemory(), ownsBelow: true)]);
    }

    /// <summary>Adds zeros behind everything, to be written to.</summary>
    /// <param name="targetLength">Bytes of the target; not less than now.</param>
    internal void Grow(long targetLength)
    {
        var more = targetLength - Device.Length;
        if (more < 0)
        {
            throw ApplyDiagnostics.LayoutImpossible.ToException($"a disk of {Device.Length} bytes is to have {targetLength}", Id);
        }

        if (more > 0)
        {
            Device = new ConcatDevice([Device, new OverlayDevice(new ZeroDevice(more), OverlayStore.InMemory(), ownsBelow: true)]);
        }
    }

    private static void Add(List<ByteRange> ranges, ByteRange range)
    {
        if (range.Length <= 0)
        {
            return;
        }

        if (ranges.Count > 0 && ranges[^1].End >= range.Offset)
        {
            ranges[^1] = ranges[^1] with { Length = Math.Max(ranges[^1].End, range.End) - ranges[^1].Offset };
        }
        else
        {
            ranges.Add(range);
        }
    }
}
