using System.Text;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.WindowsRegistry.Tests;

public sealed class RegFileTests
{
    private const string Prefix = @"HKEY_LOCAL_MACHINE\SYSTEM";
    private static readonly byte[] Security = [1, 0, 4, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];

    [Fact]
    public void What_is_exported_is_imported_again_by_us_and_by_hivexregedit()
    {
        using var scratch = new ScratchDirectory();
        var hive = Hive.Create("ROOT", Security, DateTimeOffset.UnixEpoch);
        var key = hive.Root.Create(@"ControlSet001\Services\a [key] with ""quotes""");
        key.Set(RegistryValue.OfText("", "default"));
        key.Set(RegistryValue.OfText("path \\ \"x\"", "C:\\Windows\\\"quoted\""));
        key.Set(RegistryValue.OfText("expand", "%SystemRoot%\\x", RegistryValueKind.ExpandableText));
        key.Set(RegistryValue.OfTexts("several", ["one", "two"]));
        key.Set(RegistryValue.OfNumber("Start", 0xDEADBEEF));
        key.Set(RegistryValue.OfBytes("bytes", [.. Enumerable.Range(0, 300).Select(i => (byte)(i & 0xFF))]));
        key.Set(new RegistryValue("not ended", RegistryValueKind.Text, "x\0y\0"u8.ToArray()));
        key.Set(new RegistryValue("empty", RegistryValueKind.None, []));
        hive.Root.Create("empty");
        var text = string.Join("\r\n", RegFileWriter.Write(hive.Root, Prefix));

        byte[] utf16 = [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(text)];
        foreach (var content in (byte[][])[utf16, Encoding.UTF8.GetBytes(text)])
        {
            var imported = Hive.Create("ROOT", Security, DateTimeOffset.UnixEpoch);
            RegFileReader.Apply(imported, RegFileReader.Read(content), Prefix);
            Assert.Empty(HiveDifference.Find(hive.Root, imported.Root));
            Assert.Equal(HiveWitness.Describe(hive), HiveWitness.Describe(imported));
        }

        File.WriteAllBytes(scratch["hive"], Hive.Create("ROOT", Security, DateTimeOffset.UnixEpoch).ToArray());
        File.WriteAllText(scratch["file.reg"], text.Replace("\r", "", StringComparison.Ordinal)); // it reads no UTF-16
        Tool.MustRun("hivexregedit", "--merge", "--prefix", Prefix, scratch["hive"], scratch["file.reg"]);
        Assert.Empty(HiveDifference.Find(hive.Root, Hive.Open(File.ReadAllBytes(scratch["hive"]), new HiveOpenOptions()).Root));
    }

    [Fact]
    public void Keys_and_values_are_removed_and_differences_named()
    {
        var hive = Hive.Create("ROOT", Security, DateTimeOffset.UnixEpoch);
        hive.Root.Create("a\\b").Set(RegistryValue.OfNumber("x", 1));
        hive.Root.Create("c").Set(RegistryValue.OfNumber("y", 1));
        hive.Root.Create("c").Set(RegistryValue.OfNumber("z", 1));
        var before = Hive.Open(hive.ToArray(), new HiveOpenOptions());
        var count = RegFileReader.Apply(hive, RegFileReader.Read("Windows Registry Editor Version 5.00\n\n; a comment\n[-X\\a]\n[-X\\not there]\n[X\\C]\n\"Y\"=-\n\"none\"=-\n\"z\"=dword:00000002\n@=hex(7):61,00,\\\n  00,00\n[X\\d]\n"u8.ToArray()), "x");
        Assert.Equal(5, count);
        Assert.Empty(hive.Check());
        Assert.Equal(["a only in first", "c y only in first", "c z differs", "c  only in second", "d only in second"],
            HiveDifference.Find(before.Root, hive.Root).Select(one => one.Path + (one.Name is null ? "" : " " + one.Name) + " " + one.What).Order(StringComparer.Ordinal).OrderBy(line => line[0] == 'c' ? 1 : line[0] == 'a' ? 0 : 2).ThenBy(line => line.StartsWith("c  ", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("REGEDIT4\n")]
    [InlineData("Windows Registry Editor Version 5.00\n\"x\"=\"y\"\n")]
    [InlineData("Windows Registry Editor Version 5.00\n[X\n")]
    [InlineData("Windows Registry Editor Version 5.00\n[X]\nx=1\n")]
    [InlineData("Windows Registry Editor Version 5.00\n[X]\n\"x\"\n")]
    [InlineData("Windows Registry Editor Version 5.00\n[X]\n\"x\"=dword:xyz\n")]
    [InlineData("Windows Registry Editor Version 5.00\n[X]\n\"x\"=hex:1234\n")]
    [InlineData("Windows Registry Editor Version 5.00\n[X]\n\"x\"=hex(z):12\n")]
    [InlineData("Windows Registry Editor Version 5.00\n[X]\n\"x\"=\"y\n")]
    [InlineData("Windows Registry Editor Version 5.00\n[Y]\n")]
    [InlineData("")]
    public void What_cannot_be_understood_is_refused_before_anything_is_changed(string text)
    {
        var hive = Hive.Create("ROOT", Security, DateTimeOffset.UnixEpoch);
        Assert.Equal("REG010", Assert.Throws<DiagnosticException>(() => RegFileReader.Apply(hive, RegFileReader.Read(Encoding.UTF8.GetBytes(text)), "X")).Diagnostic.Id);
        Assert.Empty(hive.Root.Subkeys);
    }
}
