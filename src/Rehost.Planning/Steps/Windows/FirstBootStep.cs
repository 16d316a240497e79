using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Planning.Windows;

namespace Rehost.Planning.Steps.Windows;

/// <summary>What only Windows itself can do: a script that its first start runs once.</summary>
internal sealed class FirstBootStep : WindowsStep
{
    private const string Service = "RehostFirstBoot";

    public override string Id => "windows-first-boot";

    public override string Title => "First start";

    public override string Description =>
        "A service starts a script once, as the system, at the first start. The first thing the script does is to remove that service: whatever fails after, it cannot run again, and it never restarts the machine. It gives static addresses to the new " +
        "adapter with the same MAC address, adds drivers properly where the driver store could not be filled offline (before Windows 8), runs installers that were supplied (the guest agent), and switches the restart after a stop screen on again. " +
        "Each line is logged to %SystemRoot%\\Rehost\\first-boot.log, and a line that fails does not keep the next from being tried.";

    public override ImmutableArray<string> Requirements => ["S3.15", "S3.16"];

    public override ImmutableArray<string> Reads => [@"HKLM\SYSTEM\ControlSet*\Services\" + Service + "!", @"HKLM\SYSTEM\ControlSet*\Control\CrashControl", "%SystemRoot%/" + DriverStaging.OwnDirectory + "/*!"];

    protected override void Plan(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        var script = FirstBootScript.Create(context, windows, registry);
        if (script is null)
        {
            context.Skip("nothing is left to the first start");
            return;
        }

        const string reason = "Runs once at the first start, removes itself first, never restarts the machine.";
        var directory = $"{windows.SystemRoot}/{DriverStaging.OwnDirectory}";
        foreach (var (name, content) in script.Files)
        {
            var path = $"{directory}/{name}";
            if (GuestDrivers.Find(windows, path) is null)
            {
                context.SetText(path, content, reason);
            }
        }

        foreach (var installer in context.Options.FirstBootInstallers)
        {
            var path = $"{directory}/{installer.Name}";
            if (GuestDrivers.Find(windows, path)?.Sha256 != installer.Sha256)
            {
                context.Add(new PlaceFile { StepId = Id, Requirements = Requirements, Reason = "The first start installs it.", Path = path, From = installer.Name, Sha256 = installer.Sha256, LengthBytes = installer.LengthBytes });
            }
        }

        foreach (var set in windows.ControlSets)
        {
            var key = $@"{set.Key}\Services\{Service}";
            registry.Set(key, "DisplayName", RegistryData.OfText("Rehost: first start after the move"), reason);
            registry.Set(key, "Type", RegistryData.OfNumber(0x10), reason);
            registry.Set(key, "Start", RegistryData.OfNumber(2), reason);
            registry.Set(key, "ErrorControl", RegistryData.OfNumber(0), reason);
            registry.Set(key, "ObjectName", RegistryData.OfText("LocalSystem"), reason);

            // cmd.exe is no service: it starts the script beside itself and ends; the service control manager notes one error 7000 and tries no more.
            registry.Set(key, "ImagePath", RegistryData.OfExpandableText($@"%SystemRoot%\System32\cmd.exe /c start """" /b %SystemRoot%\System32\cmd.exe /c %SystemRoot%\{DriverStaging.OwnDirectory}\first-boot.cmd"), reason);
        }

        context.CheckByHand($@"After: read %SystemRoot%\{DriverStaging.OwnDirectory}\first-boot.log; then the directory can be removed. An error 7000 or 7009 of {Service} in the event log is as it should be.");
        context.Skip("it is prepared already");
    }
}
