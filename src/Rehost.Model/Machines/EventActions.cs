namespace Rehost.Model;

/// <summary>What a Xen host does at the end of a guest's run, in the words of xl.cfg(5): destroy, restart, rename-restart, preserve, coredump-destroy, coredump-restart.</summary>
/// <param name="PowerOff">When it turns itself off; null for the usual.</param>
/// <param name="Reboot">When it restarts; null for the usual.</param>
/// <param name="Crash">When it crashes; null for the usual.</param>
public sealed record EventActions(string? PowerOff, string? Reboot, string? Crash)
{
    /// <summary>The words; soft-reset, which is for guests that are in the middle of kexec, is left out.</summary>
    public static System.Collections.Immutable.ImmutableArray<string> Words { get; } = ["destroy", "restart", "rename-restart", "preserve", "coredump-destroy", "coredump-restart"];

    /// <summary>These, and the others' where these say nothing; null when both say nothing.</summary>
    public static EventActions? Over(EventActions? chosen, EventActions? other)
        => chosen is null ? other : new EventActions(chosen.PowerOff ?? other?.PowerOff, chosen.Reboot ?? other?.Reboot, chosen.Crash ?? other?.Crash);
}
