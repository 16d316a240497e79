using System.Collections.Immutable;
using Rehost.FileSystems;
using Rehost.Inspection.Linux.Boot;
using Rehost.Model;

namespace Rehost.Inspection.Linux.Kernels;

/// <summary>Finds the kernels that could be booted: those that boot entries name, and those in /boot.</summary>
internal sealed class KernelReader(GuestReader reader, IReadOnlyList<FoundEntry> entries, CancellationToken cancellationToken)
{
    private const int MaximumKernels = 64;

    private static readonly string[] ImagePatterns = ["/boot/vmlinuz*", "/boot/vmlinux-*", "/boot/kernel-*", "/boot/bzImage*", "/boot/kernel-genkernel-*"];

    /// <summary>What package managers and administrators leave beside a kernel.</summary>
    private static readonly string[] NotKernels = [".hmac", ".sig", ".dpkg-old", ".dpkg-new", ".dpkg-bak", ".dpkg-tmp", ".rpmsave", ".rpmnew", "~", ".bak", ".gz.asc"];

    /// <summary>Where unified kernel images lie (Boot Loader Specification, type 2).</summary>
    private static readonly string[] UnifiedPatterns = ["/boot/efi/EFI/Linux/*.efi", "/efi/EFI/Linux/*.efi", "/boot/EFI/Linux/*.efi"];

    private readonly Dictionary<(IFileSystem, NodeId), InitramfsFacts> _initramfs = [];

    /// <summary>All kernels, the best default first, and the release that each image path leads to.</summary>
    public (ImmutableArray<InstalledKernel> Kernels, IReadOnlyDictionary<string, string> ReleaseByImage) Read()
    {
        var found = new List<(InstalledKernel Kernel, int Rank)>();
        var releases = new Dictionary<string, string>(StringComparer.Ordinal);
        var seen = new HashSet<(IFileSystem, NodeId)>();
        var named = entries.Where(entry => entry.ImagePath is not null).OrderBy(entry => entry.Configuration).Select(entry => entry.ImagePath ?? "");
        foreach (var path in named.Concat(ImagePatterns.SelectMany(reader.Glob)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (reader.Find(path) is not { Kind: NodeKind.File } node || NotKernels.Any(suffix => node.Path.EndsWith(suffix, StringComparison.Ordinal)))
            {
                continue;
            }

            if (releases.ContainsKey(path))
            {
                continue;
            }

            if (!seen.Add((node.FileSystem, node.Node)))
            {
                if (releases.TryGetValue(node.Path, out var known))
                {
                    releases[path] = known;
                }

                continue;
            }

            var head = reader.Head(node.Path, KernelImageHeader.HeadLength);
            if (seen.Count > MaximumKernels || Release(node.Path, head) is not { } release || !LooksLikeKernel(path, head))
            {
                continue;
            }

            releases[path] = release;
            releases[node.Path] = release;
            found.Add((Read(node, release, head), found.Count));
        }

        foreach (var path in UnifiedPatterns.SelectMany(reader.Glob))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (found.Count < MaximumKernels && reader.Find(path) is { Kind: NodeKind.File } node && UnifiedImageReader.Read(node) is { } image)
            {
                var head = UnifiedImageReader.Head(node, image, KernelImageHeader.HeadLength);
                if ((KernelImageHeader.ReadRelease(head) ?? image.Release) is { } release && !releases.ContainsValue(release))
                {
                    releases[path] = release;
                    found.Add((ReadUnified(node, image, release, head, isDefault: !found.Exists(item => item.Kernel.IsDefault || item.Kernel.Unified is null)), found.Count));
                }
            }
        }

        return ([.. found.OrderByDescending(item => item.Kernel.IsDefault).ThenBy(item => IsRescue(item.Kernel.ImagePath))
            .ThenByDescending(item => item.Kernel.Version, VersionOrder.Instance).ThenBy(item => item.Rank).Select(item => item.Kernel)], releases);
    }

