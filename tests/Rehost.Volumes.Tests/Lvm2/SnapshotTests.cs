using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Volumes.Tests.Lvm2;

/// <summary>Snapshots of the old kind: the origin is read as it is and never written behind their backs.</summary>
public sealed class SnapshotTests
{
    [Fact]
    public void An_origin_is_read_and_a_write_is_refused_with_the_way_out()
    {
        using var disks = new LvmDisks(1, 48 << 20);
        disks.Attach();
        disks.MakeGroup("vg", "-s", "1M");
        disks.Restore("vg", text => new LvmText().Linear("root", 16, "pv0", isVisible: true).Linear("before", 4, "pv0", isVisible: true).Linear("later", 4, "pv0", isVisible: true)
            .Volume("snapshot0", 16, "snapshot", "chunk_size = 8\norigin = \"root\"\ncow_store = \"before\"").Volume("snapshot1", 16, "snapshot", "chunk_size = 8\norigin = \"root\"\ncow_store = \"later\"").Into(text));
        Assert.Contains("before", disks.Lvm("lvs", "--driverloaded", "n", "-o", "lv_name,origin", "vg"), StringComparison.Ordinal);
        disks.Detach();

        var fileSystem = StackBench.MakeFileSystem(disks["fs"], 16 << 20, 1);
        Tool.MustRun("dd", $"if={fileSystem}", $"of={disks.Images[0]}", "bs=1M", "seek=1", "conv=notrunc", "status=none");
        var before = File.ReadAllBytes(disks.Images[0]);
        using (var bench = new StackBench(disks.Images))
        {
            var origin = bench["mapper/vg-root"];
            Assert.Null(origin.Problem);
            var content = new byte[origin.Device.Length];
            origin.Device.Read(GuestOffset.Zero, content);
            Assert.True(content.AsSpan().SequenceEqual(File.ReadAllBytes(fileSystem)));
            Assert.False(origin.Device.CanWrite);
            var refused = Assert.Throws<DiagnosticException>(() => origin.Device.Write(new GuestOffset(5000), new byte[10])).Diagnostic;
            Assert.Equal(refused, origin.ReadOnlyReason);
            Assert.Equal("VOL009", refused.Id);
            Assert.Contains("origin of vg/before and vg/later", refused.Message, StringComparison.Ordinal);
            Assert.Contains("lvconvert --merge", refused.Message, StringComparison.Ordinal);
            Assert.Equal("VOL009", Assert.Throws<DiagnosticException>(() => origin.Device.WriteZeros(GuestOffset.Zero, 4096)).Diagnostic.Id);

            // The snapshots themselves are refused by name; under the names that the guest knows them by.
            Assert.Equal(["mapper/vg-before", "mapper/vg-later"], bench.Stack.Nodes.Where(node => node.Problem?.Id == "VOL001").Select(node => node.Name));
        }

        Assert.True(before.AsSpan().SequenceEqual(File.ReadAllBytes(disks.Images[0])));
    }
}
