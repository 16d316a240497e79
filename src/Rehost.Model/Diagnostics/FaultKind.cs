namespace Rehost.Model;

/// <summary>Where a fault lies. Decides the process exit code, so that a script can tell a bad source from a full disk.</summary>
public enum FaultKind
{
    /// <summary>The command line asks for something impossible.</summary>
    Usage,

    /// <summary>The source is damaged, truncated, missing or of an unknown kind.</summary>
    Source,

    /// <summary>The guest inside the source cannot be converted as it is.</summary>
    Guest,

    /// <summary>The target cannot be written: full, not writable, already there.</summary>
    Target,

    /// <summary>Something this machine should have is missing (a tool, GRUB's files).</summary>
    Environment,

    /// <summary>A proof failed: verification found a difference, or the guest did not boot.</summary>
    Proof,
}
