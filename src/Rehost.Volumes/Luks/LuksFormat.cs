using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Luks;

/// <summary>Recognises and reads LUKS.</summary>
internal static class LuksFormat
{
    /// <summary>"LUKS" and ba be.</summary>
    public static ReadOnlySpan<byte> Magic => [(byte)'L', (byte)'U', (byte)'K', (byte)'S', 0xba, 0xbe];

    /// <summary>The second copy of a header of LUKS2.</summary>
    public static ReadOnlySpan<byte> SecondMagic => [(byte)'S', (byte)'K', (byte)'U', (byte)'L', 0xba, 0xbe];

    /// <summary>While cryptsetup-reencrypt of before LUKS2 works on a volume.</summary>
    private static ReadOnlySpan<byte> BusyMagic => [(byte)'L', (byte)'U', (byte)'K', (byte)'S', 0xde, 0xad];

    /// <summary>The header; null when this is no LUKS volume.</summary>
    /// <exception cref="DiagnosticException">It is damaged (VOL005), or of a kind that is not read (VOL001).</exception>
    public static LuksHeader? Read(IBlockDevice device)
    {
        if (device.Length < 4096)
        {
            return null;
        }

        Span<byte> head = stackalloc byte[8];
        device.Read(GuestOffset.Zero, head);
        if (head.StartsWith(BusyMagic))
        {
            throw VolumeDiagnostics.Unsupported.ToException("it is being re-encrypted; let cryptsetup-reencrypt finish in the guest", "LUKS1 header");
        }

        if (!head.StartsWith(Magic))
        {
            return null;
        }

        return ((head[6] << 8) + head[7]) switch
        {
            1 => Luks1Header.Read(device),
            2 => Luks2Header.Read(device),
            var version => throw VolumeDiagnostics.Unsupported.ToException($"LUKS version {version}", "LUKS header"),
        };
    }
}
