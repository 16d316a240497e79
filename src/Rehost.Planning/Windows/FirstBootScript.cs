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
            Line(work, IsMsi(installer) ? $"call :install \"{installer.Name}\"" : $"\"%here%\\{installer.Name}\" /S");
        }

        // As it was before the plan; a guest that stays on its stop screens wants it so.
        if (windows.Registry.FirstOrDefault(key => key.Path.Equals($@"{CurrentKey(windows)}\Control\CrashControl", StringComparison.OrdinalIgnoreCase))?.Values.FirstOrDefault(value => value.Key.Equals("AutoReboot", StringComparison.OrdinalIgnoreCase)).Value?.Number == 1)
        {
            Line(work, Registry(windows, files, "restart.reg", @"reg add HKLM\SYSTEM\CurrentControlSet\Control\CrashControl /v AutoReboot /t REG_DWORD /d 1 /f", "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\CrashControl]\r\n\"AutoReboot\"=dword:00000001"));
        }

        if (work.Length == 0)
        {
            return null;
        }

        var script = new StringBuilder();
        Line(script, "@echo off");
        Line(script, "rem Written by rehost. Runs once: the service that starts it is removed before anything else, so nothing below can make it run again.");
        Line(script, "set here=%SystemRoot%\\Rehost");
        Line(script, Registry(windows, files, "once.reg", "reg delete HKLM\\SYSTEM\\CurrentControlSet\\Services\\RehostFirstBoot /f", "[-HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\RehostFirstBoot]") + " >>\"%here%\\first-boot.log\" 2>&1");
        Line(script, "if exist \"%here%\\first-boot.done\" exit /b 0");
        Line(script, "echo done>\"%here%\\first-boot.done\"");
        Line(script, "echo %DATE% %TIME% first start>>\"%here%\\first-boot.log\"");
        Line(script, "call :work >>\"%here%\\first-boot.log\" 2>&1");
        Line(script, "exit /b 0");
        Line(script, ":work");
        Line(script, "@echo on");
        script.Append(work);
        Line(script, "exit /b 0");
        if (context.Options.FirstBootInstallers.Any(IsMsi))
        {
            AddInstaller(script);
        }

        files["first-boot.cmd"] = script.ToString();
        return new FirstBootScript(files.ToImmutable());
    }

    private static bool IsMsi(DriverFile installer) => installer.Name.EndsWith(".msi", StringComparison.OrdinalIgnoreCase);

    // 1618: another installation is running, as one may after the first start. A minute's wait, ten times at most.
    private static void AddInstaller(StringBuilder script)
    {
        Line(script, ":install");
        Line(script, "set tries=0");
        Line(script, ":again");
        Line(script, "msiexec /i \"%here%\\%~1\" /qn /norestart REBOOT=ReallySuppress");
        Line(script, "if not errorlevel 1618 exit /b 0");
        Line(script, "if errorlevel 1619 exit /b 0");
        Line(script, "set /a tries+=1");
        Line(script, "if %tries% geq 10 exit /b 0");
        Line(script, "ping -n 61 127.0.0.1 >nul");
        Line(script, "goto again");
    }

    // Windows 2000 has no reg.exe; its regedit carries out files of the older form.
    private static string Registry(WindowsFacts windows, ImmutableSortedDictionary<string, string>.Builder files, string name, string command, string content)
    {
        if (windows.Version.IsAtLeast(5, 1))
        {
            return command;
        }

        files[name] = $"REGEDIT4\r\n\r\n{content}\r\n\r\n";
        return $"regedit /s \"%here%\\{name}\"";
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
