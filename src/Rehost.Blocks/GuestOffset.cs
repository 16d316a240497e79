namespace Rehost.Blocks;

/// <summary>A byte position in the content of a block device, as a guest would see it. Not a position in the container file that stores it: that is a <see cref="FileOffset"/>.</summary>
/// <param name="Value">Bytes from the start of the device.</param>
public readonly record struct GuestOffset(long Value) : IComparable<GuestOffset>
{
    /// <summary>The first byte.</summary>
    public static readonly GuestOffset Zero;

    /// <summary>A position further on.</summary>
    public static GuestOffset operator +(GuestOffset offset, long bytes) => new(checked(offset.Value + bytes));

    /// <summary>Bytes between two positions.</summary>
    public static long operator -(GuestOffset left, GuestOffset right) => checked(left.Value - right.Value);

    /// <summary>Order of positions.</summary>
    public static bool operator <(GuestOffset left, GuestOffset right) => left.Value < right.Value;

    /// <summary>Order of positions.</summary>
    public static bool operator >(GuestOffset left, GuestOffset right) => left.Value > right.Value;

    /// <summary>Order of positions.</summary>
    public static bool operator <=(GuestOffset left, GuestOffset right) => left.Value <= right.Value;

    /// <summary>Order of positions.</summary>
    public static bool operator >=(GuestOffset left, GuestOffset right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public int CompareTo(GuestOffset other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => $"0x{Value:x}";
}
