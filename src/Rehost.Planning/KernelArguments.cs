
using Rehost.Planning.Steps.Linux;

namespace Rehost.Planning;

/// <summary>Kernel arguments of a boot entry, rewritten token by token; what is not understood stays as it stands.</summary>
public static class KernelArguments
{
    private static readonly string[] XenConsoles = ["hvc0", "xvc0"];

    /// <summary>
    /// Rewrites arguments for the target: root= and resume= by UUID, Xen consoles replaced by the screen and the serial line, Xen-only arguments dropped.
    /// </summary>
    /// <param name="arguments">Arguments as they stand, without the kernel's path.</param>
    /// <param name="context">Facts and target.</param>
    /// <param name="hasInitramfs">Whether an initramfs will find the root; a kernel alone does not know UUIDs.</param>
    /// <param name="isWhole">Whether these are all arguments, to which a console and a resume device are added where none is named; not for GRUB_CMDLINE_LINUX_DEFAULT.</param>
    public static string Rewrite(string arguments, PlanningContext context, bool hasInitramfs, bool isWhole = true)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(context);
        var serial = $"console={context.Target.SerialConsoleArgument}";
        var result = new List<string>();
        foreach (var token in arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            switch (Classify(token))
            {
                case ArgumentKind.XenConsole:
                case ArgumentKind.XenOnly:
                    break;
                case ArgumentKind.Device:
                    result.Add(RewriteDevice(token, context, hasInitramfs));
                    break;
                default:
                    result.Add(token);
                    break;
            }
        }

        if (hasInitramfs && isWhole && !result.Exists(token => token.StartsWith("resume=", StringComparison.Ordinal) || token == "noresume") && ResumeDeviceStep.StaleDevice(context) is { } swap)
        {
            result.Add("resume=" + context.Devices.StableName(swap));
        }

        var hadXenConsole = arguments.Split(' ').Any(token => Classify(token) == ArgumentKind.XenConsole);
        var namesSerial = result.Exists(token => token.StartsWith("console=" + context.Target.SerialConsole, StringComparison.Ordinal));
        if (!namesSerial && (hadXenConsole || isWhole))
        {
            if (!result.Contains("console=tty0"))
            {
                result.Add("console=tty0");
            }

            result.Add(serial);
        }

        return string.Join(' ', result);
    }

    private static ArgumentKind Classify(string token)
    {
        if (token.StartsWith("console=", StringComparison.Ordinal) && XenConsoles.Contains(token["console=".Length..].Split(',')[0]))
        {
            return ArgumentKind.XenConsole;
        }

        if (token.StartsWith("xencons=", StringComparison.Ordinal) || token is "earlyprintk=xen" or "clocksource=xen" or "xen-fbfront.video=off")
        {
            return ArgumentKind.XenOnly;
        }

        return token.StartsWith("root=", StringComparison.Ordinal) || token.StartsWith("resume=", StringComparison.Ordinal) ? ArgumentKind.Device : ArgumentKind.Other;
    }

    private static string RewriteDevice(string token, PlanningContext context, bool hasInitramfs)
    {
        var separator = token.IndexOf('=', StringComparison.Ordinal) + 1;
        var specification = token[separator..];
        if (!DeviceNames.IsBusName(specification) || context.Devices.Resolve(specification) is not { } volume)
        {
            return token;
        }

        return token[..separator] + (hasInitramfs ? context.Devices.StableName(volume) : context.Devices.TargetName(volume));
    }

    private enum ArgumentKind
    {
        Other,
        Device,
        XenConsole,
        XenOnly,
    }
}
