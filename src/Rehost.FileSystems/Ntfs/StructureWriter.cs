namespace Rehost.FileSystems.Ntfs;

/// <summary>Writes into clusters that an attribute has: structures through the cache, content past it.</summary>
internal sealed class StructureWriter(StreamReader streams, PageCache cache)
{
    internal void Write(NtfsAttribute attribute, long offset, ReadOnlySpan<byte> data, string where)
    {
        if (attribute.Value is { } value)
        {
            data.CopyTo(value.AsSpan((int)offset));
            return;
        }

        while (!data.IsEmpty)
        {
            var (position, count) = Locate(attribute, offset, data.Length, where);
            cache.Write(position, data[..count]);
            offset += count;
            data = data[count..];
        }
    }

    internal void WriteContent(NtfsAttribute attribute, long offset, ReadOnlySpan<byte> data, string where)
    {
        while (!data.IsEmpty)
        {
            var (position, count) = Locate(attribute, offset, data.Length, where);
            cache.WriteContent(position, data[..count]);
            offset += count;
            data = data[count..];
        }
    }

    /// <summary>Zeros where there are clusters; holes are zeros already.</summary>
    internal void ClearContent(NtfsAttribute attribute, long offset, long length, string where)
    {
        const int most = 1 << 30;
        while (length > 0)
        {
            var (position, count) = streams.Locate(attribute.Runs, offset, (int)Math.Min(length, most), where);
            if (position >= 0)
            {
                cache.ClearContent(position, count);
            }

            offset += count;
            length -= count;
        }
    }

    private (long Position, int Count) Locate(NtfsAttribute attribute, long offset, int most, string where)
        => streams.Locate(attribute.Runs, offset, most, where) is var found && found.Position >= 0
            ? found
            : throw NtfsDiagnostics.BadRuns.ToException($"byte {offset} of {attribute.Where} is in a hole", where);
}
