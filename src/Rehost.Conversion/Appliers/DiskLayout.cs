using Rehost.Blocks;

namespace Rehost.Conversion.Appliers;

/// <summary>What every layout must satisfy.</summary>
internal static class DiskLayout
{
    /// <summary>The most that may stand before the content: it is held in memory.</summary>
    private const long MaximumHead = 64 << 20;

    /// <summary>Refuses a head of part of a sector, or one that is too large.</summary>
    public static void DemandHead(long length, string diskId)
    {
        if (length < Lba.SectorSize || length % Lba.SectorSize != 0 || length > MaximumHead)
        {
            throw ApplyDiagnostics.LayoutImpossible.ToException($"{length} bytes before the first partition; needed are whole sectors, at most {MaximumHead} bytes", diskId);
        }
    }

    /// <summary>Refuses a target in which the content does not fit.</summary>
    public static void DemandTarget(long head, long content, long target, string diskId)
    {
        var needed = (head + content + Lba.SectorSize - 1) / Lba.SectorSize * Lba.SectorSize;
        if (target % Lba.SectorSize != 0 || target < needed)
        {
            throw ApplyDiagnostics.LayoutImpossible.ToException($"a target of {target} bytes; needed are whole sectors, at least {needed} bytes", diskId);
        }
    }
}