    private InstalledKernel Read(GuestNode image, string release, byte[] head)
    {
        var directory = $"/lib/modules/{release}";
        var modulesPath = reader.IsDirectory(directory) ? directory : null;
        var modules = KernelModules.Read(reader, modulesPath, reader.Text($"/boot/config-{release}") ?? (modulesPath is null ? null : reader.Text($"{modulesPath}/config")), cancellationToken);
        var initramfs = FindInitramfs(image, release) is { } file ? ReadInitramfs(file) : null;
        var (abi, isPvh) = XenInterfaces(release, image.Path, modules);
        var kernel = new InstalledKernel
        {
            Version = release,
            ImagePath = image.Path,
            ModulesPath = modulesPath,
            Initramfs = initramfs,
            RequiresXen = RequiresXen(release, modules, head),
            ParavirtualAbi = abi,
            SupportsPvh = isPvh,
            IsDefault = entries.Any(entry => entry is { Configuration: 0, IsDefault: true, ImagePath: { } path } && reader.Find(path)?.Path == image.Path),
            Drivers = modules.Drivers(initramfs?.Modules.ToHashSet(StringComparer.Ordinal) ?? []),
        };
        if (kernel.RequiresXen)
        {
            reader.Findings.Add(InspectionDiagnostics.KernelRequiresXen.Create($"kernel {release} was built for Xen paravirtualization only", image.Path));
        }

        return kernel;
    }

    private InstalledKernel ReadUnified(GuestNode file, UnifiedImage image, string release, byte[] head, bool isDefault)
    {
        var directory = $"/lib/modules/{release}";
        var modulesPath = reader.IsDirectory(directory) ? directory : null;
        var modules = KernelModules.Read(reader, modulesPath, reader.Text($"/boot/config-{release}") ?? (modulesPath is null ? null : reader.Text($"{modulesPath}/config")), cancellationToken);
        var initramfs = image.InitramfsLength > 0 ? InitramfsReader.Read(file, image.InitramfsOffset, image.InitramfsLength, cancellationToken) : null;
        return new InstalledKernel
        {
            Version = release,
            ImagePath = file.Path,
            ModulesPath = modulesPath,
            Initramfs = initramfs,
            Unified = image,
            RequiresXen = RequiresXen(release, modules, head),
            IsDefault = isDefault,
            Drivers = modules.Drivers(initramfs?.Modules.ToHashSet(StringComparer.Ordinal) ?? []),
        };
    }

    private InitramfsFacts ReadInitramfs(GuestNode file)
    {
        if (!_initramfs.TryGetValue((file.FileSystem, file.Node), out var facts))
        {
            facts = InitramfsReader.Read(file, cancellationToken);
            _initramfs.Add((file.FileSystem, file.Node), facts);
            if (facts.UnreadableReason is { } reason)
            {
                reader.Findings.Add(InspectionDiagnostics.InitramfsUnreadable.Create(reason, file.Path));
            }
        }

        return facts;
    }

    /// <summary>What boot entries say of this image first, then the names that the families' tools use.</summary>
    private GuestNode? FindInitramfs(GuestNode image, string release)
    {
        var named = entries.Where(entry => entry.ImagePath is { } path && entry.InitramfsPath is not null && reader.Find(path) is { } node && node.Path == image.Path)
            .OrderBy(entry => entry.Configuration).ThenByDescending(entry => entry.IsDefault).Select(entry => entry.InitramfsPath ?? "");
        var directory = image.Path[..(image.Path.LastIndexOf('/') + 1)];
        var suffix = Suffix(image.Path);
        var conventional = ((string[])[suffix ?? release, release]).Distinct().SelectMany(one => (string[])
        [
            $"initrd.img-{one}", $"initramfs-{one}.img", $"initrd-{one}", $"initrd-{one}.img", $"initramfs-{one}", $"initramfs-genkernel-{one}", $"initrd-{one}.gz",
        ]).Concat(suffix is null ? ["initrd.img", "initrd"] : []);
        return named.Concat(conventional.Select(name => directory + name)).Select(path => reader.Find(path)).FirstOrDefault(node => node is { Kind: NodeKind.File });
    }

