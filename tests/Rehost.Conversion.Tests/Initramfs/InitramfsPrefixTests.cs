using System.Text;
using Rehost.Archives;
using Rehost.Conversion.Initramfs;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Conversion.Tests.Initramfs;

/// <summary>The archive in front of an initramfs: read by cpio, by our own walk, found again and taken away.</summary>
public sealed class InitramfsPrefixTests
{
    private static readonly (string Name, ReadOnlyMemory<byte> Content)[] Modules =
    [
        ("/lib/modules/6.1/kernel/drivers/virtio/virtio.ko.xz", "the first"u8.ToArray()),
        ("/lib/modules/6.1/kernel/drivers/virtio/virtio_ring.ko", new byte[5000]),
        ("/lib/modules/6.1/kernel/drivers/block/virtio_blk.ko.zst", "the third"u8.ToArray()),
    ];

    public static TheoryData<InitramfsGenerator, string?, string> Hooks => new()
    {
        { InitramfsGenerator.InitramfsTools, null, "conf/conf.d/zz-rehost" },
        { InitramfsGenerator.Dracut, "usr/lib/dracut/hooks", "usr/lib/dracut/hooks/pre-udev/00-rehost.sh" },
        { InitramfsGenerator.Dracut, "/usr/lib/dracut/hooks/", "usr/lib/dracut/hooks/pre-udev/00-rehost.sh" },
        { InitramfsGenerator.Dracut, "lib/dracut/hooks", "lib/dracut/hooks/pre-udev/00-rehost.sh" },
        { InitramfsGenerator.Dracut, "var/lib/dracut/hooks", "var/lib/dracut/hooks/pre-udev/00-rehost.sh" },
        { InitramfsGenerator.Dracut, "", "pre-udev/00-rehost.sh" },
    };

