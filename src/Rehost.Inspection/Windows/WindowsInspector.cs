using System.Collections.Immutable;
using System.Globalization;
using Rehost.Blocks;
using Rehost.FileSystems;
using Rehost.FileSystems.Ntfs;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.WindowsRegistry;

namespace Rehost.Inspection.Windows;

/// <summary>Reads the facts of a Windows guest from its registry and files.</summary>
internal sealed class WindowsInspector(VirtualMachine machine, GuestStorage storage, string systemRoot, CancellationToken cancellationToken)
{
    private const string CurrentVersion = @"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
    private static readonly string[] s_roles = ["Current", "Default", "LastKnownGood", "Failed"];
    private readonly List<Diagnostic> _findings = [];

    /// <summary>Reads everything.</summary>
    public GuestFacts Inspect(IReadOnlyList<string> patterns)
    {
        var reader = new GuestReader(storage.Tree, _findings);
        MountBootVolumes();
        var hives = WindowsHives.Open(storage.Tree, systemRoot, _findings);
        var version = Version(hives);
        var architecture = Architecture(reader);
        var sets = ControlSets(hives);
        var current = (sets.FirstOrDefault(set => set.Roles.Contains("current")) ?? sets.FirstOrDefault())?.Key ?? @"SYSTEM\ControlSet001";
        var product = hives.Text(CurrentVersion, "ProductName") ?? "Windows";
        var machineState = new WindowsStateReader(hives, current, version);
        var files = new WindowsFileList(reader, systemRoot);
        var windows = new WindowsFacts
        {
            ProductName = product,
            Edition = hives.Text(CurrentVersion, "EditionID"),
            InstallationType = hives.Text(CurrentVersion, "InstallationType"),
            Version = version,
            IsServer = hives.Text($@"{current}\Control\ProductOptions", "ProductType") is "ServerNT" or "LanmanNT",
            Architecture = architecture,
            SystemRoot = systemRoot,
            SystemDrive = hives.Text(CurrentVersion, "SystemRoot") is { Length: >= 2 } root && root[1] == ':' ? root[..2] : "C:",
            SystemVolume = storage.Root.Name,
            Hives = hives.Facts,
            ControlSets = sets,
            DriveLetters = DriveLetters(hives),
            Services = machineState.Services(),
            DriverPackages = new InstalledDriverReader(reader, hives, systemRoot, architecture).Read(),
            ClassFilters = machineState.ClassFilters(),
            Programs = machineState.Programs(),
            NetworkAdapters = new WindowsNetworkReader(hives, current).Read(),
            PagingFiles = hives.Texts($@"{current}\Control\Session Manager\Memory Management", "PagingFiles"),
            FastStartup = version.IsAtLeast(6, 2) && hives.Number($@"{current}\Control\Session Manager\Power", "HiberbootEnabled") == 1 && hives.Number($@"{current}\Control\Power", "HibernateEnabled") != 0,
            IsHibernated = HasFinding(NtfsDiagnostics.Hibernated.Id),
            BitLockerVolumes = [.. storage.Volumes.Where(volume => volume.Facts.Type == "BitLocker").Select(volume => volume.Name)],
            PendingUpdates = machineState.PendingUpdates(reader, systemRoot),
            ActivationKind = machineState.ActivationKind(),
            ClockIsUtc = hives.Number($@"{current}\Control\TimeZoneInformation", "RealTimeIsUniversal") == 1,
            TimeZone = hives.Text($@"{current}\Control\TimeZoneInformation", "TimeZoneKeyName") ?? hives.Text($@"{current}\Control\TimeZoneInformation", "StandardName"),
            KnowsSha2 = machineState.KnowsSha2(),
            BootStores = new BootStoreReader(storage, reader).Read(),
            Registry = new RegistrySnapshot(hives, cancellationToken).Read(patterns.Where(pattern => pattern.StartsWith(@"HKLM\", StringComparison.Ordinal)).Select(pattern => pattern[@"HKLM\".Length..])),
            Files = files.Read(patterns.Where(pattern => pattern.StartsWith('%'))),
            Geometry = Geometry(),
        };
        NoteState(windows);
        return new GuestFacts
        {
            Machine = machine,
            Disks = storage.Disks,
            Volumes = [.. storage.Volumes.Select(volume => volume.Facts)],
            VolumeGroups = storage.VolumeGroups,
            OperatingSystem = new Model.OperatingSystem
            {
                Id = "windows",
                Name = product,
                Version = version.ToString(),
                Architecture = architecture switch { "x86" => "i686", "amd64" => "x86_64", "arm64" => "aarch64", var other => other },
                HostName = hives.Text($@"{current}\Control\ComputerName\ComputerName", "ComputerName"),
            },
            NetworkInterfaces = [.. windows.NetworkAdapters.Select(adapter => new NetworkInterface(
                adapter.Name ?? adapter.InterfaceId, @"HKLM\" + current + @"\Services\Tcpip\Parameters\Interfaces\" + adapter.InterfaceId, adapter.UsesDhcp ? "dhcp" : "static", adapter.Addresses, null))],
            Windows = windows,

            // What a read-only root means for Windows, and how to get out of it, is said by the findings below.
            Findings = [.. storage.Findings.Where(finding => finding.Id != InspectionDiagnostics.RootReadOnly.Id || !IsUnclean()), .. _findings],
        };
    }

    /// <summary>Volumes with boot files that have no place in the tree get one: the EFI system partition, System Reserved.</summary>
    private void MountBootVolumes()
    {
        foreach (var volume in storage.Volumes.Where(volume => volume.FileSystem is not null && volume != storage.Root && volume.Facts.MountPath is null))
        {
            var alone = new GuestTree(volume.FileSystem ?? throw new InvalidOperationException());
            try
            {
                if (alone.TryResolve("/Boot/BCD") is not null || alone.TryResolve("/EFI") is not null || alone.TryResolve("/bootmgr") is not null || alone.TryResolve("/ntldr") is not null)
                {
                    storage.Tree.MountBeside(volume.Name + ":", volume.FileSystem);
                }
            }
            catch (DiagnosticException e)
            {
                _findings.Add(InspectionDiagnostics.NotMounted.Create(e.Diagnostic.ToString(), volume.Name));
            }
        }
    }

    private static WindowsVersion Version(WindowsHives hives)
    {
        var build = int.TryParse(hives.Text(CurrentVersion, "CurrentBuildNumber") ?? hives.Text(CurrentVersion, "CurrentBuild"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        if (hives.Number(CurrentVersion, "CurrentMajorVersionNumber") is { } major && major < 1000)
        {
            return new WindowsVersion((int)major, (int)(hives.Number(CurrentVersion, "CurrentMinorVersionNumber") ?? 0) & 0xff, build);
        }

        var parts = (hives.Text(CurrentVersion, "CurrentVersion") ?? "").Split('.');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var old) && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var minor)
            ? new WindowsVersion(old, minor, build)
            : throw WindowsDiagnostics.NoVersion.ToException("neither CurrentMajorVersionNumber nor CurrentVersion is there", CurrentVersion);
    }

    // The kernel's own header (PE format, COFF file header): what the registry says of processors is what the last boot had.
    private string Architecture(GuestReader reader)
    {
        foreach (var name in (string[])["ntoskrnl.exe", "cmd.exe", "ntdll.dll"])
        {
            var head = reader.Head($"{systemRoot}/System32/{name}", 4096);
            if (head.Length < 64 || head[0] != 'M' || head[1] != 'Z')
            {
                continue;
            }

            var offset = BitConverter.ToInt32(head, 0x3c);
            if (offset is > 0 and < 4090 && head.Length >= offset + 6 && head[offset] == 'P' && head[offset + 1] == 'E')
            {
                switch (BitConverter.ToUInt16(head, offset + 4))
                {
                    case 0x14c: return "x86";
                    case 0x8664: return "amd64";
                    case 0xaa64: return "arm64";
                    case 0x200: return "ia64";
                    default: break;
                }
            }
        }

        return reader.IsDirectory($"{systemRoot}/SysWOW64") ? "amd64" : "x86";
    }

    private static ImmutableArray<ControlSetFacts> ControlSets(WindowsHives hives)
    {
        var sets = ImmutableArray.CreateBuilder<ControlSetFacts>();
        foreach (var key in hives.Root("SYSTEM")?.Subkeys ?? [])
        {
            if (key.Name.StartsWith("ControlSet", StringComparison.OrdinalIgnoreCase) && int.TryParse(key.Name.AsSpan("ControlSet".Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0)
            {
                sets.Add(new ControlSetFacts(number, [.. s_roles
                    .Where(role => hives.Number(@"SYSTEM\Select", role) == number).Select(role => char.ToLowerInvariant(role[0]) + role[1..])]));
            }
        }

        return [.. sets.OrderBy(set => set.Number)];
    }

    private ImmutableArray<DriveLetterFacts> DriveLetters(WindowsHives hives)
    {
        const string prefix = @"\DosDevices\";
        return
        [
            .. (hives.Find(@"SYSTEM\MountedDevices")?.Values ?? []).Where(value => value.Name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) && value.Kind == RegistryValueKind.Binary)
                .Select(value => (Letter: value.Name[prefix.Length..], Meaning: VolumeNames.OfMountedDevice(storage, value.Data)))
                .Select(item => new DriveLetterFacts(item.Letter, item.Meaning.Means, item.Meaning.VolumeName)).OrderBy(letter => letter.Letter, StringComparer.Ordinal),
        ];
    }

    private NtfsGeometry? Geometry()
    {
        Span<byte> sector = stackalloc byte[512];
        if (storage.Root.Facts.Type != "ntfs" || storage.Root.Device.Length < sector.Length)
        {
            return null;
        }

        storage.Root.Device.Read(GuestOffset.Zero, sector);
        return new NtfsGeometry(BitConverter.ToUInt16(sector[0x18..]), BitConverter.ToUInt16(sector[0x1a..]), BitConverter.ToUInt32(sector[0x1c..]));
    }

    private bool HasFinding(string id) => storage.Root.FileSystem?.Check().Any(finding => finding.Id == id) == true;

    private bool IsUnclean() => new[] { NtfsDiagnostics.Hibernated, NtfsDiagnostics.LogNotClean, NtfsDiagnostics.MarkedDirty }.Any(kind => HasFinding(kind.Id));

    // Signs that stop, each with the way out; warnings after them.
    private void NoteState(WindowsFacts windows)
    {
        foreach (var volume in windows.BitLockerVolumes)
        {
            _findings.Add(WindowsDiagnostics.BitLocker.Create($"{volume} is encrypted; nothing on it can be read or changed", volume));
        }

        if (windows.IsHibernated)
        {
            _findings.Add(WindowsDiagnostics.Hibernated.Create($"hiberfil.sys of {windows.SystemVolume} holds a running system{(windows.FastStartup ? ", and fast startup is switched on" : "")}", windows.SystemVolume));
        }

        foreach (var kind in new[] { NtfsDiagnostics.LogNotClean, NtfsDiagnostics.MarkedDirty })
        {
            if (!windows.IsHibernated && storage.Root.FileSystem?.Check().FirstOrDefault(finding => finding.Id == kind.Id) is { } finding)
            {
                _findings.Add(finding with { Severity = Severity.Error, Where = windows.SystemVolume });
            }
        }

        if (windows.FastStartup && !windows.IsHibernated)
        {
            _findings.Add(WindowsDiagnostics.FastStartup.Create("HiberbootEnabled is 1, and the last shutdown was a full one"));
        }

        if (!windows.PendingUpdates.IsEmpty)
        {
            _findings.Add(WindowsDiagnostics.PendingUpdates.Create(string.Join("; ", windows.PendingUpdates)));
        }

        if (windows.ActivationKind is "OEM" or "Retail")
        {
            _findings.Add(WindowsDiagnostics.Activation.Create($"the licence is of the kind {windows.ActivationKind}"));
        }

        if (windows.BootStores.IsEmpty)
        {
            _findings.Add(WindowsDiagnostics.NoBootStore.Create($"no \\Boot\\BCD, \\EFI\\Microsoft\\Boot\\BCD or boot.ini on {string.Join(", ", storage.Volumes.Select(volume => volume.Name))}"));
        }
    }
}
