using Rehost.Model;

namespace Rehost.Conversion.Tests.Appliers;

internal static class Plans
{
    private static readonly VirtualMachine Machine = new() { Name = "m", Hypervisor = Hypervisor.Xen };

    public static ConversionPlan Of(params Change[] changes) => new()
    {
        Source = Machine,
        Target = Machine,
        Capabilities = TargetCapabilities.Kvm,
        Options = new ConversionOptions(),
        Steps = [new StepOutcome { StepId = "s", Title = "t", Changes = [.. changes] }],
    };
}
