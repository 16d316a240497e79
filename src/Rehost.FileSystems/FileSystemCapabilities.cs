namespace Rehost.FileSystems;

/// <summary>What nodes of a file system can be given. What is missing is refused with FIL010, except owner and mode of a new node, which are then ignored.</summary>
[Flags]
public enum FileSystemCapabilities
{
    /// <summary>Names and content only, and names differ by more than case.</summary>
    None = 0,

    /// <summary>Permission bits can be set.</summary>
    Permissions = 1,

    /// <summary>Owner and group can be set.</summary>
    Owners = 2,

    /// <summary>Symbolic links can be made.</summary>
    SymbolicLinks = 4,

    /// <summary>Extended attributes can be set.</summary>
    ExtendedAttributes = 8,

    /// <summary>Names that differ only by case are two names.</summary>
    CaseSensitiveNames = 16,

    /// <summary>What Linux's own file systems have.</summary>
    Posix = Permissions | Owners | SymbolicLinks | ExtendedAttributes | CaseSensitiveNames,
}
