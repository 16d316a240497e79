using System.Globalization;
using System.Text;

namespace Rehost.Conversion.Initramfs;

/// <summary>Walks the headers of a newc archive that lies in memory (Documentation/driver-api/early-userspace/buffer-format.rst).</summary>
internal static class NewcWalk
{
    private const int HeaderLength = 110;
    private const int MaximumEntries = 4096;

    internal delegate void Visit(ReadOnlySpan<byte> name);

    /// <summary>Visits the entries up to the trailer.</summary>
    /// <returns>Bytes up to and including the trailer; 0 when the archive is not whole or not newc.</returns>
    public static int Run(ReadOnlySpan<byte> archive, Visit visit)
    {
        var position = 0;
        for (var count = 0; count < MaximumEntries && archive.Length - position >= HeaderLength; count++)
        {
            var header = archive.Slice(position, HeaderLength);
            if (!header.StartsWith("070701"u8) || !TryNumber(header.Slice(54, 8), out var size) || !TryNumber(header.Slice(94, 8), out var nameSize) || nameSize is 0 or > 4096)
            {
                return 0;
            }

            var name = position + HeaderLength;
            var content = Align(name + (long)nameSize);
            var end = Align(content + size);
            if (end > archive.Length)
            {
                return 0;
            }

            var text = archive.Slice(name, (int)nameSize - 1);
            if (text.SequenceEqual("TRAILER!!!"u8))
            {
                return (int)end;
            }

            visit(text);
            position = (int)end;
        }

        return 0;
    }

    private static long Align(long offset) => (offset + 3) & ~3L;

    private static bool TryNumber(ReadOnlySpan<byte> digits, out uint number)
        => uint.TryParse(Encoding.ASCII.GetString(digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number);
}
