using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Planning.Windows;

namespace Rehost.Planning.Steps.Windows;

/// <summary>The loader that UEFI starts when its variables are lost.</summary>
internal sealed class EfiFallbackLoaderStep : WindowsStep
{
    public override string Id => "windows-efi-loader";

    public override string Title => "EFI fallback loader";

    public override string Description =>
        "The target's firmware knows none of the source's boot variables, and starts \\EFI\\BOOT\\BOOTX64.EFI (BOOTIA32, BOOTAA64). Where that file is missing, Windows' boot manager is copied there. A file that is there stays, be it " +
        "another loader's, and nothing else of \\EFI\\BOOT is touched.";

    public override ImmutableArray<string> Requirements => ["S3.9"];

    public override ImmutableArray<string> Reads => ["%BootVolume%/EFI/Boot/*!", "%BootVolume%/EFI/Microsoft/Boot/bootmgfw.efi!"];

    protected override void Plan(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        if (context.Target.Firmware != Firmware.Uefi)
        {
            context.Skip("the guest starts from a BIOS");
            return;
        }

        const string managerPath = "/EFI/Microsoft/Boot/bootmgfw.efi";
        var name = windows.Architecture switch { "x86" => "BOOTIA32.EFI", "arm64" => "BOOTAA64.EFI", _ => "BOOTX64.EFI" };
        foreach (var manager in windows.Files.Where(file => file.Sha256 is not null && file.Path.EndsWith(managerPath, StringComparison.OrdinalIgnoreCase)))
        {
            var efi = manager.Path[..^(managerPath.Length - "/EFI".Length)];
            if (GuestDrivers.Find(windows, $"{efi}/Boot/{name}") is { } existing)
            {
                context.Skip($"{existing.Path} is there{(existing.Sha256 == manager.Sha256 ? "" : ", and is another loader, which stays")}");
                continue;
            }

            context.Add(new CopyFile
            {
                StepId = Id,
                Requirements = Requirements,
                Reason = "A firmware without boot variables starts this file.",
                Path = $"{efi}/Boot/{name}",
                From = manager.Path,
                Sha256 = manager.Sha256,
            });
        }

        if (!windows.Files.Any(file => file.Path.EndsWith(managerPath, StringComparison.OrdinalIgnoreCase)))
        {
            context.Skip("there is no \\EFI\\Microsoft\\Boot\\bootmgfw.efi");
        }
    }
}