    [Fact]
    public void Where_systemd_starts_the_image_a_unit_loads_the_modules()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["prefix"], InitramfsPrefix.Build(Modules, InitramfsGenerator.Mkinitcpio, "etc/systemd/system"));
        Directory.CreateDirectory(scratch["root"]);
        Tool.MustRun("sh", "-e", "-c", $"cd '{scratch["root"]}' && cpio -idm --quiet --no-absolute-filenames < ../prefix");
        var unit = File.ReadAllText(scratch["root/etc/systemd/system/rehost.service"]);
        Assert.EndsWith("ExecStart=-/rehost/insmod /rehost/virtio.ko\nExecStart=-/rehost/insmod /rehost/virtio_ring.ko\nExecStart=-/rehost/insmod /rehost/virtio_blk.ko\n", unit, StringComparison.Ordinal);
        Assert.Equal("../rehost.service", new FileInfo(scratch["root/etc/systemd/system/sysinit.target.wants/rehost.service"]).LinkTarget);
    }

    [Theory]
    [MemberData(nameof(Hooks))]
    public void Cpio_lists_and_unpacks_it(InitramfsGenerator generator, string? hooksPath, string hook)
    {
        var prefix = InitramfsPrefix.Build(Modules, generator, hooksPath);
        Assert.Equal(0, prefix.Length % 512);
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["prefix"], prefix);
        Directory.CreateDirectory(scratch["root"]);
        Tool.MustRun("sh", "-e", "-c", $"cd '{scratch["root"]}' && cpio -idm --quiet --no-absolute-filenames < ../prefix");
        var names = Tool.MustRun("sh", "-e", "-c", $"cpio -it --quiet < '{scratch["prefix"]}'").Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(["rehost", "rehost/virtio.ko", "rehost/virtio_ring.ko", "rehost/virtio_blk.ko", "rehost/insmod", "rehost/prefix"], names[..6]);
        Assert.Equal(hook, names[^1]);

        // Directories above the hook and nothing else: parents before children, as the kernel makes no missing ones.
        var parts = hook.Split('/');
        Assert.Equal(Enumerable.Range(1, parts.Length - 1).Select(count => string.Join('/', parts[..count])), names[6..^1]);
        Assert.Equal(Modules[1].Content.ToArray(), File.ReadAllBytes(scratch["root/rehost/virtio_ring.ko"]));
        Tool.MustRun("sh", "-n", scratch[$"root/{hook}"]);
    }

    /// <summary>Runs the hook with an insmod of our own, which knows what depends on what.</summary>
    [Theory]
    [InlineData("", "virtio virtio_ring virtio_blk", "rehost: drivers loaded")]
    [InlineData("virtio:virtio_ring virtio_blk:virtio", "virtio virtio_ring virtio_blk virtio virtio_blk", "rehost: drivers loaded")]
    [InlineData("virtio_blk:nothing", "virtio virtio_ring virtio_blk virtio_blk", "rehost: not loaded: virtio_blk")]
    [InlineData("virtio:nothing virtio_ring:nothing virtio_blk:nothing", "virtio virtio_ring virtio_blk", "rehost: not loaded: virtio virtio_ring virtio_blk")]
    public void Loads_modules_in_the_order_given_and_again_where_it_was_wrong(string needs, string calls, string message)
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["module"]);
        File.WriteAllText(scratch["insmod"], $$"""
            #!/bin/sh
            name=${1#/rehost/}; name=${name%.ko}
            echo "$name" >> '{{scratch["calls"]}}'
            for need in {{needs}}; do [ "${need%:*}" != "$name" ] || [ -d "{{scratch["module"]}}/${need#*:}" ] || exit 1; done
            mkdir '{{scratch["module"]}}'/"$name"
            """.ReplaceLineEndings("\n"));
        File.SetUnixFileMode(scratch["insmod"], (UnixFileMode)0x1ED);
        File.WriteAllText(scratch["hook"], HookOf(InitramfsPrefix.Build(Modules, InitramfsGenerator.InitramfsTools, null))
            .Replace("/sys/module", scratch["module"], StringComparison.Ordinal).Replace("[ -c /dev/kmsg ]", ":", StringComparison.Ordinal).Replace("/dev/kmsg", "/dev/stdout", StringComparison.Ordinal));

        // /dev/stdout cannot be opened again when it is a socket: cat makes a pipe of it.
        Assert.Equal($"{message}\n", Tool.MustRun("sh", "-c", $"(PATH='{scratch.Path}':$PATH; . '{scratch["hook"]}') | cat"));
        Assert.Equal(calls, string.Join(' ', File.ReadAllLines(scratch["calls"])));

        // A second time those that are there are left alone.
        File.Delete(scratch["calls"]);
        Tool.MustRun("sh", "-c", $"(PATH='{scratch.Path}':$PATH; . '{scratch["hook"]}') | cat");
        Assert.Equal(message.Contains("not", StringComparison.Ordinal), File.Exists(scratch["calls"]));
    }

    /// <summary>The hook is sourced by the generator's script: with set -eu, no PATH and no insmod it must neither end it nor leave anything behind.</summary>
    [Fact]
    public void Hook_does_no_harm_to_the_script_that_sources_it()
    {
        using var scratch = new ScratchDirectory();
        (string, ReadOnlyMemory<byte>)[] unknown = [("there_is_no_such_module.ko", default)];
        File.WriteAllText(scratch["hook"], HookOf(InitramfsPrefix.Build(unknown, InitramfsGenerator.InitramfsTools, null)).Replace("/dev/kmsg", "/dev/null", StringComparison.Ordinal));
        Assert.Equal("went on with /nowhere\n", Tool.MustRun("sh", "-c", $"set -eu; PATH=/nowhere; . '{scratch["hook"]}'; echo \"went on with $PATH${{rest-}}\""));
        Assert.Equal("went on\n", Tool.MustRun("sh", "-c", $"set -eu; unset PATH; . '{scratch["hook"]}'; echo went on"));
        File.WriteAllText(scratch["hook"], HookOf(InitramfsPrefix.Build([], InitramfsGenerator.InitramfsTools, null)).Replace("/dev/kmsg", "/dev/null", StringComparison.Ordinal));
        Assert.Equal("went on\n", Tool.MustRun("sh", "-c", $"set -eu; . '{scratch["hook"]}'; echo went on"));
    }

    [Theory]
    [InlineData("/m/$(reboot).ko")]
    [InlineData("/m/a;reboot;.ko")]
    [InlineData("/m/a\nreboot\n.ko")]
    [InlineData("/m/`reboot` 'x' \"y\" |&<>*?#~!.ko")]
    [InlineData("/m/\u00fc\u4e2d.ko")]
    [InlineData("-o x.ko")]
    [InlineData("/m/..")]
    [InlineData("prefix")]
    [InlineData("insmod")]
    public void Hostile_names_become_harmless(string name)
    {
        var prefix = InitramfsPrefix.Build([(name, "content"u8.ToArray())], InitramfsGenerator.InitramfsTools, null);
        var line = HookOf(prefix).Split('\n').Single(line => line.StartsWith("rest=\" ", StringComparison.Ordinal));
        Assert.Matches("^rest=\" [A-Za-z0-9_]+\"$", line);
        Assert.Equal($"rehost/{line[7..^1]}.ko", new InitramfsArchive(prefix).ReadFiles().Where(file => file.Entry.IsFile).First().Path);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/m/")]
    [InlineData("/m/.ko")]
    public void Names_that_are_no_file_are_refused(string name) =>
        Assert.Equal("CNV010", Assert.Throws<DiagnosticException>(() => InitramfsPrefix.Build([(name, default)], InitramfsGenerator.InitramfsTools, null)).Diagnostic.Id);

    [Fact]
    public void Hooks_outside_the_archive_are_refused() =>
        Assert.Equal("ARC012", Assert.Throws<DiagnosticException>(() => InitramfsPrefix.Build(Modules, InitramfsGenerator.Dracut, "usr/../..")).Diagnostic.Id);

    [Theory]
    [InlineData(InitramfsGenerator.Unknown)]
    [InlineData(InitramfsGenerator.Mkinitcpio)]
    [InlineData(InitramfsGenerator.Nash)]
    [InlineData(InitramfsGenerator.SuseMkinitrd)]
    public void Generators_without_a_known_hook_are_refused(InitramfsGenerator generator) =>
        Assert.Equal("CNV010", Assert.Throws<DiagnosticException>(() => InitramfsPrefix.Build(Modules, generator, null)).Diagnostic.Id);

    [Fact]
    public void Same_input_same_bytes() =>
        Assert.Equal(InitramfsPrefix.Build(Modules, InitramfsGenerator.Dracut, "usr/lib/dracut/hooks"), InitramfsPrefix.Build(Modules, InitramfsGenerator.Dracut, "usr/lib/dracut/hooks"));

    [Fact]
    public void Finds_its_own_archive_and_nobody_elses()
    {
        var original = GuestArchive("gzip -1");
        var prefix = InitramfsPrefix.Build(Modules, InitramfsGenerator.InitramfsTools, null);
        Assert.Equal(0, InitramfsPrefix.FindExisting(original));
        Assert.Equal(0, InitramfsPrefix.FindExisting(GuestArchive("cat")));
        Assert.Equal(0, InitramfsPrefix.FindExisting(ReadOnlyMemory<byte>.Empty));
        Assert.Equal(0, InitramfsPrefix.FindExisting(Microcode()));
        Assert.Equal(0, InitramfsPrefix.FindExisting(prefix.AsMemory(0, 4000)));

        byte[] extended = [.. prefix, .. original];
        Assert.Equal(original, extended[InitramfsPrefix.FindExisting(extended)..]);
        Assert.Equal(prefix.Length, InitramfsPrefix.FindExisting(prefix));

        // Padding cut off by somebody, so that the guest's own bytes follow at once.
        var bare = prefix.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        bare = (bare + 4) & ~3;
        byte[] cut = [.. prefix[..bare], .. original];
        Assert.Equal(original, cut[InitramfsPrefix.FindExisting(cut)..].AsSpan().TrimStart((byte)0).ToArray());
    }

    [Fact]
    public void Damaged_archives_are_not_taken_for_its_own()
    {
        byte[] extended = [.. InitramfsPrefix.Build(Modules, InitramfsGenerator.InitramfsTools, null), .. GuestArchive("gzip -1")];
        var random = new Random(5);
        for (var round = 0; round < 3000; round++)
        {
            var hostile = (byte[])extended.Clone();
            for (var count = random.Next(1, 4); count > 0; count--)
            {
                hostile[random.Next(random.Next(2) == 0 ? 400 : 7000)] = (byte)"0123456789ABCDEFfx-\0 "[random.Next(21)];
            }

            Assert.InRange(InitramfsPrefix.FindExisting(hostile.AsMemory(0, random.Next(hostile.Length))), 0, hostile.Length);
        }
    }

    [Theory]
    [InlineData("gzip -1", CompressionKind.Gzip)]
    [InlineData("zstd -3", CompressionKind.Zstd)]
    [InlineData("xz --check=crc32 -0", CompressionKind.Xz)]
    [InlineData("lz4 -l -1", CompressionKind.Lz4Legacy)]
    [InlineData("cat", CompressionKind.None)]
    public void Extended_initramfs_holds_both(string command, CompressionKind kind)
    {
        byte[] file = [.. InitramfsPrefix.Build(Modules, InitramfsGenerator.InitramfsTools, null), .. Microcode(), .. GuestArchive(command), .. new byte[300]];
        var archive = new InitramfsArchive(file);
        var seen = archive.ReadFiles().Select(entry => $"{entry.Segment} {entry.Path}").ToArray();
        Assert.Null(archive.Problem);
        Assert.Equal([CompressionKind.None, CompressionKind.None, kind], archive.Segments.Select(segment => segment.Kind));
        Assert.Equal([false, true, false], archive.Segments.Select(segment => segment.IsMicrocode));
        Assert.Contains("0 rehost/virtio_blk.ko", seen);
        Assert.Contains("0 conf/conf.d/zz-rehost", seen);
        Assert.Contains("2 lib", seen);
        Assert.Contains("2 conf/conf.d/resume", seen);
    }

    private static string HookOf(byte[] prefix)
    {
        var archive = new InitramfsArchive(prefix);
        foreach (var file in archive.ReadFiles())
        {
            if (file.Path == "conf/conf.d/zz-rehost")
            {
                return Encoding.ASCII.GetString(file.ReadAll(10_000));
            }
        }

        throw new InvalidOperationException("no hook");
    }

    private static byte[] Microcode()
    {
        using var stream = new MemoryStream();
        var writer = new CpioWriter(stream);
        writer.AddDirectory("kernel");
        writer.AddDirectory("kernel/x86");
        writer.AddDirectory("kernel/x86/microcode");
        writer.AddFile("kernel/x86/microcode/GenuineIntel.bin", new byte[2000]);
        writer.Finish();
        return stream.ToArray();
    }

    /// <summary>A main archive as cpio writes it, with /lib as the link that it is today.</summary>
    private static byte[] GuestArchive(string command)
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("sh", "-e", "-c", $"""
            cd '{scratch.Path}'; mkdir -p tree/usr/lib/modules tree/conf/conf.d; cd tree; ln -s usr/lib lib
            echo '#!/bin/sh' > init; echo RESUME=auto > conf/conf.d/resume; seq 30000 > usr/lib/modules/x.ko
            find . | LC_ALL=C sort | cpio --quiet -o -H newc --reproducible | {command} > ../main
            """);
        return File.ReadAllBytes(scratch["main"]);
    }
}
