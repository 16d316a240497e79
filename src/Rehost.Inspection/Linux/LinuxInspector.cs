using System.Collections.Immutable;
using Rehost.Inspection.Linux.Boot;
using Rehost.Inspection.Linux.Kernels;
using Rehost.Inspection.Linux.Network;
using Rehost.Inspection.Storage;
using Rehost.Model;

namespace Rehost.Inspection.Linux;

/// <summary>Reads the facts of a Linux guest from its tree.</summary>
internal static class LinuxInspector
{
    /// <summary>A fresh initramfs may be this large; with less, updating the guest's kernel is likely to fail soon.</summary>
    private const long ComfortableFreeBytes = 50L << 20;

    /// <summary>Reads everything.</summary>
    public static GuestFacts Inspect(VirtualMachine machine, GuestStorage storage, IReadOnlyList<string> readGlobs, CancellationToken cancellationToken)
    {
        var findings = new List<Diagnostic>();
        var reader = new GuestReader(storage.Tree, findings);
        var boot = new BootConfigurationReader(reader);
        var configurations = boot.Read();
        var entries = boot.Follow(configurations);
        var (kernels, releases) = new KernelReader(reader, entries, cancellationToken).Read();
        if (kernels.IsEmpty)
        {
            findings.Add(InspectionDiagnostics.NoKernel.Create(machine.ParavirtualBoot?.Kernel is { } kernel
                ? $"nothing in /boot, and no boot entry leads to a kernel; the machine was started with {kernel} of its host"
                : "nothing in /boot, and no boot entry leads to a kernel"));
        }

        if (configurations.Count == 0)
        {
            findings.Add(InspectionDiagnostics.NoBootConfiguration.Create("neither grub.cfg nor menu.lst nor extlinux.conf"));
        }

        NoteFreeSpace(storage, reader);
        var facts = new GuestFacts
        {
            Machine = machine,
            Disks = storage.Disks,
            Volumes = [.. storage.Volumes.Select(volume => volume.Facts)],
            VolumeGroups = storage.VolumeGroups,
            RootSealedBecause = storage.SealedBecause,
            OperatingSystem = OperatingSystemReader.Read(reader),
            MountPoints = storage.MountPoints,
            Kernels = kernels,
            BootConfigurations = [.. configurations.Select((configuration, index) => ToFacts(configuration, index, entries, releases))],
            NetworkInterfaces = NetworkReader.Read(reader, machine),
            HypervisorTools = HypervisorToolReader.Read(reader),
            LoginTerminals = [.. LoginTerminals.Read(reader)],
            SelinuxMode = reader.Text("/etc/selinux/config") is { } selinux ? ShellAssignments.Parse(selinux).GetValueOrDefault("SELINUX", "enforcing").ToLowerInvariant() : null,
            SelinuxFileContexts = FileContexts(reader),
            OtherBootLoaders = [.. OtherBootLoaderReader.Read(reader)],
            EfiPrograms = [.. EfiProgramReader.Read(reader)],
            GrubModulesPath = GrubModulesReader.Find(reader),
            GrubEfiModulesPath = GrubModulesReader.FindEfi(reader),
            Files = GuestFileReader.Read(reader, readGlobs, cancellationToken),
        };
        return facts with { Findings = [.. storage.Findings, .. findings] };
    }

    /// <summary>The policy in use is named in the configuration (selinux_config(5)); a guest that has it switched off is not labelled.</summary>
    private static string? FileContexts(GuestReader reader)
    {
        if (reader.Text("/etc/selinux/config") is not { } text || ShellAssignments.Parse(text) is not { } values || values.GetValueOrDefault("SELINUX", "enforcing").Equals("disabled", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var path = $"/etc/selinux/{values.GetValueOrDefault("SELINUXTYPE", "targeted")}/contexts/files/file_contexts";
        return reader.IsFile(path) ? path : null;
    }

    internal static BootConfiguration ToFacts(FoundConfiguration configuration, int index, IReadOnlyList<FoundEntry> entries, IReadOnlyDictionary<string, string> releases) => new()
    {
        Kind = configuration.Kind,
        Path = configuration.Path,
        UsesLoaderEntries = configuration.UsesLoaderEntries,
        DefaultIndex = configuration.Menu.DefaultIndex,
        Entries = [.. entries.Where(entry => entry.Configuration == index).Select(entry => new BootEntry(
            entry.Entry.Title, entry.Entry.KernelPath, entry.Entry.InitramfsPaths.Count > 0 ? entry.Entry.InitramfsPaths[^1] : null, entry.Entry.Arguments,
            entry.ImagePath is { } image ? releases.GetValueOrDefault(image) : null))],
    };

    private static void NoteFreeSpace(GuestStorage storage, GuestReader reader)
    {
        if ((reader.Find("/boot") ?? reader.Find("/"))?.FileSystem is { Info: { } info })
        {
            var free = info.TotalBytes - info.UsedBytes;
            if (free < ComfortableFreeBytes)
            {
                var volume = storage.Volumes.FirstOrDefault(one => one.FileSystem?.Info.Uuid == info.Uuid)?.Name;
                reader.Findings.Add(InspectionDiagnostics.LowSpace.Create($"{free >> 20} MiB are free where /boot is; {ComfortableFreeBytes >> 20} MiB are comfortable", volume));
            }
        }
    }
}
