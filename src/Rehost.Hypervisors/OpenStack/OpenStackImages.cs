using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using Rehost.Model;

namespace Rehost.Hypervisors.OpenStack;

/// <summary>
/// A machine as OpenStack takes it: an image for each disk, with the properties that choose its virtual hardware (Glance, "Useful image properties"), a port for each
/// adapter, and the least flavor. Serialised as it is.
/// </summary>
public sealed record OpenStackImages
{
    private const long Gibibyte = 1L << 30;

    /// <summary>Name of the server.</summary>
    public required string Name { get; init; }

    /// <summary>The images, the one to boot from first.</summary>
    public required ImmutableArray<OpenStackImage> Images { get; init; }

    /// <summary>MAC addresses of the ports, in the guest's order; null for one that Neutron makes up.</summary>
    public required ImmutableArray<string?> Ports { get; init; }

    /// <summary>Processors that the source had.</summary>
    public required int Vcpus { get; init; }

    /// <summary>Memory that the source had, MiB.</summary>
    public required long MemoryMib { get; init; }

    /// <summary>Describes a machine whose disks are written.</summary>
    public static OpenStackImages Describe(VirtualMachine machine, GuestFacts facts)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(facts);
        var memory = (machine.MemoryBytes + (1 << 20) - 1) >> 20;
        var hardware = HardwareOf(machine, facts);
        return new OpenStackImages
        {
            Name = machine.Name,
            Images = [.. machine.Disks.OrderByDescending(disk => disk.IsBootable).Select(disk => new OpenStackImage
            {
                Name = machine.Disks.Length == 1 ? machine.Name : $"{machine.Name}-{disk.DeviceName}",
                File = disk.Path ?? disk.DeviceName,
                DiskFormat = disk.Format,
                MinDisk = (disk.LengthBytes + Gibibyte - 1) / Gibibyte,
                MinRam = disk.IsBootable ? memory : 0,
                Properties = disk.IsBootable ? hardware : ImmutableSortedDictionary<string, string>.Empty,
            })],
            Ports = [.. machine.NetworkAdapters.Select(adapter => adapter.MacAddress)],
            Vcpus = machine.VirtualCpus,
            MemoryMib = memory,
        };
    }

    /// <summary>As a document.</summary>
    public string ToJson() => ModelJson.Serialize(this) + "\n";

    /// <summary>As commands for the openstack client, to be read and then run by sh. Nothing of the guest is outside of quotes.</summary>
    public string ToCommands()
    {
        var text = new StringBuilder("#!/bin/sh\n# Uploads the machine to OpenStack: needs the openstack client and an rc file. Set the network and the flavor first.\nset -eu\n");
        text.Append(CultureInfo.InvariantCulture, $": \"${{network:?set it to the network of the ports}}\" \"${{flavor:?set it to a flavor with {Vcpus} vcpus, {MemoryMib} MiB}}\"\n");
        foreach (var image in Images)
        {
            text.Append(CultureInfo.InvariantCulture, $"openstack image create --file {Quote(image.File)} --disk-format {image.DiskFormat} --container-format bare --min-disk {image.MinDisk} --min-ram {image.MinRam} \\\n");
            foreach (var (name, value) in image.Properties)
            {
                text.Append(CultureInfo.InvariantCulture, $"    --property {Quote($"{name}={value}")} \\\n");
            }

            text.Append(CultureInfo.InvariantCulture, $"    {Quote(image.Name)}\n");
        }

        foreach (var image in Images.Skip(1))
        {
            text.Append(CultureInfo.InvariantCulture, $"openstack volume create --image {Quote(image.Name)} --size {image.MinDisk} {Quote(image.Name)}\n");
        }

        for (var i = 0; i < Ports.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"openstack port create --network \"$network\"{(Ports[i] is { } mac ? $" --mac-address {Quote(mac)}" : "")} {Quote($"{Name}-{i}")}\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"openstack server create --image {Quote(Images[0].Name)} --flavor \"$flavor\"");
        for (var i = 0; i < Ports.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $" --port {Quote($"{Name}-{i}")}");
        }

        text.Append(CultureInfo.InvariantCulture, $"{(Ports.IsEmpty ? " --network \"$network\"" : "")} --wait {Quote(Name)}\n");
        foreach (var image in Images.Skip(1))
        {
            text.Append(CultureInfo.InvariantCulture, $"openstack server add volume {Quote(Name)} {Quote(image.Name)}\n");
        }

        return text.ToString();
    }

    private static ImmutableSortedDictionary<string, string> HardwareOf(VirtualMachine machine, GuestFacts facts)
    {
        var properties = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        properties["architecture"] = facts.OperatingSystem.Architecture switch { "i386" or "i486" or "i586" => "i686", "amd64" => "x86_64", var other => HostFileName.From(other) };
        properties["hw_disk_bus"] = machine.Disks.FirstOrDefault()?.Bus ?? "virtio";
        properties["hw_vif_model"] = machine.NetworkAdapters.FirstOrDefault()?.Model is "e1000" or "e1000e" or "rtl8139" ? machine.NetworkAdapters[0].Model ?? "virtio" : "virtio";
        properties["hw_firmware_type"] = machine.Firmware == Firmware.Uefi ? "uefi" : "bios";
        properties["hw_machine_type"] = machine.Chipset is "pc" or "virt" ? machine.Chipset : "q35";
        properties["hw_video_model"] = machine.Chipset == "virt" ? "virtio" : "vga";
        properties["os_type"] = facts.Windows is null ? "linux" : "windows";
        if (machine.Disks.FirstOrDefault()?.Bus == "scsi")
        {
            properties["hw_scsi_model"] = "virtio-scsi";
        }

        if (facts.Windows is { } windows)
        {
            // os_type=windows makes Nova keep the clock in local time and show Hyper-V's enlightenments.
            properties["os_distro"] = "windows";
            properties["os_version"] = windows.Version.ToString();
            properties["hw_pointer_model"] = "usbtablet";
            properties["hw_input_bus"] = "usb";
            if (machine.Firmware == Firmware.Uefi)
            {
                properties["os_secure_boot"] = machine.HasSecureBoot == true ? "required" : "disabled";
            }

            if (machine.HasTpm == true)
            {
                properties["hw_tpm_model"] = "tpm-crb";
                properties["hw_tpm_version"] = "2.0";
            }
        }

        if (DistributionOf(facts.OperatingSystem.Id) is { } distribution)
        {
            properties["os_distro"] = distribution;
            if (facts.OperatingSystem.Version is { Length: > 0 } version && PrintableText.Clean(version) == version)
            {
                properties["os_version"] = version;
            }
        }

        if (facts.HypervisorTools.Any(tool => tool.Name == "qemu-guest-agent"))
        {
            properties["hw_qemu_guest_agent"] = "yes";
        }

        return properties.ToImmutable();
    }

    /// <summary>libosinfo's short ids, which Glance asks for; null for one that it does not list.</summary>
    private static string? DistributionOf(string id) => id switch
    {
        "debian" or "ubuntu" or "centos" or "fedora" or "rhel" or "gentoo" or "mageia" or "rocky" => id,
        "arch" or "archlinux" => "arch",
        "alpine" => "alpinelinux",
        "almalinux" => "almalinux",
        "ol" or "oracle" => "ol",
        "sles" or "sled" => id,
        "opensuse" or "opensuse-leap" or "opensuse-tumbleweed" => "opensuse",
        "scientific" => "scientificlinux",
        _ => null,
    };

    // Between single quotes sh takes everything as it is; what a terminal would obey when the script is read is made visible.
    private static string Quote(string value) => $"'{PrintableText.Clean(value).Replace("'", "'\\''", StringComparison.Ordinal)}'";
}

/// <summary>One image.</summary>
public sealed record OpenStackImage
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its file beside the description.</summary>
    public required string File { get; init; }

    /// <summary>qcow2 or raw.</summary>
    [JsonPropertyName("disk_format")]
    public required string DiskFormat { get; init; }

    /// <summary>bare: the file is the image.</summary>
    [JsonPropertyName("container_format")]
    public string ContainerFormat { get; init; } = "bare";

    /// <summary>GiB.</summary>
    [JsonPropertyName("min_disk")]
    public required long MinDisk { get; init; }

    /// <summary>MiB.</summary>
    [JsonPropertyName("min_ram")]
    public required long MinRam { get; init; }

    /// <summary>Properties by name.</summary>
    public required ImmutableSortedDictionary<string, string> Properties { get; init; }
}
