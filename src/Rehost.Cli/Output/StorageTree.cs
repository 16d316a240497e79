using Rehost.Model;
using Spectre.Console;

namespace Rehost.Cli.Output;

/// <summary>Draws how a guest's storage is put together: disks, partitions, arrays, volume groups, encrypted volumes, and what each holds.</summary>
internal static class StorageTree
{
    /// <summary>Wide enough that no line is broken: what a line says is for pipes too.</summary>
    private const int Width = 4000;

    public static void Print(TextWriter writer, GuestFacts facts)
    {
        var shown = new HashSet<string>(StringComparer.Ordinal);
        foreach (var disk in facts.Disks)
        {
            var tree = new Tree(Text($"disk {disk.DeviceName}: {TerminalText.Bytes(disk.LengthBytes)}, {(disk.Scheme == PartitionScheme.None ? "no partition table" : $"{disk.Scheme} {disk.TableId}")}"));
            foreach (var volume in facts.Volumes.Where(volume => volume.DiskId == disk.DiskId && volume.BuiltOn.IsEmpty && IsOnDisk(volume)))
            {
                var place = volume.PartitionNumber == 0 ? "" : $"{volume.DeviceName} at {TerminalText.Bytes(volume.Offset)}, {TerminalText.Bytes(volume.LengthBytes)}: ";
                Attach(tree.AddNode(Text(place + Content(volume))), volume, facts, shown);
            }

            Write(writer, tree);
        }
    }

    private static bool IsOnDisk(VolumeFacts volume) => volume.Kind is VolumeKind.Disk or VolumeKind.Partition;

    /// <summary>What is built on a volume is drawn below the first one that it is built on, once.</summary>
    private static void Attach(TreeNode node, VolumeFacts volume, GuestFacts facts, HashSet<string> shown)
    {
        var group = facts.VolumeGroups.FirstOrDefault(one => one.PhysicalVolumes.Contains(volume.DeviceName, StringComparer.Ordinal));
        if (group is not null)
        {
            if (!shown.Add("group " + group.Uuid))
            {
                node.AddNode(Text($"volume group {group.Name}, see above"));
                return;
            }

            var missing = group.MissingPhysicalVolumes.Length == 0 ? "" : $", lacks {string.Join(", ", group.MissingPhysicalVolumes)}";
            var others = group.PhysicalVolumes.Length < 2 ? "" : $" on {string.Join(", ", group.PhysicalVolumes)}";
            node = node.AddNode(Text($"volume group {group.Name}{others}: {TerminalText.Bytes(group.LengthBytes)}, {TerminalText.Bytes(group.FreeBytes)} free, UUID {group.Uuid}{missing}"));
        }

        foreach (var above in facts.Volumes.Where(above => above.BuiltOn.Contains(volume.DeviceName, StringComparer.Ordinal)))
        {
            if (!shown.Add(above.DeviceName))
            {
                if (group is null)
                {
                    node.AddNode(Text($"{above.DeviceName}, see above"));
                }

                continue;
            }

            Attach(node.AddNode(Text($"{Name(above)}: {TerminalText.Bytes(above.LengthBytes)}, {Content(above)}")), above, facts, shown);
        }
    }

    private static string Name(VolumeFacts volume) => volume.Layout is null ? volume.DeviceName : $"{volume.DeviceName} ({volume.Layout})";

    private static string Content(VolumeFacts volume)
    {
        var used = volume.UsedBytes > 0 ? $", {TerminalText.Bytes(volume.UsedBytes)} used" : "";
        var reason = volume.Content == VolumeContent.Other && volume.ReadOnlyReason is { } why ? $", not readable ({why})" : "";
        return $"{volume.Type ?? "unknown"}{used}{Optional(" label ", volume.Label)}{Optional(" UUID ", volume.Uuid)}{Optional(" on ", volume.MountPath)}{Optional(" subvolume ", volume.Subvolume)}{(volume.IsClean ? "" : ", not cleanly unmounted")}{reason}";
    }

    private static string Optional(string before, string? value) => value is null ? "" : before + value;

    private static Text Text(string text) => new(TerminalText.Clean(text));

    private static void Write(TextWriter writer, Tree tree)
    {
        using var buffer = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(buffer) });
        console.Profile.Width = Width;
        console.Profile.Capabilities.Unicode = true;
        console.Write(tree);
        foreach (var line in buffer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            writer.WriteLine("  " + line.TrimEnd());
        }
    }
}
