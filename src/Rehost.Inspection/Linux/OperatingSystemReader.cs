using System.Buffers.Binary;
using System.Globalization;
using Rehost.Model;
using OperatingSystem = Rehost.Model.OperatingSystem;

namespace Rehost.Inspection.Linux;

/// <summary>Tells what runs in the guest from its files.</summary>
internal static class OperatingSystemReader
{
    /// <summary>Programs of every guest, one of which tells the architecture.</summary>
    private static readonly string[] Programs = ["/bin/sh", "/sbin/init", "/bin/ls", "/bin/bash", "/usr/bin/env", "/bin/busybox", "/usr/lib/systemd/systemd", "/lib/systemd/systemd"];

    /// <summary>The first systemd whose udev reads .link files (NEWS of 209 and 211: names and net_setup_link).</summary>
    private const int FirstSystemdWithLinkFiles = 211;

    /// <summary>Reads everything.</summary>
    public static OperatingSystem Read(GuestReader reader)
    {
        var (id, name, version, family) = DistributionReader.Read(reader);
        if (family == DistributionFamily.Unknown)
        {
            reader.Findings.Add(InspectionDiagnostics.UnknownDistribution.Create($"found \"{name}\"; known are Debian, Red Hat, SUSE, Arch, Alpine, Gentoo, Mageia and their kin"));
        }

        return new OperatingSystem
        {
            Id = id,
            Name = name,
            Version = version,
            Family = family,
            Architecture = ReadArchitecture(reader),
            Init = ReadInit(reader),
            HasLinkFiles = HasLinkFiles(reader),
            HostName = ReadHostName(reader),
        };
    }

    /// <summary>Architecture of an ELF file in the kernel's words; null when it is none or of an unknown machine (ELF specification, e_machine).</summary>
    public static string? ElfArchitecture(ReadOnlySpan<byte> head)
    {
        if (head.Length < 20 || !head.StartsWith("\u007fELF"u8))
        {
            return null;
        }

        var isLittle = head[5] == 1;
        var machine = isLittle ? BinaryPrimitives.ReadUInt16LittleEndian(head[18..]) : BinaryPrimitives.ReadUInt16BigEndian(head[18..]);
        return machine switch
        {
            3 => "i686",
            62 => "x86_64",
            183 => "aarch64",
            40 => "arm",
            20 => "ppc",
            21 => isLittle ? "ppc64le" : "ppc64",
            22 => "s390x",
            243 => "riscv64",
            50 => "ia64",
            _ => null,
        };
    }

    private static string ReadArchitecture(GuestReader reader)
        => Programs.Select(path => ElfArchitecture(reader.Head(path, 20))).FirstOrDefault(found => found is not null) ?? "unknown";

    private static InitSystem ReadInit(GuestReader reader)
    {
        var target = reader.Find("/sbin/init")?.Path ?? "";
        if (target.EndsWith("/systemd", StringComparison.Ordinal))
        {
            return InitSystem.Systemd;
        }

        if (reader.IsFile("/sbin/openrc") || reader.IsFile("/usr/sbin/openrc") || reader.IsFile("/sbin/openrc-init") || reader.IsFile("/sbin/rc") && reader.IsDirectory("/etc/runlevels"))
        {
            return InitSystem.OpenRc;
        }

        // CentOS 6 has an inittab without a line of work beside upstart's jobs; Debian 8 may have upstart's jobs without upstart.
        if (reader.IsFile("/sbin/initctl") && reader.Glob("/etc/init/*.conf").Count > 0)
        {
            return InitSystem.Upstart;
        }

        // Upstart before 0.6.
        if (reader.IsFile("/sbin/initctl") && reader.IsDirectory("/etc/event.d"))
        {
            return InitSystem.Upstart;
        }

        if (reader.IsFile("/etc/inittab"))
        {
            return InitSystem.SysVinit;
        }

        return target.Length == 0 && (reader.IsFile("/lib/systemd/systemd") || reader.IsFile("/usr/lib/systemd/systemd")) ? InitSystem.Systemd : InitSystem.Unknown;
    }

    private static bool HasLinkFiles(GuestReader reader)
    {
        if (reader.IsThere("/usr/lib/systemd/network/99-default.link") || reader.IsThere("/lib/systemd/network/99-default.link"))
        {
            return true;
        }

        const string prefix = "libsystemd-shared-";
        return reader.Glob("/usr/lib/systemd/" + prefix + "*.so").Concat(reader.Glob("/lib/systemd/" + prefix + "*.so"))
            .Select(path => path[(path.LastIndexOf('/') + 1 + prefix.Length)..])
            .Any(rest => int.TryParse(rest[..rest.AsSpan().IndexOfAnyExceptInRange('0', '9')], NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version >= FirstSystemdWithLinkFiles);
    }

    private static string? ReadHostName(GuestReader reader)
    {
        foreach (var path in (string[])["/etc/hostname", "/etc/HOSTNAME"])
        {
            if (reader.Text(path) is { } text && GuestLines.Effective(text).Select(line => line.Text).FirstOrDefault() is { } name)
            {
                return name;
            }
        }

        foreach (var (path, key) in ((string, string)[])[("/etc/sysconfig/network", "HOSTNAME"), ("/etc/conf.d/hostname", "hostname"), ("/etc/rc.conf", "HOSTNAME")])
        {
            if (reader.Text(path) is { } text && ShellAssignments.Parse(text).TryGetValue(key, out var name) && name.Length > 0)
            {
                return name;
            }
        }

        return null;
    }
}
