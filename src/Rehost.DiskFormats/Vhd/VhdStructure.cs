using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vhd;

/// <summary>What a file says about itself before any block is looked at.</summary>
/// <param name="Footer">The footer that counts.</param>
/// <param name="Header">The dynamic header; null for fixed images.</param>
/// <param name="DataEnd">Where the footer starts, or the end of the file if there is none at the end.</param>
/// <param name="Copy">The copy of the footer at the start, if there is one that is whole.</param>
internal sealed record VhdStructure(VhdFooter Footer, VhdDynamicHeader? Header, long DataEnd, VhdFooter? Copy)
{
    /// <summary>Reads and checks the footers and the header.</summary>
    public static VhdStructure Read(IBlockDevice file, string name, Action<Diagnostic>? report)
    {
        var (tail, dataEnd, isTailValid) = ReadTail(file);
        var copy = ReadCopy(file, name);
        var footer = tail;
        if (tail is null || !isTailValid)
        {
            var fault = tail is null ? "there is no footer at the end of the file" : "the checksum of the footer is wrong";
            if (copy is { Type: VhdFooter.TypeDynamic or VhdFooter.TypeDifferencing })
            {
                footer = copy;
                report?.Invoke(VhdDiagnostics.FooterDamaged.Create($"{fault}; its copy at the start was used", name));
            }
            else if (tail is { Type: VhdFooter.TypeFixed } && tail.CurrentSize == (ulong)dataEnd)
            {
                // The size is all that the footer of a fixed image is needed for, and the file confirms it.
                report?.Invoke(VhdDiagnostics.FooterDamaged.Create($"{fault}; the size in it is that of the file, which was taken", name));
            }
            else
            {
                throw VhdDiagnostics.BadFooter.ToException($"{fault}, and no copy of it is at the start", name);
            }
        }

        if (footer is null)
        {
            throw VhdDiagnostics.BadFooter.ToException("there is none", name);
        }

        Check(footer, dataEnd, name);
        return new VhdStructure(footer, footer.Type == VhdFooter.TypeFixed ? null : VhdDynamicHeader.Read(file, footer, name), dataEnd, copy);
    }

    private static void Check(VhdFooter footer, long dataEnd, string name)
    {
        if (footer.Type is not (VhdFooter.TypeFixed or VhdFooter.TypeDynamic or VhdFooter.TypeDifferencing))
        {
            throw VhdDiagnostics.Unsupported.ToException($"disk type {footer.Type}; fixed (2), dynamic (3) and differencing (4) are read", name);
        }

        if (footer.FormatVersion >> 16 != 1)
        {
            throw VhdDiagnostics.Unsupported.ToException($"format version 0x{footer.FormatVersion:x8}; 1.0 is read", name);
        }

        if (footer.CurrentSize > long.MaxValue >> 8)
        {
            throw VhdDiagnostics.BadFooter.ToException($"it tells of a disk of {footer.CurrentSize} bytes", name);
        }

        if (footer.Type == VhdFooter.TypeFixed && footer.CurrentSize > (ulong)dataEnd)
        {
            throw VhdDiagnostics.BadFooter.ToException($"it tells of a disk of {footer.CurrentSize} bytes, and {dataEnd} bytes are before it", name);
        }
    }

    private static (VhdFooter? Footer, long DataEnd, bool IsValid) ReadTail(IBlockDevice file)
    {
        (VhdFooter?, long, bool) found = (null, file.Length, false);
        Span<byte> bytes = stackalloc byte[VhdFooter.Size];
        foreach (var size in new[] { VhdFooter.Size, VhdFooter.OldSize })
        {
            if (file.Length < size)
            {
                continue;
            }

            bytes.Clear();
            file.Read(new GuestOffset(file.Length - size), bytes[..size]);
            if (VhdFooter.HasCookie(bytes))
            {
                var isValid = VhdFooter.HasValidChecksum(bytes);
                found = (VhdFooter.Parse(bytes), file.Length - size, isValid);
                if (isValid)
                {
                    break;
                }
            }
        }

        return found;
    }

    private static VhdFooter? ReadCopy(IBlockDevice file, string name)
    {
        if (file.Length < VhdFooter.Size)
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[VhdFooter.Size];
        file.Read(GuestOffset.Zero, bytes);
        if (bytes.StartsWith(VhdFooter.PoisonCookie))
        {
            throw VhdDiagnostics.Unsupported.ToException("XenServer marked it as being changed (v_poison), and did not finish", name);
        }

        return VhdFooter.HasCookie(bytes) && VhdFooter.HasValidChecksum(bytes) ? VhdFooter.Parse(bytes) : null;
    }
}
