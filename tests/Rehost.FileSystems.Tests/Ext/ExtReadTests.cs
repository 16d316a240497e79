using Rehost.Blocks;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ext;

/// <summary>S2: every default of mke2fs from 2005 to today is read as it was written.</summary>
public sealed class ExtReadTests
{
    public static TheoryData<string> FeatureSets => [.. ExtImages.All.Concat(ExtImages.ReadOnly).Select(set => set.Name)];

    [Theory]
    [MemberData(nameof(FeatureSets))]
    public void Reads_what_mke2fs_wrote(string name)
    {
        using var scratch = new ScratchDirectory();
        var source = SourceTree.Make(scratch);
        var image = ExtImages.Make(scratch, name, name == "ext2-plain" ? null : source);
        using var device = FileDevice.OpenRead(image);
        using var fileSystem = ExtImages.Open(device);
        Assert.Empty(fileSystem.Check());
        if (name != "ext2-plain")
        {
            SourceTree.MustEqual(source, fileSystem, fileSystem.Root);
        }

        var dump = Tool.MustRun("dumpe2fs", "-h", image);
        var features = dump.Split('\n').Single(line => line.StartsWith("Filesystem features:", StringComparison.Ordinal))[20..];
        Assert.Equal(features.Trim() == "(none)" ? [] : features.Split(' ', StringSplitOptions.RemoveEmptyEntries), fileSystem.Info.Features);
        Assert.Contains(fileSystem.Info.Uuid ?? "-", dump, StringComparison.Ordinal);
        Assert.NotNull(fileSystem.Info.ReadOnlyReason);
    }

    [Theory]
    [MemberData(nameof(FeatureSets))]
    public void Free_ranges_are_those_of_dumpe2fs(string name)
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, name);
        using var device = FileDevice.OpenRead(image);
        using var fileSystem = ExtImages.Open(device);
        var size = fileSystem.Info.BlockSize;
        var mine = new HashSet<long>();
        foreach (var range in fileSystem.GetFreeRanges())
        {
            for (var offset = range.Offset; offset < range.End; offset += size)
            {
                mine.Add(offset / size);
            }
        }

        var theirs = new HashSet<long>();
        var group = Tool.MustRun("dumpe2fs", image).Split('\n').SkipWhile(line => !line.StartsWith("Group 0:", StringComparison.Ordinal));
        foreach (var line in group.Select(line => line.Trim()).Where(line => line.StartsWith("Free blocks:", StringComparison.Ordinal)))
        {
            foreach (var range in line[12..].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                var ends = range.Split('-');
                for (var block = long.Parse(ends[0], null); block <= long.Parse(ends[^1], null); block++)
                {
                    theirs.Add(block);
                }
            }
        }

        // With bigalloc dumpe2fs prints the first block of the last free cluster only.
        Assert.Equal(theirs.Order(), name == "ext4-bigalloc" ? mine.Where(theirs.Contains).Order() : mine.Order());
        Assert.True(mine.Count - theirs.Count < 16 * 8);
    }
}
