using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>When a kind of change is made.</summary>
public enum ApplyPhase
{
    /// <summary>In the guest's file systems, which must be complete and flushed before disks are laid out anew.</summary>
    Files,

    /// <summary>On whole disks: partition tables, the space around the guest's content.</summary>
    Layout,

    /// <summary>On the finished disks: boot loaders, which need their final offsets.</summary>
    BootLoader,
}

/// <summary>Carries out one kind of <see cref="Change"/>.</summary>
public interface IChangeApplier
{
    /// <summary>The kind of change.</summary>
    Type ChangeType { get; }

    /// <summary>When it is made.</summary>
    ApplyPhase Phase { get; }

    /// <summary>Refuses a change for which the guest is not as the plan saw it. Called for every change, in order, before the first one is made; writes nothing.</summary>
    /// <exception cref="DiagnosticException">The guest is not as seen, or the change is impossible.</exception>
    void Check(Change change, ApplyContext context);

    /// <summary>Makes the change on the overlays.</summary>
    /// <exception cref="DiagnosticException">It cannot be made; the caller discards the overlays.</exception>
    void Apply(Change change, ApplyContext context, CancellationToken cancellationToken);
}
