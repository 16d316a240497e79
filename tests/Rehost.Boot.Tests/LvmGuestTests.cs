using System.Globalization;
using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.Testing;
using Rehost.Volumes.Stack;

namespace Rehost.Boot.Tests;

/// <summary>
/// Volumes that the real lvm2 and mdadm made on a real kernel, in a guest under QEMU (build/fixtures/lvm): our code must read what the kernel hashed there, and what our code
/// writes the kernel must find again, with every snapshot as it was.
/// </summary>
public sealed class LvmGuestTests
{
    private static readonly string Maker = Path.Combine(Guests.Root, "build/fixtures/lvm/lvm-guest.sh");

    [Fact]
    public void The_kernel_agrees_with_what_is_read_and_written_through_every_kind_of_volume()
    {
        Tool.MustRun(Maker, "make");
        using var scratch = new ScratchDirectory();
        var images = Enumerable.Range(0, 9).Select(index => scratch[$"disk{index}.img"]).ToList();
        foreach (var image in images)
        {
            Tool.MustRun("cp", "--sparse=always", Path.Combine(Guests.Root, "artifacts/fixtures/lvm", Path.GetFileName(image)), image);
        }

        var manifest = File.ReadLines(Path.Combine(Guests.Root, "artifacts/fixtures/lvm/manifest")).Select(line => line.Split(' ')).ToDictionary(fields => fields[0], fields => (Length: long.Parse(fields[1], CultureInfo.InvariantCulture), Hash: fields[2]));
        Assert.Equal(26, manifest.Count);
        var expected = new Dictionary<string, string>(StringComparer.Ordinal);
        var devices = images.Select(FileDevice.OpenReadWrite).ToList();
        try
        {
            var stack = VolumeStack.Assemble([.. devices.Select((device, index) => new StackDisk("sd" + (char)('a' + index), device))], null);
            var contents = new Dictionary<string, byte[]>(StringComparer.Ordinal);
            foreach (var (name, known) in manifest)
            {
                var node = Find(stack, name);
                if (name == "vg/cached")
                {
                    Assert.Equal("VOL001", node.Problem?.Id);
                    continue;
                }

                Assert.Null(node.Problem);
                Assert.True(node.Device.CanWrite, name);
                Assert.Equal(known.Length, node.Device.Length);
                var content = contents[name] = new byte[known.Length];
                node.Device.Read(GuestOffset.Zero, content);
                Assert.True(Hash(content) == known.Hash, $"{name} does not read as the kernel read it");
            }

            // Small and large writes everywhere but in the snapshots, some of them over several chunks, stripes and blocks that are shared or were never written; then in
            // one snapshot of each kind.
            var random = new Random(7);
            foreach (var (name, content) in contents.Where(one => one.Key is not ("vg/before" or "vg/thinsnap")))
            {
                var device = Find(stack, name).Device;
                for (var i = 0; i < (name == "vg/later" ? 5 : 40); i++)
                {
                    var data = new byte[i % 8 == 0 ? random.Next(1, 200_000) : random.Next(1, 5000)];
                    random.NextBytes(data);
                    var offset = random.Next(content.Length - data.Length);
                    if (i % 10 == 9)
                    {
                        Array.Clear(data);
                        device.WriteZeros(new GuestOffset(offset), data.Length);
                    }
                    else
                    {
                        device.Write(new GuestOffset(offset), data);
                    }

                    data.CopyTo(content, offset);
                }

                device.Flush();
            }

            foreach (var (name, content) in contents)
            {
                expected[name] = Hash(content);
            }
        }
        finally
        {
            devices.ForEach(device => device.Dispose());
        }

        expected["vg/cached"] = manifest["vg/cached"].Hash;
        var report = Tool.MustRun(Maker, "check", scratch.Path).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.DoesNotContain(report, line => line.StartsWith("BAD", StringComparison.Ordinal));
        Assert.Equal(expected.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => $"{one.Key} {one.Value}"),
            report.Select(line => line.Split(' ')).Select(fields => $"{fields[0]} {fields[^1]}").Order(StringComparer.Ordinal));
    }

    private static VolumeNode Find(VolumeStack stack, string name)
        => stack.Nodes.Single(node => node.LogicalName is { } logical ? $"{logical.Group}/{logical.Volume}" == name : node.Kind == Rehost.Model.VolumeKind.MdArray && $"md/{node.Name[2..]}" == name);

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));
}
