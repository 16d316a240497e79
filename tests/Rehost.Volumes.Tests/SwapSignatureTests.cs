using Rehost.Blocks;
using Rehost.Testing;
using Rehost.Volumes.Swap;

namespace Rehost.Volumes.Tests;

public sealed class SwapSignatureTests : IDisposable
{
    private const string Uuid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    private readonly DiskBench _bench = new();

    [Theory]
    [InlineData(4096)]
    [InlineData(16384)]
    [InlineData(65536)]
    public void What_mkswap_made_is_recognised(int pageSize)
    {
        var path = _bench.Empty("swap", 8 << 20);
        Tool.MustRun("mkswap", "-U", Uuid, "-L", "scratch", "-p", $"{pageSize}", path);
        using var device = FileDevice.OpenRead(path);
        Assert.Equal(new SwapSignature(1, pageSize, Uuid, "scratch", (8 << 20) / pageSize, IsHibernated: false), SwapSignature.TryRead(device));
    }

    [Fact]
    public void A_suspended_system_is_noticed()
    {
        var path = _bench.Empty("swap", 1 << 20);
        Tool.MustRun("mkswap", "-U", Uuid, path);
        using var device = FileDevice.OpenReadWrite(path);
        device.Write(new GuestOffset(4086), "S1SUSPEND\0"u8);
        var swap = SwapSignature.TryRead(device);
        Assert.True(swap?.IsHibernated);
        Assert.Equal(Uuid, swap?.Uuid);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(100000)]
    public void Anything_else_is_not_swap(int length) => Assert.Null(SwapSignature.TryRead(new MemoryDevice(new byte[length])));

    [Fact]
    public void A_signature_without_a_version_is_not_swap()
    {
        var bytes = new byte[4096];
        "SWAPSPACE2"u8.CopyTo(bytes.AsSpan(4086));
        Assert.Null(SwapSignature.TryRead(new MemoryDevice(bytes)));
    }

    public void Dispose() => _bench.Dispose();
}
