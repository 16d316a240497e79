namespace Rehost.Blocks;

/// <summary>A sector number on a disk. Sectors are 512 bytes unless the caller says otherwise.</summary>
/// <param name="Value">Sectors from the start of the disk.</param>
public readonly record struct Lba(long Value) : IComparable<Lba>
{
    /// <summary>Bytes in a classic sector.</summary>
    public const int SectorSize = 512;

    /// <summary>The byte position of this sector.</summary>
    /// <param name="sectorSize">Bytes in a sector.</param>
    public GuestOffset ToOffset(int sectorSize = SectorSize) => new(checked(Value * sectorSize));

    /// <inheritdoc/>
    public int CompareTo(Lba other) => Value.CompareTo(other.Value);

    /// <summary>Order of sectors.</summary>
    public static bool operator <(Lba left, Lba right) => left.Value < right.Value;

    /// <summary>Order of sectors.</summary>
    public static bool operator >(Lba left, Lba right) => left.Value > right.Value;

    /// <summary>Order of sectors.</summary>
    public static bool operator <=(Lba left, Lba right) => left.Value <= right.Value;

    /// <summary>Order of sectors.</summary>
    public static bool operator >=(Lba left, Lba right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public override string ToString() => $"sector {Value}";
}
