using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.FileSystems.Ntfs;

/// <summary>
/// The update sequence of a record: the last two bytes of every 512 are replaced by a number, and kept in the record's head, so that a record that was written in part shows.
/// </summary>
internal static class UpdateSequence
{
    internal const int Stride = 512;

    /// <summary>Checks the numbers of a record read from disk and puts the bytes back.</summary>
    internal static void Apply(Span<byte> record, DiagnosticDescriptor damage, string where)
    {
        var (offset, count) = (BinaryPrimitives.ReadUInt16LittleEndian(record[4..]), BinaryPrimitives.ReadUInt16LittleEndian(record[6..]));
        if (count != (record.Length / Stride) + 1 || offset < 8 || offset % 2 != 0 || offset + (count * 2) > Stride - 2)
        {
            throw damage.ToException($"an update sequence of {count} numbers at {offset}, needed {(record.Length / Stride) + 1}", where);
        }

        var number = record.Slice(offset, 2);
        for (var i = 1; i < count; i++)
        {
            var end = record.Slice((i * Stride) - 2, 2);
            if (!end.SequenceEqual(number))
            {
                throw damage.ToException($"it was written in part: sector {i - 1} ends in {Convert.ToHexStringLower(end)}, needed {Convert.ToHexStringLower(number)}", where);
            }

            record.Slice(offset + (i * 2), 2).CopyTo(end);
        }
    }

    /// <summary>Advances the number and puts it in place, for writing to disk.</summary>
    internal static void Protect(Span<byte> record)
    {
        var (offset, count) = (BinaryPrimitives.ReadUInt16LittleEndian(record[4..]), BinaryPrimitives.ReadUInt16LittleEndian(record[6..]));
        var number = BinaryPrimitives.ReadUInt16LittleEndian(record[offset..]);
        number = number >= 0xFFFE ? (ushort)1 : (ushort)(number + 1);
        BinaryPrimitives.WriteUInt16LittleEndian(record[offset..], number);
        for (var i = 1; i < count; i++)
        {
            var end = record.Slice((i * Stride) - 2, 2);
            end.CopyTo(record[(offset + (i * 2))..]);
            BinaryPrimitives.WriteUInt16LittleEndian(end, number);
        }
    }
}
