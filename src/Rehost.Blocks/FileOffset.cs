namespace Rehost.Blocks;

/// <summary>A byte position in a container file or stream, as opposed to the guest content that it stores.</summary>
/// <param name="Value">Bytes from the start of the file.</param>
public readonly record struct FileOffset(long Value) : IComparable<FileOffset>
{
    /// <summary>The first byte.</summary>
    public static readonly FileOffset Zero;

    /// <summary>A position further on.</summary>
    public static FileOffset operator +(FileOffset offset, long bytes) => new(checked(offset.Value + bytes));

    /// <summary>Bytes between two positions.</summary>
    public static long operator -(FileOffset left, FileOffset right) => checked(left.Value - right.Value);

    /// <summary>Order of positions.</summary>
    public static bool operator <(FileOffset left, FileOffset right) => left.Value < right.Value;

    /// <summary>Order of positions.</summary>
    public static bool operator >(FileOffset left, FileOffset right) => left.Value > right.Value;

    /// <summary>Order of positions.</summary>
    public static bool operator <=(FileOffset left, FileOffset right) => left.Value <= right.Value;

    /// <summary>Order of positions.</summary>
    public static bool operator >=(FileOffset left, FileOffset right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public int CompareTo(FileOffset other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => $"0x{Value:x}";
}
