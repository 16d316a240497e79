using System.Text.Json;
using Rehost.Model;
using Rehost.Testing;
using Rehost.Testing.Windows;
using static Rehost.Pipeline.Tests.Windows.WindowsConversionTests;

namespace Rehost.Pipeline.Tests.Windows;

/// <summary>Windows on the other targets: what each gives it, and that verify finds nothing left to do.</summary>
public sealed class WindowsTargetTests
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("2003", "xen", "raw", "ide")]
    [InlineData("2019", "vmware", "ova", "lsilogicsas")]
    [InlineData("2008r2", "openstack", "qcow2", "scsi")]
    public void A_guest_gets_what_the_target_has(string name, string target, string format, string bus)
    {
        using var scratch = new ScratchDirectory();
        PhonyDisk.Create(PhonyWindows.All[name], scratch["disk.raw"]);
        PhonyVirtioWin.Create(scratch["virtio-win"], ["2k8R2"]);
        if (target == "openstack")
        {
            Directory.Delete(Path.Combine(scratch["virtio-win"], "viostor"), recursive: true);
        }

        var record = new Migration(new SilentProgress()).Convert(Request(scratch), Target(scratch, target == "openstack" ? scratch["virtio-win"] : null, target, format), NoStop);
        Assert.Equal(bus, record.Plan.Capabilities.DiskModel);
        Assert.Equal(VirtualizationMode.Hardware, record.Plan.Target.Mode);
        var report = new Migration(new SilentProgress()).Verify(scratch["out"], null, [], NoStop);
        Assert.True(report.Checks.All(check => check.Outcome != CheckOutcome.Failed), string.Join('\n', report.Checks.Select(check => $"{check.Outcome} {check.Title}: {check.Detail}")));
        var configuration = Path.Combine(scratch["out"], record.ConfigurationFile);
        switch (target)
        {
            case "xen":
                Assert.Contains("hvm", File.ReadAllText(configuration), StringComparison.Ordinal);
                Assert.Contains(record.Plan.Changes.OfType<RemoveRegistryKey>(), change => change.Key == @"ControlSet001\Services\VMTools");
                break;
            case "openstack":
                var properties = JsonDocument.Parse(File.ReadAllText(configuration)).RootElement.GetProperty("images")[0].GetProperty("properties");
                Assert.Equal(("windows", "scsi", "virtio-scsi", "usbtablet"), (properties.GetProperty("os_type").GetString(), properties.GetProperty("hw_disk_bus").GetString(), properties.GetProperty("hw_scsi_model").GetString(), properties.GetProperty("hw_pointer_model").GetString()));
                Assert.Contains("os_type=windows", File.ReadAllText(Path.Combine(scratch["out"], $"{record.Plan.Target.Name}.sh")), StringComparison.Ordinal);
                break;
            default:
                Assert.Contains("windows9Server64Guest", System.Text.Encoding.UTF8.GetString(File.ReadAllBytes(configuration).AsSpan(0, 64 << 10)), StringComparison.Ordinal);
                break;
        }
    }
}
