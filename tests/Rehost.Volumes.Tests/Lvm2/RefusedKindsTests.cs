using Rehost.Model;

namespace Rehost.Volumes.Tests.Lvm2;

/// <summary>Kinds of volumes that are not read: each is named, and the volume beside it is there.</summary>
public sealed class RefusedKindsTests
{
    [Theory]
    [InlineData("writecache", "origin = \"part\"\nwritecache = \"other\"\nwritecache_block_size = 4096", "'writecache'")]
    [InlineData("vdo", "vdo_pool = \"part\"\nvdo_offset = 0", "'vdo'")]
    [InlineData("integrity", "origin = \"part\"\ndata_sectors = 8192", "'integrity'")]
    [InlineData("cache+CACHE_USES_CACHEVOL", "cache_pool = \"other\"\norigin = \"part\"", "CACHE_USES_CACHEVOL")]
    [InlineData("raid5+NEW_FLAG", "device_count = 2\nraids = [\"part\", \"other\"]", "raid5+NEW_FLAG")]
    [InlineData("raid1", "device_count = 1\nreshape_count = 1\nraids = [\"part\", \"other\"]", "reshaped")]
    [InlineData("thin", "thin_pool = \"part\"\ndevice_id = 1\nexternal_origin = \"other\"", "external origin")]
    [InlineData("error", "", "'error'")]
    public void It_is_named_and_the_next_one_is_read(string type, string segment, string word)
    {
        var (refused, beside) = Build(new LvmText().Linear("part", 4, "pv0").Linear("other", 4, "pv0").Volume("odd", 4, type, segment), "odd");
        Assert.Equal(("VOL001", "vg/odd"), (refused?.Id, refused?.Where));
        Assert.Contains(word, refused?.Message, StringComparison.Ordinal);
        Assert.Null(beside);
    }

    [Fact]
    public void A_move_under_way_is_named()
    {
        var text = new LvmText().Volume("pvmove0", 4, "mirror", "mirror_count = 2\nextents_moved = 0\nmirrors = [\"pv0\", 0, \"pv0\", 8]", isVisible: false).Volume("odd", 4, "striped", "stripe_count = 1\nstripes = [\"pvmove0\", 0]");
        var (refused, beside) = Build(text, "odd", group => group.Replace("status = [\"READ\", \"WRITE\"]", "status = [\"READ\", \"WRITE\", \"PVMOVE\"]", StringComparison.Ordinal));
        Assert.Equal("VOL001", refused?.Id);
        Assert.Contains("pvmove is under way", refused?.Message, StringComparison.Ordinal);
        Assert.Null(beside);
    }

    private static (Diagnostic? Odd, Diagnostic? Beside) Build(LvmText text, string name, Func<string, string>? change = null)
    {
        var bare = """
            vg {
            id = "xxxxxx-xxxx-xxxx-xxxx-xxxx-xxxx-xxxxxx"
            seqno = 7
            status = ["RESIZEABLE", "READ", "WRITE"]
            extent_size = 8
            physical_volumes { pv0 { id = "000000-0000-0000-0000-0000-0000-000000" status = ["ALLOCATABLE"] pe_start = 2048 pe_count = 100 } }
            }

            """;
        var whole = text.Linear("root", 4, "pv0", isVisible: true).Into(bare);
        var group = Rehost.Volumes.Lvm2.VolumeGroup.Read(System.Text.Encoding.ASCII.GetBytes(change is null ? whole : change(whole)));
        Assert.Empty(group.Problems);
        var builder = new Rehost.Volumes.Lvm2.LogicalVolumeBuilder(group, new Dictionary<string, Rehost.Blocks.IBlockDevice> { ["pv0"] = new Rehost.Blocks.MemoryDevice(new byte[2 << 20]) });
        return (builder.Build(name).Problem, builder.Build("root").Problem);
    }
}
