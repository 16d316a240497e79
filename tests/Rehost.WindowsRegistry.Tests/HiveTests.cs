using System.Diagnostics;
using System.Text;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.WindowsRegistry.Tests;

public sealed class HiveTests
{
    private static readonly byte[] Security = [1, 0, 4, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    private static readonly DateTimeOffset Time = new(2020, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void A_store_of_Windows_is_read_as_others_read_it()
    {
        using var scratch = new ScratchDirectory();
        var content = HiveWitness.Unpack("BCD.xz");
        var hive = Hive.Open(content, new HiveOpenOptions());
        Assert.Empty(hive.Check());
        Assert.Equal(3, hive.MinorVersion);
        Assert.False(hive.IsChanged);
        Assert.Equal(content, hive.ToArray());
        Assert.Equal(HiveWitness.Export(content, scratch), HiveWitness.Describe(hive));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void All_kinds_of_values_names_and_sizes_are_written(int version)
    {
        using var scratch = new ScratchDirectory();
        var hive = Hive.Create("ROOT", Security, Time, version);
        var key = hive.Root.Create(@"ControlSet001\Services\größe 名前");
        key.Set(RegistryValue.OfText("", "the default"));
        key.Set(RegistryValue.OfText("ImagePath", @"System32\drivers\viostor.sys", RegistryValueKind.ExpandableText));
        key.Set(RegistryValue.OfTexts("Group \"of\" \\ several", ["one", "two", "größer"]));
        key.Set(RegistryValue.OfNumber("Start", 0));
        key.Set(RegistryValue.OfNumber("Start", uint.MaxValue));
        key.Set(RegistryValue.OfLongNumber("Long", ulong.MaxValue - 5));
        key.Set(new RegistryValue("odd", (RegistryValueKind)0x10012, [1, 2, 3]));
        key.Set(new RegistryValue("empty", RegistryValueKind.None, []));
        key.Set(RegistryValue.OfText("名前", "wide name"));
        foreach (var size in (int[])[1, 4, 5, 16343, 16344, 16345, 16348, 40000, 500_000])
        {
            var data = new byte[size];
            new Random(size).NextBytes(data);
            key.Set(RegistryValue.OfBytes($"size {size}", data));
        }

        key.SetClassName("a class");
        hive.Root.Create("x").SetSecurityDescriptor([.. Security, 0, 0, 0, 0]);
        hive.Root.Create("y").SetSecurityDescriptor([.. Security, 0, 0, 0, 0]);
        Assert.Empty(hive.Check());
        var content = hive.ToArray();
        Assert.Equal(HiveWitness.Export(content, scratch), HiveWitness.Describe(hive));

        var again = Hive.Open(content, new HiveOpenOptions());
        key = again.Root.Demand(@"controlset001\SERVICES\GRÖßE 名前");
        Assert.Equal("the default", key.DemandValue("").AsText());
        Assert.Equal(["one", "two", "größer"], key.DemandValue("group \"OF\" \\ several").AsTexts());
        Assert.Equal(uint.MaxValue, key.DemandValue("start").AsNumber());
        Assert.Equal(ulong.MaxValue - 5, key.DemandValue("Long").AsNumber());
        Assert.Equal("a class", key.ClassName);
        Assert.Equal(Time, key.LastWritten);
        Assert.Equal(again.Root.Demand("x").Node.Security, again.Root.Demand("y").Node.Security);
        Assert.Equal(Security, key.SecurityDescriptor);
        Assert.Equal(content, again.ToArray());

        // What is removed is given back, and what is written is the same again.
        again.Root.Remove("ControlSet001");
        again.Root.Remove("X");
        again.Root.Remove("y");
        Assert.Empty(again.Check());
        Assert.Equal(2, again.Heap.Cells().Count(cell => cell.IsUsed));
        Assert.Equal("REG006", Assert.Throws<DiagnosticException>(() => again.Root.Demand("x")).Diagnostic.Id);
        Assert.Equal("REG006", Assert.Throws<DiagnosticException>(() => again.Root.Remove("x")).Diagnostic.Id);
        Assert.Equal(again.ToArray(), again.ToArray());
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void Thousands_of_subkeys_are_made_and_removed_without_going_through_all_for_each(int version)
    {
        var hive = Hive.Create("ROOT", Security, Time, version);
        var names = Enumerable.Range(0, 20_000).Select(i => $"key {i * 7919 % 20_011}").Distinct().ToArray();
        var watch = Stopwatch.StartNew();
        foreach (var name in names)
        {
            hive.Root.Create(name).Set(RegistryValue.OfNumber("n", 1));
        }

        Assert.Empty(hive.Check());
        Assert.Equal(names.Order(StringComparer.OrdinalIgnoreCase), hive.Root.Subkeys.Select(key => key.Name));
        using (var scratch = new ScratchDirectory())
        {
            var file = scratch["hive"];
            File.WriteAllBytes(file, hive.ToArray());
            Assert.Equal(names.Length, Tool.RunWithInput("hivexsh", "ls\n"u8.ToArray(), file).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        }

        foreach (var name in names.Where((_, index) => index % 3 != 0))
        {
            hive.Root.Remove(name.ToUpperInvariant());
        }

        Assert.Empty(hive.Check());
        foreach (var name in names.Where((_, index) => index % 3 == 0))
        {
            hive.Root.Remove(name);
        }

        Assert.Empty(hive.Root.Subkeys);
        Assert.Equal(2, hive.Heap.Cells().Count(cell => cell.IsUsed));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), watch.Elapsed.ToString());
    }

    [Fact]
    public void What_the_registry_cannot_hold_is_refused_and_changes_nothing()
    {
        var hive = Hive.Create("ROOT", Security, Time, 3);
        var before = hive.ToArray();
        string Refusal(Action action) => Assert.Throws<DiagnosticException>(action).Diagnostic.Id;
        Assert.Equal("REG007", Refusal(() => hive.Root.Create(new string('x', 256))));
        Assert.Equal("REG007", Refusal(() => hive.Root.Create("a\0b")));
        Assert.Equal("REG007", Refusal(() => hive.Root.Create(string.Join('\\', Enumerable.Repeat("deep", 600)))));
        Assert.Equal("REG007", Refusal(() => hive.Root.Set(RegistryValue.OfBytes("x", new byte[1 << 20])))); // no segments in version 1.3
        Assert.Equal("REG007", Refusal(() => hive.Root.Set(RegistryValue.OfNumber(new string('x', 20_000), 1))));
        Assert.Equal("REG007", Refusal(() => hive.Root.SetClassName(new string('x', 20_000))));
        Assert.Equal("REG008", Refusal(() => RegistryValue.OfNumber("x", 1).AsText()));
        Assert.Equal("REG008", Refusal(() => new RegistryValue("x", RegistryValueKind.Number, [1, 2]).AsNumber()));
        Assert.Equal("REG001", Refusal(() => Hive.Open(Encoding.ASCII.GetBytes(new string('x', 5000)), new HiveOpenOptions())));
        Assert.Equal("REG001", Refusal(() => Hive.Open([], new HiveOpenOptions())));
        Assert.Equal(before, hive.ToArray());
    }

    [Fact]
    public void Links_and_text_as_stored_are_told_apart()
    {
        Assert.Equal("text", new RegistryValue("", RegistryValueKind.Text, "t\0e\0x\0t\0"u8.ToArray()).AsText()); // without an end
        Assert.Equal("te", new RegistryValue("", RegistryValueKind.Text, "t\0e\0\0\0t\0"u8.ToArray()).AsText());
        Assert.Equal(["", "x"], new RegistryValue("", RegistryValueKind.Texts, "\0\0x\0\0\0"u8.ToArray()).AsTexts());
        Assert.Empty(new RegistryValue("", RegistryValueKind.Texts, []).AsTexts());
    }
}
