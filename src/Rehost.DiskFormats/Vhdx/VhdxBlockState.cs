namespace Rehost.DiskFormats.Vhdx;

/// <summary>State of a block ([MS-VHDX] 2.5.1.1); 4 and 5 do not exist.</summary>
internal enum VhdxBlockState
{
    /// <summary>Not in this image: the parent has it.</summary>
    NotPresent = 0,

    /// <summary>Content was given up and may be anything; zeros here.</summary>
    Undefined = 1,

    /// <summary>Zeros.</summary>
    Zero = 2,

    /// <summary>Content was discarded by the guest; zeros here.</summary>
    Unmapped = 3,

    /// <summary>Stored.</summary>
    Present = 6,

    /// <summary>Stored where the sector bitmap says so.</summary>
    PartlyPresent = 7,
}
