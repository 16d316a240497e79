using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>What old 32-bit guests need on Xen PV: libraries without negative segment offsets, and Red Hat 4's network card without checksum offload.</summary>
internal sealed class XenLibrariesStep : ConversionStep
{
    private const string Capability = "/etc/ld.so.conf.d/rehost-xen.conf";
    private const string IfupLocal = "/sbin/ifup-local";

    public override string Id => "xen-libraries";

    public override string Title => "32-bit libraries and checksums on Xen";

    public override string Description =>
        "A 32-bit guest kernel for Xen alone must emulate each access of glibc to thread-local storage by negative segment offsets, which is slow and breaks some programs. Where glibc brings a second set of libraries for that " +
        "(i686/nosegneg), the dynamic linker is told to use it. Red Hat 4 until 4.4 sends packets with wrong checksums through xennet: an ifup-local switches the offload off.";

    public override ImmutableArray<string> Requirements => ["S2.12", "S2.13", "S2.14", "S2.17"];

    public override ImmutableArray<string> Reads => ["/etc/ld.so.conf.d/*", "/lib/i686/nosegneg", "/lib/tls/i686/nosegneg", "/lib/tls/i486/nosegneg", IfupLocal];

    public override void Plan(PlanningContext context)
    {
        if (context.Target.Mode != VirtualizationMode.Paravirtual || TargetFit.DefaultKernel(context.Facts, context.Target) is not { RequiresXen: true } kernel)
        {
            context.Skip("the guest does not run a kernel for Xen alone on the target");
            return;
        }

        if (kernel.ParavirtualAbi != "x86_64")
        {
            PlanLibraries(context);
        }

        var system = context.Facts.OperatingSystem;
        if (system.Family == DistributionFamily.RedHat && system.Version is "4" or "4.0" or "4.1" or "4.2" or "4.3" or "4.4")
        {
            PlanChecksums(context);
        }

        context.Skip("the guest's libraries and network need nothing on Xen");
    }

    private static void PlanChecksums(PlanningContext context)
    {
        if (context.Text(IfupLocal) is not { } own)
        {
            context.SetText(IfupLocal, "#!/bin/sh\n# xennet of this release sends wrong checksums unless they are made in software.\n[ \"$1\" = lo ] || /usr/sbin/ethtool -K \"$1\" tx off\n",
                "xennet of Red Hat until 4.4 sends packets with wrong checksums when it leaves them to the other side.", 0x1ED);
        }
        else if (!own.Contains("ethtool", StringComparison.Ordinal))
        {
            context.CheckByHand($"{IfupLocal} is the guest's own and stays: where packets arrive with wrong checksums, let it run ethtool -K \"$1\" tx off.");
        }
    }

    private static void PlanLibraries(PlanningContext context)
    {
        if (context.FilesIn("/etc/ld.so.conf.d").Any(file => context.Text(file.Path)?.Contains("nosegneg", StringComparison.Ordinal) == true))
        {
            return;
        }

        if (context.Exists("/lib/i686/nosegneg") || context.Exists("/lib/tls/i686/nosegneg") || context.Exists("/lib/tls/i486/nosegneg"))
        {
            // ld.so takes the bit's name from here where the kernel's own page does not give it.
            context.SetText(Capability, "# Use glibc without negative segment offsets on Xen.\nhwcap 0 nosegneg\n", "glibc's ordinary 32-bit libraries are slow on Xen, and the guest has those without negative segment offsets.");
            context.CheckByHand("Run ldconfig in the guest, so that the libraries for Xen (nosegneg) are found.");
        }
        else
        {
            context.CheckByHand("The guest has no glibc without negative segment offsets (nosegneg): programs that use threads are slow on Xen, and OpenLDAP or Cyrus may fail. Install glibc for Xen if the distribution has one.");
        }
    }
}
