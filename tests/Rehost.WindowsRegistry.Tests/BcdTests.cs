using Rehost.Model;
using Rehost.Testing;
using Rehost.WindowsRegistry.BootConfiguration;

namespace Rehost.WindowsRegistry.Tests;

public sealed class BcdTests
{
    private static readonly Guid Loader = new("733b62e5-f608-11eb-825c-c112f60133ab");
    private static readonly byte[] Security = [1, 0, 4, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];

    [Fact]
    public void A_store_of_Windows_is_understood()
    {
        var store = Open();
        var windows = new BcdPartition.Gpt(new Guid("8e0f2c38-e4ea-47ba-b7fc-9d8c74dccf0b"), new Guid("0b2394a9-095e-487d-8d48-719ecd4d78ca"));
        Assert.Equal(Loader, store.Default?.Id);
        Assert.Equal([Loader], store.Loaders.Take(1).Select(loader => loader.Id));
        Assert.Equal(30ul, store.Timeout);
        var loader = store.Find(Loader)!;
        Assert.Equal("Windows 10", loader.Find(BcdNames.Description)?.AsText());
        Assert.Equal(@"\Windows\system32\winload.efi", loader.Find(BcdNames.ApplicationPath)?.AsText());
        Assert.Equal(windows, loader.Find(BcdNames.OsDevice)?.AsDevice().Partition);
        Assert.True(loader.Find(BcdNames.RecoveryEnabled)?.AsFlag());
        Assert.Equal([0x15000075ul], loader.Find(0x17000077)?.AsNumbers());
        var recovery = store.Find(loader.Find(BcdNames.RecoverySequence)!.AsIds().Single())!;
        var device = recovery.Find(BcdNames.ApplicationDevice)!.AsDevice();
        Assert.Equal(BcdDeviceKind.RamDisk, device.Kind);
        Assert.Equal(@"\Recovery\WindowsRE\Winre.wim", device.FilePath);
        Assert.Equal(new Guid("6cdfcd69-de75-4490-8f99-5a84bf264917"), ((BcdPartition.Gpt?)device.Partition)?.PartitionId);
        Assert.NotNull(store.Find(device.OptionsId));
        Assert.Equal("{bootmgr}", BcdNames.NameOf(store.BootManager!.Id));
        Assert.Equal(["device", "path", "description", "locale", "inherit", "default", "resumeobject", "displayorder", "toolsdisplayorder", "timeout"],
            store.BootManager.Elements.Select(element => BcdNames.NameOf(element.Type, store.BootManager.Type)));
        Assert.All(store.All.SelectMany(entry => entry.Elements), element => Assert.NotEmpty(element.ToString()));
        Assert.All(store.Partitions, item => Assert.Equal(item.Element.Data.Data, item.Element.AsDevice().With(item.Partition).Encode()));
    }

    [Fact]
    public void Devices_are_made_as_Windows_makes_them()
    {
        var store = Open();
        var original = store.Find(Loader)!.Find(BcdNames.OsDevice)!;
        Assert.Equal(original.Data.Data, BcdDevice.Of(original.AsDevice().Partition!).Encode());

        var mbr = new BcdPartition.Mbr(0x100000, 0x12345678);
        var device = BcdDevice.Decode(BcdDevice.Of(mbr).Encode());
        Assert.Equal(mbr, device.Partition);
        Assert.Equal(
            "0000000000000000000000000000000006000000000000004800000000000000" + "00001000000000000000000000000000" + "0000000001000000" + "78563412000000000000000000000000" + "00000000000000000000000000000000",
            Convert.ToHexStringLower(device.Encode()));
        Assert.Equal(BcdDeviceKind.Boot, BcdDevice.Decode(BcdDevice.OfBoot().Encode()).Kind);
        Assert.Null(BcdDevice.OfBoot().Partition);
        Assert.Equal("REG011", Assert.Throws<DiagnosticException>(() => BcdDevice.OfBoot().With(mbr)).Diagnostic.Id);
        Assert.Equal(BcdDeviceKind.Other, BcdDevice.Decode([1, 2, 3]).Kind);
    }

