using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning;

/// <summary>
/// One step of a conversion: looks at facts and answers changes, each with its reason. Never sees the guest; the same facts always give the same changes.
/// </summary>
public abstract class ConversionStep
{
    /// <summary>Stable name: fstab, boot-loader.</summary>
    public abstract string Id { get; }

    /// <summary>What it is about, for a list.</summary>
    public abstract string Title { get; }

    /// <summary>One paragraph for the documentation: what it does and why the guest would suffer without it.</summary>
    public abstract string Description { get; }

    /// <summary>Requirements that it fulfils.</summary>
    public abstract ImmutableArray<string> Requirements { get; }

    /// <summary>Guest paths (globs allowed) whose content the step looks at; inspection puts them into <see cref="GuestFacts.Files"/>.</summary>
    public virtual ImmutableArray<string> Reads => [];

    /// <summary>Whether the step's changes are in the guest's volumes. Such a step is left out where those stay as they are.</summary>
    public virtual bool EditsGuest => true;

    /// <summary>Decides. Adds changes to the context, or says through <see cref="PlanningContext.Skip"/> why there is none.</summary>
    public abstract void Plan(PlanningContext context);
}
