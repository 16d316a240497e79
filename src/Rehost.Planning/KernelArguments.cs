using Rehost.Model;
using Rehost.Planning.Steps.Linux;

namespace Rehost.Planning;

/// <summary>Kernel arguments of a boot entry, rewritten token by token; what is not understood stays as it stands.</summary>
internal static class KernelArguments
{
    private static readonly string[] DeviceKeys = ["root=", "resume=", "real_root=", "real_resume="];

    /// <summary>
    /// Rewrites arguments for the target: root= and resume= by names that hold, consoles of the other hypervisor replaced by the target's, arguments for the other hypervisor alone dropped.
    /// </summary>
    /// <param name="arguments">Arguments as they stand, without the kernel's path.</param>
    /// <param name="context">Facts and target.</param>
    /// <param name="naming">How whatever mounts the root takes its name.</param>
    /// <param name="isWhole">Whether these are all arguments, to which a console and a resume device are added where none is named; not for GRUB_CMDLINE_LINUX_DEFAULT.</param>
    /// <param name="beside">Arguments that the kernel gets together with these, and that need not be said again.</param>
    public static string Rewrite(string arguments, PlanningContext context, RootNaming naming, bool isWhole = true, string beside = "")
    {
        var tokens = arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var others = beside.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var result = tokens.Where(token => !IsStaleConsole(token, context.Target) && !IsForeign(token, context.Target)).Select(token => RewriteDevice(token, context, naming)).ToList();
        if (naming != RootNaming.TargetName && isWhole && !result.Concat(others).Any(token => token.StartsWith("resume=", StringComparison.Ordinal) || token == "noresume") && ResumeDeviceStep.StaleDevice(context) is { } swap)
        {
            result.Add("resume=" + context.Devices.StableName(swap));
        }

        if (isWhole && InterfaceNamesStep.NeedsKernelNames(context) && !result.Concat(others).Any(token => token.StartsWith("net.ifnames=", StringComparison.Ordinal)))
        {
            result.AddRange(["net.ifnames=0", "biosdevname=0"]);
        }

        AddConsoles(result, others, context.Target, isNeeded: isWhole || tokens.Any(token => IsStaleConsole(token, context.Target)));
        return result.SequenceEqual(tokens) ? arguments : string.Join(' ', result);
    }

    private static void AddConsoles(List<string> result, string[] others, TargetCapabilities target, bool isNeeded)
    {
        if (!target.HasSerialConsole)
        {
            // What was printed on a serial line only must be seen on the screen, which is all that there is.
            if (result.Exists(token => token.StartsWith("console=", StringComparison.Ordinal)) && !result.Exists(token => token.StartsWith("console=tty", StringComparison.Ordinal) && !token.StartsWith("console=ttyS", StringComparison.Ordinal)))
            {
                result.AddRange(target.ConsoleArguments.Select(console => "console=" + console));
            }

            return;
        }

        if (isNeeded && !result.Concat(others).Any(token => token.StartsWith("console=" + target.SerialConsole, StringComparison.Ordinal)))
        {
            result.AddRange(target.ConsoleArguments.Select(console => "console=" + console).Where(console => !result.Contains(console)).ToList());
        }
    }

    private static bool IsStaleConsole(string token, TargetCapabilities target)
        => token.StartsWith("console=", StringComparison.Ordinal) && Consoles.IsStale(token["console=".Length..].Split(',')[0], target);

    private static bool IsForeign(string token, TargetCapabilities target) => target.IsXenNative
        ? token is "clocksource=kvm-clock" or "clocksource=acpi_pm" or "clocksource=hyperv_clocksource" or "divider=10" || token.StartsWith("vga=", StringComparison.Ordinal)
        : token.StartsWith("xencons=", StringComparison.Ordinal) || token is "earlyprintk=xen" or "clocksource=xen" or "xen-fbfront.video=off";

    private static string RewriteDevice(string token, PlanningContext context, RootNaming naming)
    {
        if (Array.Find(DeviceKeys, key => token.StartsWith(key, StringComparison.Ordinal)) is not { } key || !DeviceNames.IsBusName(token[key.Length..])
            || context.Devices.Resolve(token[key.Length..]) is not { } volume)
        {
            return token;
        }

        return key + RootNames.NameOf(volume, naming, context.Devices);
    }
}