    private string? Release(string path, byte[] head)
    {
        if (KernelImageHeader.ReadRelease(head) is { } release)
        {
            return release;
        }

        // Images of other architectures and gzipped vmlinux of old Xen kernels have no header: the name, or the only directory of modules.
        if (Suffix(path) is { } suffix && (char.IsAsciiDigit(suffix[0]) || reader.IsDirectory($"/lib/modules/{suffix}")))
        {
            return suffix;
        }

        var directories = reader.List("/lib/modules").Where(entry => entry.Kind == NodeKind.Directory && entry.Name.Length > 0 && char.IsAsciiDigit(entry.Name[0])).Select(entry => entry.Name).ToList();
        return directories.Count == 1 ? directories[0] : null;
    }

    /// <summary>memtest86+ and the hypervisor itself are started like a kernel and are none.</summary>
    private static bool LooksLikeKernel(string path, ReadOnlySpan<byte> head)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        return !name.StartsWith("memtest", StringComparison.OrdinalIgnoreCase) && !name.StartsWith("xen", StringComparison.Ordinal)
            && (KernelImageHeader.IsBzImage(head) || (!head.IsEmpty && Suffix(path) is not null) || name.StartsWith("vmlinu", StringComparison.Ordinal));
    }

    private static bool RequiresXen(string release, KernelModules modules, ReadOnlySpan<byte> head)
    {
        if (modules.HasConfiguration)
        {
            return modules.IsSet("X86_XEN") || modules.IsSet("X86_64_XEN");
        }

        // Without a configuration: classic Xen kernels call themselves so and are older than the kernels that run anywhere (2.6.32 with paravirt_ops), or have no header to start from.
        var isNamed = release.EndsWith("xen", StringComparison.Ordinal) || release.EndsWith("xenU", StringComparison.Ordinal) || release.EndsWith("xen0", StringComparison.Ordinal)
            || release.Contains("-xen-", StringComparison.Ordinal);
        return isNamed && (VersionOrder.Instance.Compare(release, "2.6.32") < 0 || !KernelImageHeader.IsBzImage(head));
    }

    /// <summary>
    /// Which of Xen's PV interfaces the kernel is built for (S2.23). Its configuration says it where there is one; reading the notes takes unpacking the image.
    /// </summary>
    private (string? Abi, bool IsPvh) XenInterfaces(string release, string image, KernelModules modules)
    {
        if (!modules.HasConfiguration)
        {
            return XenNotes.Read(reader, image, cancellationToken);
        }

        // CONFIG_XEN_PVH from 3.14 to 4.10 was the first attempt, which Xen 4.10 dropped; the present one came with 4.12, and is CONFIG_PVH since 4.21.
        var isPvh = modules.IsSet("PVH") || (modules.IsSet("XEN_PVH") && VersionOrder.Instance.Compare(release, "4.12") >= 0);

        // Since 4.12 PV is an option of its own; before, CONFIG_XEN meant it (and Red Hat 7 has CONFIG_XEN for drivers in HVM guests only, without paravirtualized MMU).
        var isPv = modules.IsSet("X86_XEN") || modules.IsSet("X86_64_XEN") || modules.IsSet("XEN_PV")
            || (modules.IsSet("XEN") && VersionOrder.Instance.Compare(release, "4.12") < 0 && !release.Contains(".el7", StringComparison.Ordinal));
        return (!isPv ? null : modules.IsSet("X86_64") || modules.IsSet("64BIT") || modules.IsSet("X86_64_XEN") ? "x86_64" : modules.IsSet("X86_PAE") ? "x86_32p" : "x86_32", isPvh);
    }

    private static bool IsRescue(string path) => path.Contains("rescue", StringComparison.Ordinal);

    /// <summary>What follows the first dash of a name: 6.1.0-50-amd64 of vmlinuz-6.1.0-50-amd64, linux of vmlinuz-linux.</summary>
    private static string? Suffix(string path)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        var dash = name.IndexOf('-', StringComparison.Ordinal);
        return dash < 0 || dash + 1 == name.Length ? null : name[(dash + 1)..];
    }
}
