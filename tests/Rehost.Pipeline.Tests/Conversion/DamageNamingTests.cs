using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Pipeline.Files;
using Rehost.Testing;
using Rehost.Transfer;

namespace Rehost.Pipeline.Tests.Conversion;

/// <summary>A flipped bit anywhere in use is found, and named after the file it is in, on every kind of file system; what the field's own tools say of a block is the same.</summary>
public sealed partial class DamageNamingTests
{
    private const long PartitionStart = 1 << 20;
    private const int FlipsForEachDisk = 24;
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Fact]
    public void Flipped_bits_are_found_and_named_by_file()
    {
        using var scratch = new ScratchDirectory();
        var request = FreeSpaceTests.MakeMachine(scratch);
        var record = new Migration(new SilentProgress()).Convert(request, new TargetRequest("kvm") { OutputDirectory = scratch["out"], Options = new ConversionOptions { DiskFormat = "raw" } }, NoStop);
        string[] sources = [request.Path, .. request.MoreDisks.Select(disk => disk.Path)];
        var contents = Directory.GetFiles(scratch["tree/srv"]).ToDictionary(path => Path.GetFileName(path), File.ReadAllBytes);
        var clean = new Migration(new SilentProgress()).Verify(scratch["out"], null, [], NoStop);
        Assert.True(clean.IsProved, string.Join("\n", clean.Checks.Where(check => check.Outcome == CheckOutcome.Failed)));
        var files = Assert.Single(clean.Checks, check => check.Title == "files that the plan does not name are the same");
        Assert.Equal(CheckOutcome.Passed, files.Outcome);
        Assert.All((string[])["vda1", "vg-data", "vdb", "vdc", "vdd", "vde"], name => Assert.Contains(name, files.Detail, StringComparison.Ordinal));

        var random = new Random(8);
        var flips = new List<(WrittenDisk Disk, long At, byte[] Around)>();
        foreach (var (disk, path) in record.Disks.Zip(sources))
        {
            using var file = FileDevice.OpenRead(scratch[$"out/{disk.ManifestFile}"]);
            var manifest = BlockManifest.Load(file, disk.ManifestFile);
            var before = File.ReadAllBytes(path);
            foreach (var at in Places(random, manifest, before, contents))
            {
                flips.Add((disk, at, before[(int)at..(int)Math.Min(before.Length, at + 24)]));
                Flip(scratch[$"out/{disk.File}"], at, random.Next(8));
            }
        }

        var report = new Migration(new SilentProgress()).Verify(scratch["out"], null, [], NoStop);
        Assert.False(report.IsProved);
        var named = 0;
        foreach (var (disk, at, around) in flips)
        {
            var place = Assert.Single(report.Damage, place => place.Disk == disk.File && place.Offset <= at && at < place.Offset + place.Length);
            Assert.NotEmpty(place.Owners);

            // The source's own bytes say which file it is, whatever maps say: each file's content is its own.
            if (around.Length == 24 && contents.FirstOrDefault(pair => pair.Value.AsSpan().IndexOf(around) >= 0) is { Key: { } name })
            {
                Assert.True(place.Owners.Any(owner => owner.Contains($"/{name} (content", StringComparison.Ordinal)), $"{disk.DeviceName} at {at} is in {name}, named {string.Join(", ", place.Owners)}");
                Assert.Contains(report.Files, file => file.Path.EndsWith("/" + name, StringComparison.Ordinal) && file.What.Any(what => what.Contains("content", StringComparison.Ordinal) || what.Contains("cannot be read", StringComparison.Ordinal)));
                named++;
            }
        }

        Assert.True(named >= 25, $"{named} of {flips.Count} places are in files");
        AgreesWithDebugfs(scratch, request.Path, flips.Where(flip => flip.Disk == record.Disks[0]).Select(flip => flip.At), report);
        AgreesWithXfsDb(sources[1], record.Disks[1], flips.Where(flip => flip.Disk == record.Disks[1]).Select(flip => flip.At), report);
        AgreesWithNtfs(sources[3], record.Disks[3], flips.Where(flip => flip.Disk == record.Disks[3]).Select(flip => flip.At), report);

        // Without the source blocks are all that is known, and what lies in them is still named.
        var alone = new Migration(new SilentProgress()).Verify(scratch["out"], "none", [], NoStop);
        Assert.False(alone.IsProved);
        foreach (var (disk, at, _) in flips)
        {
            var place = Assert.Single(alone.Damage, place => place.Disk == disk.File && place.Offset <= at && at < place.Offset + place.Length);
            Assert.False(place.Owners.IsEmpty, $"{disk.DeviceName} at {at}: {place}");
        }
    }

    [Fact]
    public void Files_that_differ_are_printed_with_what_differs()
    {
        using var scratch = new ScratchDirectory();
        var request = FreeSpaceTests.MakeMachine(scratch, rootAlone: true);
        var record = new Migration(new SilentProgress()).Convert(request, new TargetRequest("kvm") { OutputDirectory = scratch["out"], Options = new ConversionOptions { DiskFormat = "raw" } }, NoStop);
        var disk = scratch["out/" + record.Disks[0].File];
        Tool.MustRun("dd", $"if={disk}", $"of={scratch["part"]}", "bs=1M", "skip=1", "count=48", "status=none");
        File.WriteAllText(scratch["new\nname"], "x");
        string[] edits =
        [
            "sif /srv/0001.bin mode 0100600", "sif /srv/0002.bin uid 17", "sif /srv/0003.bin mtime 20010203040506", "ea_set /srv/0004.bin user.note changed", "rm /srv/0005.bin",
            $"write \"{scratch["new\nname"]}\" /srv/added", "ln /srv/0006.bin /srv/linked", "sif /srv/0006.bin links_count 2",
        ];
        foreach (var edit in edits.Where(edit => !edit.StartsWith("write", StringComparison.Ordinal)))
        {
            Tool.MustRun("debugfs", "-w", "-R", edit, scratch["part"]);
        }

        Tool.MustRun("dd", $"if={scratch["part"]}", $"of={disk}", "bs=1M", "seek=1", "conv=notrunc", "status=none");
        var report = new Migration(new SilentProgress()).Verify(scratch["out"], null, [], NoStop);
        Assert.False(report.IsProved);
        var found = report.Files.ToDictionary(file => file.Path, file => file);
        Assert.Contains("mode 0644 → 0600", found["/srv/0001.bin"].What);
        Assert.Contains("owner 0:0 → 17:0", found["/srv/0002.bin"].What);
        Assert.Contains(found["/srv/0003.bin"].What, what => what.StartsWith("time ", StringComparison.Ordinal));
        Assert.Contains("attribute user.note added", found["/srv/0004.bin"].What);
        Assert.Equal(FileDifferenceKind.Removed, found["/srv/0005.bin"].Kind);
        Assert.Equal(FileDifferenceKind.Added, found["/srv/linked"].Kind);
        Assert.Contains("names 1 → 2", found["/srv/0006.bin"].What);
        Assert.DoesNotContain(found.Keys, path => path is "/etc/fstab" or "/srv/0007.bin");
    }

    /// <summary>Places in use, and for each disk some that lie in files for sure.</summary>
    private static IEnumerable<long> Places(Random random, BlockManifest manifest, byte[] before, Dictionary<string, byte[]> contents)
    {
        var free = RangeSet.Normalize(manifest.FreedRanges.Concat(manifest.ChangedRanges));
        var used = RangeSet.Subtract(new ByteRange(0, Math.Min(before.Length, manifest.Length)), free).ToList();
        var (found, total) = (new SortedSet<long>(), used.Sum(range => range.Length));
        bool IsUsed(long at) => used.Any(range => range.Offset <= at && at < range.End) && found.All(other => Math.Abs(other - at) >= 8192);
        foreach (var content in contents.OrderBy(pair => pair.Key, StringComparer.Ordinal).Where(pair => pair.Value.Length > 9000).Select(pair => pair.Value).Take(8))
        {
            var at = before.AsSpan().IndexOf(content.AsSpan(4096, 64));
            if (at >= 0 && IsUsed(at))
            {
                found.Add(at + random.Next(2048));
            }
        }

        for (var tries = 0; found.Count < FlipsForEachDisk && tries < 1000; tries++)
        {
            var number = random.NextInt64(total);
            foreach (var range in used)
            {
                if (number < range.Length)
                {
                    if (IsUsed(range.Offset + number))
                    {
                        found.Add(range.Offset + number);
                    }

                    break;
                }

                number -= range.Length;
            }
        }

        return found;
    }

    private static void AgreesWithDebugfs(ScratchDirectory scratch, string source, IEnumerable<long> places, VerificationReport report)
    {
        Tool.MustRun("dd", $"if={source}", $"of={scratch["ext"]}", "bs=1M", "skip=1", "count=48", "status=none");
        var blockSize = int.Parse(BlockSize().Match(Tool.MustRun("dumpe2fs", "-h", scratch["ext"])).Groups[1].Value, CultureInfo.InvariantCulture);
        foreach (var at in places.Where(at => at is >= PartitionStart and < 49 << 20))
        {
            var block = (at - PartitionStart) / blockSize;
            var answer = Tool.MustRun("debugfs", "-R", $"icheck {block}", scratch["ext"]).Split('\n')[1].Split('\t');
            var owners = Owners(report, "vda", at);
            if (!uint.TryParse(answer[1], CultureInfo.InvariantCulture, out var inode) || inode is 7 or 8)
            {
                Assert.DoesNotContain(owners, owner => owner.Contains("(content", StringComparison.Ordinal));
                continue;
            }

            var path = Tool.MustRun("debugfs", "-R", $"ncheck {inode}", scratch["ext"]).Split('\n')[1].Split('\t')[1];
            Assert.Contains(owners, owner => owner.StartsWith($"{path} (", StringComparison.Ordinal));
        }
    }

    private static void AgreesWithXfsDb(string source, WrittenDisk disk, IEnumerable<long> places, VerificationReport report)
    {
        var all = places.ToList();
        string[] commands = ["-r", "-c", "blockget -n", .. all.SelectMany(at => (string[])["-c", $"daddr {at / 512}", "-c", "blockuse -n"]), source];
        var answers = Tool.MustRun("xfs_db", commands).Split('\n').Where(line => line.StartsWith("block ", StringComparison.Ordinal)).ToList();
        Assert.Equal(all.Count, answers.Count);
        foreach (var (at, answer) in all.Zip(answers))
        {
            var owners = Owners(report, disk.DeviceName, at);
            if (XfsFile().Match(answer) is { Success: true } file)
            {
                Assert.Contains(owners, owner => owner.Contains($"/{file.Groups[1].Value} (content", StringComparison.Ordinal));
            }
            else
            {
                Assert.DoesNotContain(owners, owner => owner.Contains("(content", StringComparison.Ordinal));
            }
        }
    }

    private static void AgreesWithNtfs(string source, WrittenDisk disk, IEnumerable<long> places, VerificationReport report)
    {
        foreach (var at in places)
        {
            var cluster = at / 4096;
            var answer = Tool.Run("ntfscluster", "-q", "-f", "-c", $"{cluster}-{cluster}", source).Output;
            var owners = Owners(report, disk.DeviceName, at);
            if (NtfsFile().Match(answer) is { Success: true } file)
            {
                Assert.Contains(owners, owner => owner.StartsWith($"/{file.Groups[1].Value} (content", StringComparison.Ordinal));
            }
        }
    }

    private static ImmutableArray<string> Owners(VerificationReport report, string device, long at)
        => Assert.Single(report.Damage, place => place.Disk.EndsWith($"-{device}.img", StringComparison.Ordinal) && place.Offset <= at && at < place.Offset + place.Length).Owners;

    private static void Flip(string path, long at, int bit)
    {
        using var file = new FileStream(path, FileMode.Open);
        file.Position = at;
        var value = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(value ^ (1 << bit)));
    }

    [GeneratedRegex(@"Block size:\s+(\d+)")]
    private static partial Regex BlockSize();

    [GeneratedRegex(@"type data inode \d+ (\S+\.bin)")]
    private static partial Regex XfsFile();

    [GeneratedRegex(@"Inode \d+ /(\S+\.bin)/\$DATA")]
    private static partial Regex NtfsFile();
}
