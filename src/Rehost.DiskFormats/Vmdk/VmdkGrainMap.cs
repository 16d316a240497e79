namespace Rehost.DiskFormats.Vmdk;

/// <summary>Tells where the grains of one sparse extent are. Safe to ask from several threads.</summary>
internal abstract class VmdkGrainMap
{
    /// <summary>Bytes of a grain.</summary>
    public abstract int GrainBytes { get; }

    /// <summary>Grains that one table describes.</summary>
    public abstract long GrainsPerTable { get; }

    /// <summary>Where a grain is.</summary>
    /// <exception cref="Model.DiagnosticException">Its table is damaged (VMD006).</exception>
    public abstract VmdkGrain Locate(long grain);

    /// <summary>Whether all grains of a table are absent, so that a walk may skip them.</summary>
    public abstract bool IsTableMissing(long table);
}
