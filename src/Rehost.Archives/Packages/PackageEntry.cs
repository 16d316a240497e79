namespace Rehost.Archives.Packages;

/// <summary>What a path of a package is.</summary>
public enum PackageEntryKind
{
    /// <summary>Regular file.</summary>
    File,

    /// <summary>Directory.</summary>
    Directory,

    /// <summary>Symbolic link.</summary>
    SymbolicLink,

    /// <summary>Another name of a file of the package.</summary>
    HardLink,

    /// <summary>A device node, FIFO or socket, which no package has nowadays.</summary>
    Other,
}

/// <summary>One path of a package; its content can be read until the next entry is asked for.</summary>
public sealed class PackageEntry
{
    private readonly Func<long, byte[]> _read;

    internal PackageEntry(Func<long, byte[]> read) => _read = read;

    /// <summary>Absolute path in the guest, without "." and "..".</summary>
    public required string Path { get; init; }

    /// <summary>What it is.</summary>
    public required PackageEntryKind Kind { get; init; }

    /// <summary>Permission bits.</summary>
    public int Permissions { get; init; }

    /// <summary>Name of the owner; "root" nearly always.</summary>
    public string User { get; init; } = "root";

    /// <summary>Name of the group.</summary>
    public string Group { get; init; } = "root";

    /// <summary>Seconds since 1970.</summary>
    public long ModifiedSeconds { get; init; }

    /// <summary>Bytes of content.</summary>
    public long Size { get; init; }

    /// <summary>Target of a symbolic link as stored; absolute path of the other name of a hard link.</summary>
    public string? LinkTarget { get; init; }

    /// <summary>Reads the content; only before the next entry is asked for.</summary>
    /// <param name="limit">Longer content ends in a diagnostic.</param>
    public byte[] ReadAll(long limit) => _read(limit);
}