    [Fact]
    public void A_store_that_points_elsewhere_is_redirected_and_the_rest_stays()
    {
        using var scratch = new ScratchDirectory();
        var store = Open();
        var before = HiveWitness.Describe(store.Hive).Split("\n\n");
        var partitions = store.Partitions.Select(item => item.Partition).Distinct().ToArray();
        var disk = new Guid("0b2394a9-095e-487d-8d48-719ecd4d78ca");
        var count = store.Redirect(partition => partition is BcdPartition.Gpt gpt && gpt.DiskId == disk ? gpt with { DiskId = new Guid("11111111-2222-3333-4444-555555555555") } : null);
        Assert.Equal(9, count);
        Assert.Empty(store.Hive.Check());
        var content = store.Hive.ToArray();
        var after = HiveWitness.Describe(Hive.Open(content, new HiveOpenOptions())).Split("\n\n");
        Assert.Equal(count, before.Except(after).Count());
        Assert.All(before.Except(after), key => Assert.Contains("a9,94,23,0b,5e,09,7d,48,8d,48,71,9e,cd,4d,78,ca", key, StringComparison.Ordinal));
        Assert.Equal(string.Join("\n\n", after), HiveWitness.Export(content, scratch));
        Assert.Equal(partitions.Length, store.Partitions.Select(item => item.Partition).Distinct().Count());
        Assert.Equal(@"\Recovery\WindowsRE\Winre.wim", store.All.SelectMany(entry => entry.Elements).First(element => element.Format == BcdElementFormat.Device && element.AsDevice().Kind == BcdDeviceKind.RamDisk).AsDevice().FilePath);
    }

    [Fact]
    public void A_store_is_made()
    {
        using var scratch = new ScratchDirectory();
        var store = BcdStore.Create(Security, DateTimeOffset.UnixEpoch);
        Assert.Null(store.Default);
        var manager = store.Add(BcdNames.BootManager, BcdNames.WindowsBootManager);
        var loader = store.Add(Loader, BcdNames.WindowsLoader);
        var partition = new BcdPartition.Mbr(105906176, 0xCAFEBABE);
        loader.Set(BcdElement.OfDevice(BcdNames.OsDevice, BcdDevice.Of(partition)));
        loader.Set(BcdElement.OfDevice(BcdNames.ApplicationDevice, BcdDevice.OfBoot()));
        loader.Set(BcdElement.OfText(BcdNames.SystemRoot, @"\Windows"));
        loader.Set(BcdElement.OfFlag(BcdNames.RecoveryEnabled, false));
        manager.Set(BcdElement.OfId(BcdNames.DefaultEntry, Loader));
        manager.Set(BcdElement.OfIds(BcdNames.DisplayOrder, [Loader]));
        manager.Set(BcdElement.OfNumber(BcdNames.Timeout, 5));
        Assert.Equal("REG007", Assert.Throws<DiagnosticException>(() => BcdElement.OfText(BcdNames.Timeout, "x")).Diagnostic.Id);
        Assert.Equal("REG007", Assert.Throws<DiagnosticException>(() => store.Add(Loader, 1)).Diagnostic.Id);
        Assert.Equal("REG011", Assert.Throws<DiagnosticException>(() => loader.Find(BcdNames.SystemRoot)!.AsId()).Diagnostic.Id);
        var content = store.Hive.ToArray();
        HiveWitness.Export(content, scratch);
        var again = BcdStore.Open(Hive.Open(content, new HiveOpenOptions()));
        Assert.Equal(partition, again.Default?.Find(BcdNames.OsDevice)?.AsDevice().Partition);
        Assert.Equal(5ul, again.Timeout);
        Assert.True(again.Find(Loader)!.Remove(BcdNames.RecoveryEnabled));
        Assert.False(again.Find(Loader)!.Remove(BcdNames.RecoveryEnabled));
        again.Remove(Loader);
        Assert.Null(again.Default);
        Assert.Empty(again.Loaders);
        Assert.Equal("REG011", Assert.Throws<DiagnosticException>(() => BcdStore.Open(Hive.Create("x", Security, DateTimeOffset.UnixEpoch))).Diagnostic.Id);
    }

    private static BcdStore Open() => BcdStore.Open(Hive.Open(HiveWitness.Unpack("BCD.xz"), new HiveOpenOptions()));
}
