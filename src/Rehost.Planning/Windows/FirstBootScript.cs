using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>The script of the first start. Nothing of the guest stands in it but addresses, which were parsed, and hexadecimal digits.</summary>
/// <param name="Files">Its files by name.</param>
internal sealed record FirstBootScript(ImmutableSortedDictionary<string, string> Files)
{
    /// <summary>Makes the script; null when there is nothing to do.</summary>
    public static FirstBootScript? Create(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        var work = new StringBuilder();
        var files = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        AddDrivers(work, context, windows, registry);
        AddAddresses(work, files, context, windows);
        foreach (var installer in context.Options.FirstBootInstallers)
        {
            Line(work, installer.Name.EndsWith(".msi", StringComparison.OrdinalIgnoreCase)
                ? $"msiexec /i \"%here%\\{installer.Name}\" /qn /norestart REBOOT=ReallySuppress"
                : $"\"%here%\\{installer.Name}\" /S");
        }

        // As it was before the plan; a guest that stays on its stop screens wants it so.
        if (windows.Registry.FirstOrDefault(key => key.Path.Equals($@"{CurrentKey(windows)}\Control\CrashControl", StringComparison.OrdinalIgnoreCase))?.Values.FirstOrDefault(value => value.Key.Equals("AutoReboot", StringComparison.OrdinalIgnoreCase)).Value?.Number == 1)
        {
            Line(work, @"reg add HKLM\SYSTEM\CurrentControlSet\Control\CrashControl /v AutoReboot /t REG_DWORD /d 1 /f");
        }

        if (work.Length == 0)
        {
            return null;
        }

        var script = new StringBuilder();
        Line(script, "@echo off");
        Line(script, "rem Written by rehost. Runs once: the service that starts it is removed before anything else, so nothing below can make it run again.");
        Line(script, "set here=%SystemRoot%\\Rehost");
        Line(script, "reg delete HKLM\\SYSTEM\\CurrentControlSet\\Services\\RehostFirstBoot /f >>\"%here%\\first-boot.log\" 2>&1");
        Line(script, "if exist \"%here%\\first-boot.done\" exit /b 0");
        Line(script, "echo done>\"%here%\\first-boot.done\"");
        Line(script, "echo %DATE% %TIME% first start>>\"%here%\\first-boot.log\"");
        Line(script, "call :work >>\"%here%\\first-boot.log\" 2>&1");
        Line(script, "exit /b 0");
        Line(script, ":work");
        Line(script, "@echo on");
        script.Append(work);
        Line(script, "exit /b 0");
        files["first-boot.cmd"] = script.ToString();
        return new FirstBootScript(files.ToImmutable());
    }

    // pnputil came with Vista. A package that fails is logged; the next is tried, and none twice.
    private static void AddDrivers(StringBuilder work, PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        if (new DriverStaging(context, windows, registry).HasDriverDatabase || !windows.Version.IsAtLeast(6, 0) || context.Options.Drivers.IsEmpty)
        {
            return;
        }

        Line(work, "for /d %%d in (\"%here%\\Drivers\\*\") do for %%i in (\"%%d\\*.inf\") do pnputil -i -a \"%%i\"");
    }

    private static void AddAddresses(StringBuilder work, ImmutableSortedDictionary<string, string>.Builder files, PlanningContext context, WindowsFacts windows)
    {
        var statics = windows.NetworkAdapters.Where(adapter => !adapter.UsesDhcp && !adapter.Addresses.IsEmpty).ToList();
        if (statics.Count == 0)
        {
            return;
        }

        // Which adapter had which address is known for certain only where there is one of each; the registry does not keep hardware addresses.
        var macs = context.Facts.Machine.NetworkAdapters.Select(adapter => adapter.MacAddress).ToList();
        var pairs = statics.Count == 1 && macs is [{ } only] ? [(only, statics[0])] : statics.Select(adapter => (Mac: MacOf(adapter, macs), Adapter: adapter)).Where(pair => pair.Mac is not null).Select(pair => (pair.Mac ?? "", pair.Adapter)).ToList();
        foreach (var adapter in statics.Where(adapter => !pairs.Any(pair => pair.Item2 == adapter)))
        {
            context.Report(WindowsPlanDiagnostics.AddressNotMoved.Create($"{adapter.Name ?? adapter.InterfaceId}: {string.Join(", ", adapter.Addresses)}; the machine has {macs.Count} adapters"));
        }

        if (pairs.Count == 0)
        {
            return;
        }

        if (windows.Version.IsAtLeast(6, 1))
        {
            files["addresses.ps1"] = AddressScripts.PowerShell(pairs);
            Line(work, "powershell -NoProfile -NonInteractive -ExecutionPolicy Bypass -File \"%here%\\addresses.ps1\"");
        }
        else
        {
            files["addresses.vbs"] = AddressScripts.VisualBasic(pairs);
            Line(work, "cscript //nologo //b \"%here%\\addresses.vbs\"");
        }
    }

    // XENVIF's instances end in the adapter's number on the host; others tell nothing.
    private static string? MacOf(WindowsNetworkAdapter adapter, List<string?> macs)
        => adapter.DeviceInstance is { } instance && instance.StartsWith(@"XENVIF\", StringComparison.OrdinalIgnoreCase)
        && int.TryParse(instance.Split('\\', '&')[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < macs.Count ? macs[index] : null;

    private static string CurrentKey(WindowsFacts windows) => (windows.ControlSets.FirstOrDefault(set => set.Roles.Contains("current")) ?? windows.ControlSets.FirstOrDefault())?.Key ?? "";

    private static void Line(StringBuilder text, string line) => text.Append(line).Append("\r\n");
}
