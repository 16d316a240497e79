using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>A step for Windows guests. What it reads begins with HKLM\ (registry keys) or %SystemRoot% (files, without their content).</summary>
public abstract class WindowsStep : ConversionStep
{
    /// <summary>Services of every control set, which several steps look at.</summary>
    protected static readonly ImmutableArray<string> ServiceKeys = [@"HKLM\SYSTEM\ControlSet*\Services\*!", @"HKLM\SYSTEM\ControlSet*\Services\*\StartOverride"];

    /// <inheritdoc/>
    public sealed override void Plan(PlanningContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Facts.Windows is { } windows)
        {
            Plan(context, windows, context.Registry);
        }
        else
        {
            context.Skip("the guest is not Windows");
        }
    }

    /// <summary>Decides.</summary>
    protected abstract void Plan(PlanningContext context, WindowsFacts windows, RegistryView registry);
}
