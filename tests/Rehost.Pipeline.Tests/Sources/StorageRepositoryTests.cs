using Rehost.Model;
using Rehost.Pipeline.Sources;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Sources;

/// <summary>Disks copied from a storage repository of XenServer, by their names there.</summary>
public sealed class StorageRepositoryTests
{
    private const string First = "0f0e0d0c-0b0a-0908-0706-050403020100";
    private const string Second = "1f0e0d0c-0b0a-0908-0706-050403020100";

    [Theory]
    [InlineData(First + ".vhd", Second + ".vhd")]
    [InlineData("VHD-" + First, "VHD-" + Second)]
    public void Disks_are_found_by_uuid_and_stand_in_the_order_asked_for(string first, string second)
    {
        using var scratch = new ScratchDirectory();
        Vhd(scratch[first], 8);
        Vhd(scratch[second], 16);
        File.WriteAllText(scratch["filelog.txt"], "not a disk");
        using var source = KnownSources.Open(new SourceRequest(scratch.Path) { Vdis = [Second, First.ToUpperInvariant()] }, TestContext.Current.CancellationToken);
        Assert.Equal(("sr", Hypervisor.XenServer), (source.Kind, source.Machine.Hypervisor));
        Assert.True(source.Machine.Disks[0].LengthBytes > source.Machine.Disks[1].LengthBytes);
        Assert.Equal("vhd", source.Machine.Disks[0].Format);
    }

    [Fact]
    public void A_raw_volume_is_raw_whatever_it_ends_in()
    {
        using var scratch = new ScratchDirectory();
        Vhd(scratch["LV-" + First], 8);
        using var source = KnownSources.Open(new SourceRequest(scratch.Path), TestContext.Current.CancellationToken);
        Assert.Equal("raw", source.Machine.Disks[0].Format);
        Assert.Equal(new FileInfo(scratch["LV-" + First]).Length, source.Machine.Disks[0].LengthBytes);
    }

    [Fact]
    public void What_is_there_is_told_when_nothing_was_chosen()
    {
        using var scratch = new ScratchDirectory();
        Assert.Contains("no file is called", Refused(new SourceRequest(scratch.Path)), StringComparison.Ordinal);
        Vhd(scratch[First + ".vhd"], 8);
        Vhd(scratch[Second + ".vhd"], 8);
        Assert.Contains(First, Refused(new SourceRequest(scratch.Path)), StringComparison.Ordinal);
        Assert.Contains("is none of", Refused(new SourceRequest(scratch.Path) { Vdis = ["2" + First[1..]] }), StringComparison.Ordinal);
        Assert.Equal("PIP010", Assert.Throws<DiagnosticException>(() => KnownSources.Open(new SourceRequest(scratch[First + ".vhd"]) { Vdis = [First] }, TestContext.Current.CancellationToken)).Diagnostic.Id);
    }

    private static string Refused(SourceRequest request)
    {
        var diagnostic = Assert.Throws<DiagnosticException>(() => KnownSources.Open(request, TestContext.Current.CancellationToken)).Diagnostic;
        Assert.Equal("XSO011", diagnostic.Id);
        return diagnostic.Message;
    }

    private static void Vhd(string path, int mebibytes) => Tool.MustRun("qemu-img", "create", "-q", "-f", "vpc", path, $"{mebibytes}M");
}
