using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Puts the guest's own boot loader where any UEFI firmware looks by itself.</summary>
internal sealed class UefiFallbackStep : ConversionStep
{
    public override string Id => "uefi-fallback";

    public override string Title => "Boot loader at UEFI's fallback path";

    public override string Description =>
        "UEFI firmware finds an installed system by entries in its own memory, which stay behind with the old machine. On a new one it looks for one path by itself: \\EFI\\BOOT\\BOOTX64.EFI (BOOTIA32, BOOTAA64). Where the guest has nothing there, " +
        "its own boot loader is copied to it: shim with the GRUB that it starts, or GRUB or systemd-boot alone. Nothing that is there is replaced or removed.";

    public override ImmutableArray<string> Requirements => ["S1.33", "S1.28"];

    public override void Plan(PlanningContext context)
    {
        if (context.Target.Firmware != Firmware.Uefi || !BootLoaderStep.KeepsOwnLoader(context))
        {
            context.Skip("the target does not start from the guest's own EFI system partition");
            return;
        }

        var programs = context.Facts.EfiPrograms;
        var suffix = Suffix(context, programs);
        if (programs.Any(path => IsNamed(path, $"BOOT{suffix}.EFI") && IsIn(path, "BOOT")))
        {
            context.Skip($"the guest has a boot loader at \\EFI\\BOOT\\BOOT{suffix}.EFI");
            return;
        }

        if (Best(programs, suffix) is not { } program)
        {
            context.Report(PlanDiagnostics.NoEfiProgram.Create(programs.IsEmpty ? "the EFI system partition was not found, or holds no program" : $"found {string.Join(", ", programs)}"));
            context.Skip("no boot loader for UEFI was found in the guest");
            return;
        }

        var vendor = program[..program.LastIndexOf('/')];
        var fallback = vendor[..vendor.LastIndexOf('/')] + "/" + (programs.Select(path => path.Split('/')[^2]).FirstOrDefault(name => name.Equals("BOOT", StringComparison.OrdinalIgnoreCase)) ?? "BOOT");
        var reason = $"Firmware that knows nothing of this guest starts \\EFI\\BOOT\\BOOT{suffix}.EFI.";
        Copy(context, program, $"{fallback}/BOOT{suffix}.EFI", reason);
        if (Name(program).StartsWith("shim", StringComparison.OrdinalIgnoreCase))
        {
            // shim starts grub from its own directory, and its key manager (MokManager) when a signature fails.
            foreach (var other in programs.Where(path => path.StartsWith(vendor + "/", StringComparison.Ordinal) && (IsNamed(path, $"grub{suffix}.efi") || IsNamed(path, $"mm{suffix}.efi"))))
            {
                Copy(context, other, $"{fallback}/{Name(other)}", "shim looks for it in its own directory.");
            }
        }
    }

    private void Copy(PlanningContext context, string from, string to, string reason)
    {
        if (!context.Facts.EfiPrograms.Any(path => path.Equals(to, StringComparison.OrdinalIgnoreCase)))
        {
            context.Add(new CopyFile { StepId = Id, Requirements = Requirements, Reason = reason, From = from, Path = to });
        }
    }

    // Distributions with Secure Boot first: shim starts with it on or off.
    private static string? Best(ImmutableArray<string> programs, string suffix)
        => ((string[])[$"shim{suffix}.efi", "shim.efi", $"grub{suffix}.efi", "grub.efi", $"systemd-boot{suffix}.efi", $"elilo{suffix}.efi", "elilo.efi"])
            .SelectMany(name => programs.Where(path => IsNamed(path, name))).FirstOrDefault() ?? programs.FirstOrDefault(path => IsIn(path, "Linux")); // a unified image is a program too

    private static string Suffix(PlanningContext context, ImmutableArray<string> programs) => context.Facts.OperatingSystem.Architecture switch
    {
        "aarch64" => "AA64",

        // A 32-bit system may stand on 64-bit firmware, and says so by the boot loader that it has.
        "x86_64" => "X64",
        _ => programs.Any(path => Name(path).EndsWith("x64.efi", StringComparison.OrdinalIgnoreCase)) ? "X64" : "IA32",
    };

    private static string Name(string path) => path[(path.LastIndexOf('/') + 1)..];

    private static bool IsNamed(string path, string name) => Name(path).Equals(name, StringComparison.OrdinalIgnoreCase);

    private static bool IsIn(string path, string directory) => path.Split('/')[^2].Equals(directory, StringComparison.OrdinalIgnoreCase);
}
