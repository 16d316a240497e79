using System.Collections.Immutable;
using System.Globalization;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Packages that the operator gave: what was unpacked, what was made for their kernels, and their services switched on.</summary>
internal sealed class SuppliedPackagesStep : ConversionStep
{
    private static readonly string[] ScriptDirectories = ["/etc/rc.d/rc{0}.d", "/etc/init.d/rc{0}.d", "/etc/rc{0}.d"];

    public override string Id => "packages";

    public override string Title => "Packages of the operator";

    public override string Description =>
        "A guest without a kernel for the target gets one with --package FILE (rpm or deb, of its own architecture): files are unpacked offline, modules indexed as depmod does, an initramfs is made of one of the guest's own, and the boot " +
        "menu gets an entry that is the default. The steps below then treat the kernel like any other of the guest. Tools of the target's hypervisor come the same way: their services are switched on by links. No script of a package is run, and the " +
        "package manager's database does not change; the plan says so, with the SHA-256 of each file.";

    public override ImmutableArray<string> Requirements => ["S0.9", "S0.10", "S0.11", "S0.15", "S0.16", "S0.17", "S0.18", "S0.20", "S0.40", "S0.41", "S0.43", "S0.44", "S1.23", "S2.8", "S2.9", "S2.10"];

    public override ImmutableArray<string> Reads => ["/etc/rc.d/rc3.d", "/etc/init.d/rc3.d", "/etc/rc3.d", "/etc/init.d/.depend.start"];

    public override void Plan(PlanningContext context)
    {
        if (context.Facts.Packages is not { Length: > 0 } packages)
        {
            context.Skip("no package was given with --package");
            return;
        }

        foreach (var package in packages)
        {
            var what = package.KernelVersions.IsEmpty ? "" : $", kernel {string.Join(", ", package.KernelVersions)}";
            context.Add(new InstallPackage
            {
                StepId = Id,
                Requirements = Requirements,
                Reason = string.Create(CultureInfo.InvariantCulture, $"The operator gave {package.Name} {package.Version} for {package.Architecture} (SHA-256 {package.Sha256}): {package.FileCount} files with {package.Bytes >> 10} KiB{what}; no script of it is run."),
                Package = package,
            });
            foreach (var service in package.Services)
            {
                SwitchOn(context, package, service);
            }

            var scripts = package.ScriptsNotRun.IsEmpty ? "" : $" Scripts of it that were not run: {string.Join(", ", package.ScriptsNotRun)}.";
            var kept = package.Kept.IsEmpty ? "" : $" Kept as they were: {string.Join(", ", package.Kept)}.";

            // rpm -U of a kernel removes the others.
            var command = package.Format != "rpm" ? "dpkg -i" : package.KernelVersions.IsEmpty ? "rpm -Uvh --replacepkgs" : "rpm -ivh --replacepkgs";
            context.CheckByHand($"The files of {package.Name} {package.Version} are in the guest, and its package manager does not know: install the same file there ({command} {package.FileName}), which enters them and runs its scripts.{scripts}{kept}");
        }

        foreach (var file in context.Facts.Prepared ?? [])
        {
            context.Add(new PrepareFile
            {
                StepId = Id,
                Requirements = Requirements,
                Reason = $"Made for the packages: {file.What}.",
                Path = file.Path,
                Diff = file.After is { } after ? UnifiedDiff.Create(file.Path, file.Before ?? "", after) : null,
            });
        }
    }

    private static void SwitchOn(PlanningContext context, SuppliedPackage package, PackageService service)
    {
        var reason = $"The service {service.Name} of {package.Name} starts with the guest, as its own file says.";
        if (service.Kind == "unit" && context.Facts.OperatingSystem.Init == InitSystem.Systemd)
        {
            foreach (var target in service.WantedBy)
            {
                context.Link($"/etc/systemd/system/{target}.wants/{service.Name}.service", service.Path, reason);
            }

            return;
        }

        // A unit of the same name stands for the script where systemd starts the guest.
        if (service.Kind != "script" || (context.Facts.OperatingSystem.Init == InitSystem.Systemd && package.Services.Any(other => other.Kind == "unit" && other.Name == service.Name)))
        {
            return;
        }

        if (context.Facts.OperatingSystem.Init == InitSystem.OpenRc)
        {
            context.Link($"/etc/runlevels/default/{service.Name}", service.Path, reason);
            return;
        }

        var directory = Array.Find(ScriptDirectories, form => context.Exists(string.Format(CultureInfo.InvariantCulture, form, 3)));
        if (directory is null)
        {
            context.CheckByHand($"No directory of start links was found for the script {service.Path}: switch it on in the guest.");
            return;
        }

        var levels = directory.StartsWith("/etc/rc.d", StringComparison.Ordinal) ? "0123456" : "2345";
        foreach (var level in levels)
        {
            var starts = service.Levels.Contains(level, StringComparison.Ordinal);
            context.Link(string.Create(CultureInfo.InvariantCulture, $"{string.Format(CultureInfo.InvariantCulture, directory, level)}/{(starts ? 'S' : 'K')}{(starts ? service.Start : service.Stop):00}{service.Name}"), $"{(directory.StartsWith("/etc/init.d", StringComparison.Ordinal) ? ".." : "../init.d")}/{service.Name}", reason);
        }

        if (context.Exists("/etc/init.d/.depend.start"))
        {
            context.CheckByHand($"Run insserv {service.Name} in the guest: its order of starting in parallel is written down in /etc/init.d/.depend.start.");
        }
    }
}
