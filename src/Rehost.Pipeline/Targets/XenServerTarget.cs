using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.DiskFormats.Xva;
using Rehost.Hypervisors.XenServer;
using Rehost.Model;
using Rehost.Planning;

namespace Rehost.Pipeline.Targets;

/// <summary>XenServer and XCP-ng: an XVA that needs no commands after its import, and the commands for those who import in another way.</summary>
internal sealed class XenServerTarget : ITargetKind
{
    private static readonly Version UpstreamDeviceModel = new(7, 0);

    public string Name => "xenserver";

    public TargetCapabilities Capabilities => TargetCapabilities.XenServerPv;

    public ImmutableArray<string> DiskFormats => ["xva"];

    public string ConfigurationFile(VirtualMachine machine) => $"{machine.Name}.xva";

    public IEnumerable<TargetText> Describe(ConversionRecord record, string directory)
    {
        yield return new TargetText(Commands(record.Plan.Target), XeCommands.Write(record.Plan.Target, ConfigurationFile(record.Plan.Target)));
    }

    public IDiskPackage BeginPackage(IImageFile file, ConversionPlan plan, GuestFacts facts)
    {
        var release = ReleaseOf(plan.Options);
        return new XvaPackage(file, plan.Target, new XvaWriterOptions
        {
            Compression = plan.Options.Compression == "zstd" ? ImageCompression.Zstd : ImageCompression.None,

            // Hosts that know zstd know XXH64 (XCP-ng 8.1), and it is cheaper for them; the others know SHA-1 alone.
            UseSha1 = release is null ? plan.Options.Compression != "zstd" : !release.KnowsXxHash,
        }, Describe(release) with { IsWindows = facts.Windows?.Version.IsAtLeast(6, 0) == true });
    }

    public IEnumerable<string> ChecksByHand(ConversionRecord record)
    {
        var plan = record.Plan;
        var release = ReleaseOf(plan.Options);
        yield return $"`xe vm-import filename={record.ConfigurationFile} preserve=true` on the host; the pool needs a default storage repository, or `sr-uuid=` names one. Without preserve=true the machine gets new MAC addresses.";
        yield return $"Nothing is to be set after that. `{Commands(plan.Target)}` has the commands that set the same by hand, the start from a rescue CD and its undo.";
        yield return "Networks are found by name: one that the pool does not have is made, without a physical interface. Check each virtual interface.";
        if (plan.Target.Mode == VirtualizationMode.Paravirtual && release is null)
        {
            yield return "XenServer 8 and Citrix Hypervisor 8 take no paravirtual guests any more (64-bit ones until 8.1, 32-bit ones until 7.6): XCP-ng 8.2 and older hosts do. `--xenserver-version` converts for a release that takes none.";
        }
        else if (plan.Target.Mode == VirtualizationMode.Paravirtual && release is { TakesParavirtual32: false })
        {
            yield return $"{release.Name} takes 64-bit PV guests for the last time: `--xen-boot hvm` converts to what comes after.";
        }
        else if (plan.Target.Mode == VirtualizationMode.Pvh)
        {
            yield return "PVH is a domain type that xapi knows and XenCenter does not show: `xe vm-param-list` does.";
        }
    }

    private static string Commands(VirtualMachine machine) => $"{machine.Name}-xe.sh";

    private static XenServerRelease? ReleaseOf(ConversionOptions options) => options.XenServerVersion is { } name ? XenServerRelease.Parse(name) : null;

    private static OvaXmlOptions Describe(XenServerRelease? release) => release is null ? new OvaXmlOptions() : new OvaXmlOptions
    {
        ProductVersion = $"{release.Version}.0",
        IsXcp = release.IsXcp,
        XapiMinor = release.Version < new Version(6, 0) ? 3 : 9,
        HasUpstreamDeviceModel = release.Version >= UpstreamDeviceModel,
        HasFirmwareChoice = release.TakesUefi,
    };
}
