using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.DiskFormats.Xva;
using Rehost.Model;

namespace Rehost.Pipeline.Targets;

/// <summary>XenServer and XCP-ng, the guest paravirtual: an XVA with checksums that every release imports.</summary>
internal sealed class XenServerTarget : ITargetKind
{
    public string Name => "xenserver";

    public TargetCapabilities Capabilities => TargetCapabilities.XenServerPv;

    public ImmutableArray<string> DiskFormats => ["xva"];

    public string ConfigurationFile(VirtualMachine machine) => $"{machine.Name}.xva";

    public IEnumerable<TargetText> Describe(ConversionRecord record, string directory) => [];

    public IDiskPackage BeginPackage(IImageFile file, ConversionPlan plan, GuestFacts facts) => new XvaPackage(file, plan.Target, new XvaWriterOptions
    {
        Compression = plan.Options.Compression == "zstd" ? ImageCompression.Zstd : ImageCompression.None,

        // Hosts that know zstd know XXH64 (XCP-ng 8.1), and it is cheaper for them; the others know SHA-1 alone.
        UseSha1 = plan.Options.Compression != "zstd",
    });

    public IEnumerable<string> ChecksByHand(ConversionRecord record) =>
    [
        $"`xe vm-import filename={record.ConfigurationFile}` on the host; the pool needs a default storage repository, or `sr-uuid=` names one.",
        "Networks are found by name: one that the pool does not have is made, without a physical interface. Check each virtual interface.",
        "XenServer 8 and Citrix Hypervisor 8 take no paravirtual guests any more (64-bit ones until 8.1, 32-bit ones until 7.6): XCP-ng 8.2 and older hosts do.",
    ];
}
