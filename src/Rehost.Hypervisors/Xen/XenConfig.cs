using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Hypervisors.Xen;

/// <summary>A domain configuration of xl or xm: the known keys typed, the others kept as text.</summary>
public sealed record XenConfig
{
    /// <summary>File name, for messages.</summary>
    public required string Where { get; init; }

    /// <summary>Domain name.</summary>
    public required string Name { get; init; }

    /// <summary>Identity, or null.</summary>
    public Guid? Uuid { get; init; }

    /// <summary>Memory at start in MiB, or null.</summary>
    public long? Memory { get; init; }

    /// <summary>Largest memory in MiB, or null.</summary>
    public long? MaximumMemory { get; init; }

    /// <summary>Processors at start, or null.</summary>
    public int? VirtualCpus { get; init; }

    /// <summary>Most processors, or null.</summary>
    public int? MaximumVirtualCpus { get; init; }

    /// <summary>pv, hvm or pvh; from <c>type</c>, <c>builder</c> and <c>pvh</c>.</summary>
    public VirtualizationMode Mode { get; init; }

    /// <summary>Firmware of an HVM guest (<c>bios</c>, <c>firmware</c>).</summary>
    public Firmware Firmware { get; init; }

    /// <summary>Kernel in dom0.</summary>
    public string? Kernel { get; init; }

    /// <summary>Initramfs in dom0.</summary>
    public string? Ramdisk { get; init; }

    /// <summary>root= of the kernel command line.</summary>
    public string? Root { get; init; }

    /// <summary>More of the kernel command line.</summary>
    public string? Extra { get; init; }

    /// <summary>The whole kernel command line; when given, <see cref="Root"/> and <see cref="Extra"/> do not count.</summary>
    public string? CommandLine { get; init; }

    /// <summary>Program that finds the kernel in the guest's disk: pygrub, eliloader …</summary>
    public string? Bootloader { get; init; }

    /// <summary>Its arguments.</summary>
    public ImmutableArray<string> BootloaderArguments { get; init; } = [];

    /// <summary>Disks and CD-ROMs in order.</summary>
    public ImmutableArray<XenDiskSpecification> Disks { get; init; } = [];

    /// <summary>Network adapters in order.</summary>
    public ImmutableArray<XenNetworkSpecification> NetworkAdapters { get; init; } = [];

    /// <summary>Virtual frame buffers as written.</summary>
    public ImmutableArray<string> FrameBuffers { get; init; } = [];

    /// <summary>What happens on poweroff, reboot, crash …: the keys on_* as written.</summary>
    public ImmutableSortedDictionary<string, string> Events { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Keys that Rehost has no use for, as text.</summary>
    public ImmutableSortedDictionary<string, string> Other { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>What is worth knowing but no obstacle.</summary>
    public ImmutableArray<Diagnostic> Findings { get; init; } = [];

    /// <summary>The arguments that the kernel gets from the configuration, as xl puts them together.</summary>
    public string KernelArguments => CommandLine ?? string.Join(' ', ((string?[])[Root is null ? null : "root=" + Root, Extra]).Where(part => !string.IsNullOrEmpty(part)));

    /// <summary>Parses a configuration.</summary>
    /// <param name="text">Its text.</param>
    /// <param name="where">Name of the file, for messages.</param>
    /// <exception cref="DiagnosticException">Some XEN finding.</exception>
    public static XenConfig Parse(string text, string where) => new XenConfigBinder(XenConfigParser.Parse(text, where), where).Bind();
}
