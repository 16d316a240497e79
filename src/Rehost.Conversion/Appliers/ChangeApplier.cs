using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>An applier of one concrete kind of change.</summary>
internal abstract class ChangeApplier<T>(ApplyPhase phase) : IChangeApplier
    where T : Change
{
    public Type ChangeType => typeof(T);

    public ApplyPhase Phase => phase;

    public void Check(Change change, ApplyContext context) => Check((T)change, context);

    public void Apply(Change change, ApplyContext context, CancellationToken cancellationToken) => Apply((T)change, context, cancellationToken);

    protected abstract void Check(T change, ApplyContext context);

    protected abstract void Apply(T change, ApplyContext context, CancellationToken cancellationToken);
}
