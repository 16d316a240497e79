namespace Rehost.DiskFormats.Vmdk;

/// <summary>Where a grain is.</summary>
/// <param name="Kind">How it is stored.</param>
/// <param name="Offset">Byte of the file where it, or its marker, starts; 0 when it is not stored.</param>
internal readonly record struct VmdkGrain(VmdkGrainKind Kind, long Offset);

/// <summary>How a grain is stored.</summary>
internal enum VmdkGrainKind
{
    /// <summary>Not here: the parent has it, or it was never written.</summary>
    Absent,

    /// <summary>Explicitly zero.</summary>
    Zero,

    /// <summary>As it is.</summary>
    Plain,

    /// <summary>Deflated.</summary>
    Compressed,
}
