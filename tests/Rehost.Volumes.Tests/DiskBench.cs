using System.Text;
using System.Text.Json;
using Rehost.Blocks;
using Rehost.Testing;

namespace Rehost.Volumes.Tests;

/// <summary>Disks partitioned by the field's tools, and what those tools say of a disk.</summary>
internal sealed class DiskBench : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public string this[string name] => _scratch[name];

    public string Sfdisk(string name, long length, string script, params string[] options)
    {
        var path = Empty(name, length);
        var result = Tool.RunWithInput("sfdisk", Encoding.UTF8.GetBytes(script), [.. options, path]);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        return path;
    }

    public string Empty(string name, long length)
    {
        using var device = FileDevice.Create(_scratch[name], length);
        return _scratch[name];
    }

    public static PartitionTable Read(string path, int sectorSize = 512)
    {
        using var device = FileDevice.OpenRead(path);
        return PartitionTable.Read(device, sectorSize);
    }

    /// <summary>Demands that sfdisk sees the same disk as we do.</summary>
    public static void AssertSfdiskAgrees(string path, PartitionTable table)
    {
        using var json = JsonDocument.Parse(Tool.MustRun("sfdisk", "--json", path));
        var told = json.RootElement.GetProperty("partitiontable");
        Assert.Equal(told.GetProperty("label").GetString() == "gpt" ? PartitionTableKind.Gpt : PartitionTableKind.Mbr, table.Kind);
        var isGpt = table.Kind == PartitionTableKind.Gpt;
        Assert.Equal(told.GetProperty("id").GetString(), isGpt ? table.DiskId.ToUpperInvariant() : "0x" + table.DiskId);
        var partitions = told.GetProperty("partitions").EnumerateArray().ToList();
        Assert.Equal(partitions.Count, table.Partitions.Length);
        foreach (var (theirs, ours) in partitions.Zip(table.Partitions))
        {
            Assert.Equal(theirs.GetProperty("node").GetString(), path + ours.Number);
            Assert.Equal(theirs.GetProperty("start").GetInt64(), ours.FirstSector.Value);
            Assert.Equal(theirs.GetProperty("start").GetInt64() * table.SectorSize, ours.Start.Value);
            Assert.Equal(theirs.GetProperty("size").GetInt64() * table.SectorSize, ours.Length);
            Assert.Equal(Convert.ToString(theirs.GetProperty("type").GetString())!.PadLeft(2, '0'), isGpt ? ours.TypeId.ToUpperInvariant() : ours.TypeId);
            if (isGpt)
            {
                Assert.Equal(theirs.GetProperty("uuid").GetString(), ours.PartUuid.ToUpperInvariant());
                Assert.Equal(theirs.TryGetProperty("name", out var name) ? name.GetString() : "", ours.Name);
                Assert.Equal(theirs.TryGetProperty("attrs", out var attrs) && attrs.GetString()!.Contains("LegacyBIOSBootable", StringComparison.Ordinal), ours.IsBootable);
            }
            else
            {
                Assert.Equal($"{table.DiskId}-{ours.Number:x2}", ours.PartUuid);
                Assert.Equal(theirs.TryGetProperty("bootable", out var bootable) && bootable.GetBoolean(), ours.IsBootable);
            }
        }
    }

    public void Dispose() => _scratch.Dispose();
}
