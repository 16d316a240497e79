using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.Inspection.Linux.Kernels;

/// <summary>What a kernel image says of itself (Linux Documentation/arch/x86/boot.rst, "the real-mode kernel header").</summary>
internal static class KernelImageHeader
{
    /// <summary>Bytes from the start of an image in which the version string must be: a 16-bit pointer behind the first sector.</summary>
    public const int HeadLength = 0x200 + 0x10000 + 256;

    private const int MaximumRelease = 128;

    /// <summary>Whether it is an image for x86 with a setup header.</summary>
    public static bool IsBzImage(ReadOnlySpan<byte> head) => head.Length > 0x210 && head[0x202..].StartsWith("HdrS"u8);

    /// <summary>The release, as uname -r prints it; null when the image has none.</summary>
    public static string? ReadRelease(ReadOnlySpan<byte> head)
    {
        if (!IsBzImage(head) || BinaryPrimitives.ReadUInt16LittleEndian(head[0x206..]) < 0x0200)
        {
            return null;
        }

        var pointer = BinaryPrimitives.ReadUInt16LittleEndian(head[0x20e..]);
        var start = pointer + 0x200;
        if (pointer == 0 || start >= head.Length)
        {
            return null;
        }

        var text = head[start..Math.Min(head.Length, start + MaximumRelease)];
        var end = text.IndexOfAny((byte)0, (byte)' ');
        return end > 0 && text[..end].IndexOfAnyExceptInRange((byte)0x21, (byte)0x7e) < 0 && text[0] is >= (byte)'0' and <= (byte)'9' ? GuestText.Decode(text[..end]) : null;
    }
}
