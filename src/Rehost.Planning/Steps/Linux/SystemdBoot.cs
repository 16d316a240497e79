using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>loader.conf of systemd-boot (loader.conf(5)).</summary>
internal static partial class SystemdBoot
{
    /// <summary>The files, by the places where the EFI system partition is mounted.</summary>
    public static readonly string[] Files = ["/boot/loader/loader.conf", "/boot/efi/loader/loader.conf", "/efi/loader/loader.conf"];

    /// <summary>Makes an entry the default.</summary>
    /// <param name="context">The plan.</param>
    /// <param name="partition">Where the EFI system partition is mounted: /boot/efi.</param>
    /// <param name="entry">File name of the entry, or of a unified image.</param>
    /// <param name="reason">Why.</param>
    public static void SetDefault(PlanningContext context, string partition, string entry, string reason)
    {
        var path = $"{partition}/loader/loader.conf";
        var text = context.Text(path) ?? "";
        context.SetText(path, Default().IsMatch(text) ? Default().Replace(text, "default " + entry, 1) : Lines.Append(text, ["default " + entry]), reason);
    }

    /// <summary>Where the entry that is the default cannot run on the target, the first that can becomes it.</summary>
    public static void ChooseDefault(PlanningContext context)
    {
        var entries = context.Facts.BootConfigurations.Where(configuration => configuration.Kind == BootConfigurationKind.LoaderEntry && !configuration.Entries.IsEmpty).ToList();
        bool CanRun(BootConfiguration one) => context.Facts.Kernels.Any(kernel => kernel.Version == one.Entries[0].KernelVersion && KernelChoiceStep.IsUsable(kernel, context.Target));
        if (entries.Count < 2 || CanRun(entries[0]) || entries.Find(CanRun) is not { } better)
        {
            return;
        }

        var at = better.Path.IndexOf("/loader/entries/", StringComparison.Ordinal);
        if (at >= 0 && context.Exists($"{better.Path[..at]}/loader/loader.conf"))
        {
            SetDefault(context, better.Path[..at], better.Path[(at + "/loader/entries/".Length)..], "The kernel of the entry that was the default cannot run on the target.");
        }
    }

    [GeneratedRegex(@"^default\s.*$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Default();
}
