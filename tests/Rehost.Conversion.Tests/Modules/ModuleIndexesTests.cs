using Rehost.Archives.Modules;
using Rehost.Conversion.Modules;
using Rehost.Testing;

namespace Rehost.Conversion.Tests.Modules;

/// <summary>Our indexes against depmod's, byte for byte where depmod's order is not its own affair, and against modprobe that reads them.</summary>
[Requirement("S0.9", "S1.23", "S2.8")]
public sealed class ModuleIndexesTests
{
    private const string Release = "6.1.0-test";

    [Fact]
    public void Indexes_are_depmods_own()
    {
        using var scratch = new ScratchDirectory();
        var directory = Path.Combine(scratch["root"], "lib/modules", Release);
        Make(scratch, directory, "kernel/lib/base.ko", "EXPORT(base_symbol) INFO(\"alias=fs-base\") INFO(\"softdep=pre: leaf\")");
        Make(scratch, directory, "kernel/lib/mid-dle.ko", "extern int base_symbol; int *p = &base_symbol; EXPORT(middle_symbol) INFO(\"depends=base\") INFO(\"alias=pci:v00001AF4d0000100[0-9]sv*-x\") INFO(\"alias=char-major-10-229\") INFO(\"alias=devname:fuse\")");
        Make(scratch, directory, "kernel/drivers/leaf.ko", "extern int middle_symbol; int *p = &middle_symbol; INFO(\"depends=mid-dle\") INFO(\"alias=pci:v00001AF4d00001041sv*\")");
        Make(scratch, directory, "kernel/drivers/old.ko", "INFO(\"alias=of:N*T*\")");
        Make(scratch, directory, "updates/old.ko", "INFO(\"alias=new-one\")");
        File.WriteAllText(Path.Combine(directory, "modules.order"), "kernel/drivers/leaf.ko\nkernel/lib/mid-dle.ko\nkernel/lib/base.ko\nkernel/drivers/old.ko\n");
        File.WriteAllText(Path.Combine(directory, "modules.builtin"), "kernel/fs/ext4/ext4.ko\nkernel/fs/built-in.ko\n");
        File.WriteAllBytes(Path.Combine(directory, "modules.builtin.modinfo"), "ext4.alias=fs-ext4\0ext4.license=GPL\0built_in.alias=x-y\0"u8.ToArray());

        var indexes = ModuleIndexes.Of(Directory.GetFiles(directory, "*.ko", SearchOption.AllDirectories).Select(path => (path[(directory.Length + 1)..], KernelModuleFile.Read(File.ReadAllBytes(path)) ?? throw new InvalidOperationException(path))), File.ReadAllText(Path.Combine(directory, "modules.order")));
        var ours = indexes.Write(File.ReadAllText(Path.Combine(directory, "modules.builtin")), File.ReadAllBytes(Path.Combine(directory, "modules.builtin.modinfo")));
        Tool.MustRun("depmod", "-b", scratch["root"], Release);
        foreach (var (name, content) in ours.Where(file => file.Key is not "modules.symbols"))
        {
            Assert.True(content.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(directory, name))), $"{name}: {System.Text.Encoding.UTF8.GetString(content)}");
            File.WriteAllBytes(Path.Combine(directory, name), content);
        }

        Assert.Equal(File.ReadAllLines(Path.Combine(directory, "modules.symbols")).Order(StringComparer.Ordinal), System.Text.Encoding.UTF8.GetString(ours["modules.symbols"]).TrimEnd('\n').Split('\n').Order(StringComparer.Ordinal));
        string[] Loads(string name) => [.. Tool.MustRun("modprobe", "-D", "-d", scratch["root"], "-S", Release, name).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => Path.GetFileName(line.Trim()))];
        Assert.Equal("mid-dle.ko", Loads("mid_dle")[^1]);
        Assert.Contains("base.ko", Loads("mid_dle"), StringComparer.Ordinal);
        Assert.Contains("leaf.ko", Loads("pci:v00001AF4d00001041sv00"), StringComparer.Ordinal);
        Assert.Contains("builtin ext4", Tool.MustRun("modprobe", "-D", "-d", scratch["root"], "-S", Release, "ext4"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_hostile_module_is_none()
    {
        var random = new Random(5);
        using var scratch = new ScratchDirectory();
        Make(scratch, scratch["m"], "a.ko", "EXPORT(symbol) INFO(\"alias=x\") INFO(\"depends=y\")");
        var valid = File.ReadAllBytes(Path.Combine(scratch["m"], "a.ko"));
        Assert.Equal(["symbol"], KernelModuleFile.Read(valid)?.Exports);
        for (var round = 0; round < Fuzzing.Rounds(3000); round++)
        {
            var hostile = (byte[])valid.Clone();
            for (var i = random.Next(1, 6); i > 0; i--)
            {
                hostile[random.Next(random.Next(2) == 0 ? 64 : hostile.Length)] = (byte)random.Next(256);
            }

            _ = KernelModuleFile.Read(hostile.AsSpan(0, random.Next(4) == 0 ? random.Next(hostile.Length) : hostile.Length));
        }
    }

    [Fact]
    public void Modules_that_need_each_other_in_a_circle_end()
    {
        var indexes = ModuleIndexes.Of([("kernel/a.ko", new KernelModuleFile { Depends = ["b"] }), ("kernel/b.ko", new KernelModuleFile { Depends = ["a"] })], "");
        Assert.Equal(["kernel/b.ko"], indexes.Needs("a"));
    }

    private static void Make(ScratchDirectory scratch, string directory, string path, string body)
    {
        var full = Path.Combine(directory, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full) ?? "");
        File.WriteAllText(scratch["m.c"], "#define CAT(a, b) a##b\n#define NAME(a, b) CAT(a, b)\n#define INFO(text) static const char NAME(info, __COUNTER__)[] __attribute__((section(\".modinfo\"), used, aligned(1))) = text;\n"
            + "#define EXPORT(name) int name; static const char NAME(text_, name)[] __attribute__((section(\"__ksymtab_strings\"), used, aligned(1))) = #name; void *NAME(__ksymtab_, name) __attribute__((section(\"__ksymtab\"), used)) = &name;\n" + body + "\n");
        Tool.MustRun("gcc", "-c", "-O1", "-o", full, scratch["m.c"]);
    }
}
