namespace Rehost.WindowsRegistry;

/// <summary>What a value's data is, as Windows numbers it. Other numbers occur too.</summary>
public enum RegistryValueKind
{
    /// <summary>Nothing in particular (REG_NONE).</summary>
    None = 0,

    /// <summary>Text (REG_SZ).</summary>
    Text = 1,

    /// <summary>Text with %VARIABLES% (REG_EXPAND_SZ).</summary>
    ExpandableText = 2,

    /// <summary>Bytes (REG_BINARY).</summary>
    Binary = 3,

    /// <summary>A 32-bit number (REG_DWORD).</summary>
    Number = 4,

    /// <summary>A 32-bit number, most significant byte first (REG_DWORD_BIG_ENDIAN).</summary>
    BigEndianNumber = 5,

    /// <summary>The target of a link key (REG_LINK).</summary>
    Link = 6,

    /// <summary>Several texts (REG_MULTI_SZ).</summary>
    Texts = 7,

    /// <summary>Hardware resources (REG_RESOURCE_LIST).</summary>
    ResourceList = 8,

    /// <summary>Hardware resources (REG_FULL_RESOURCE_DESCRIPTOR).</summary>
    ResourceDescriptor = 9,

    /// <summary>Hardware resources (REG_RESOURCE_REQUIREMENTS_LIST).</summary>
    ResourceRequirements = 10,

    /// <summary>A 64-bit number (REG_QWORD).</summary>
    LongNumber = 11,
}
