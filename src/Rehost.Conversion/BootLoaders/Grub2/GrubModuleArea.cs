using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>What GRUB's kernel finds behind itself: a header, and objects of modules, early configuration and prefix, dependencies first. Nothing is linked: the kernel links the modules as it starts.</summary>
internal static class GrubModuleArea
{
    private const uint Magic = 0x676d696d; // "mimg"
    private const uint ElfObject = 0;
    private const uint ConfigObject = 2;
    private const uint PrefixObject = 3;
    private const int ObjectHeader = 8;

    /// <summary>GRUB for BIOS unpacks to 1 MiB upwards, and what is larger never compresses to what fits below; one for UEFI is loaded whole and may be as large.</summary>
    private const int Limit = 4 << 20;

    /// <summary>Builds the area.</summary>
    /// <param name="files">GRUB's files.</param>
    /// <param name="modules">Modules; what they need comes with them.</param>
    /// <param name="prefix">$prefix at start.</param>
    /// <param name="earlyConfig">Commands that run first; null for none.</param>
    /// <param name="is64Bit">Whether offsets and sizes of the header have 64 bits, and objects are aligned to 8 bytes.</param>
    /// <exception cref="DiagnosticException">A file is missing or damaged, a module unknown, or the result too large (GRB002 to GRB005).</exception>
    public static byte[] Build(IGrubFiles files, IEnumerable<string> modules, string prefix, string? earlyConfig, bool is64Bit)
    {
        using var area = new MemoryStream();
        var header = new byte[is64Bit ? 24 : 12];
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(is64Bit ? 8 : 4), header.Length);
        area.Write(header);
        var alignment = is64Bit ? 8 : 4;
        foreach (var module in GrubModules.Read(files).Close(modules))
        {
            Append(area, ElfObject, files.Read(module + ".mod"), alignment, files);
        }

        if (earlyConfig is not null)
        {
            Append(area, ConfigObject, ToBytes(earlyConfig), alignment, files);
        }

        Append(area, PrefixObject, ToBytes(prefix), alignment, files);
        var bytes = area.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(is64Bit ? 16 : 8), bytes.Length);
        return bytes;
    }

    private static void Append(MemoryStream area, uint type, byte[] content, int alignment, IGrubFiles files)
    {
        var padded = (content.Length + alignment - 1) / alignment * alignment;
        if (area.Length + padded > Limit)
        {
            throw GrubDiagnostics.CoreTooLarge.ToException($"more than {Limit} bytes before compression", files.Description);
        }

        Span<byte> header = stackalloc byte[ObjectHeader];
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], padded + ObjectHeader);
        area.Write(header);
        area.Write(content);
        area.Write(new byte[padded - content.Length]);
    }

    private static byte[] ToBytes(string text) => text.Contains('\0', StringComparison.Ordinal)
        ? throw GrubDiagnostics.IllegalValue.ToException("a NUL character in the embedded configuration or prefix")
        : [.. GuestText.Encode(text), 0];
}
