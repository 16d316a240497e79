using Rehost.Blocks;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.FileSystems.Xfs;
using Rehost.FileSystems.Xfs.Recovery;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Xfs;

/// <summary>
/// File systems caught at any moment under load. The image lies on another XFS, and a reflink of it is what the power failing at that moment would leave: transactions cut
/// anywhere, intents without their done items, blocks set aside for copies, records in the middle of being written, a log that went round many times.
/// REHOST_FUZZ_ROUNDS sets how many moments of each file system are looked at.
/// </summary>
public sealed class XfsCrashTests
{
    private const int Moments = 4;

    /// <summary>Writers that keep all of the deferred work busy until the file "stop" appears: maps of many pieces freed, blocks shared and copied, ranges moved, files removed while they are open.</summary>
    private const string Load = """
        pieces() { for i in $(seq 0 2 $2); do echo "pwrite -q -b 4096 $((i * 4096)) 4096"; done | xfs_io -f "$1"; }
        many() { for n in $(seq 100000); do [ -e stop ] && break; pieces many$((n % 4)) 600; sync many$((n % 4)); rm -f many$(((n + 2) % 4)); done; }
        share() { for n in $(seq 100000); do
            [ -e stop ] && break; f=shared.$((n % 3)); pieces shared 300; cp --reflink=auto shared $f; xfs_io -c 'reflink shared 0 409600 819200' -c 'reflink shared 8192 0 1228800' $f
            for k in 1 2 3 4 5 6 7 8; do xfs_io -c "pwrite -q $((k * 57344)) 20000" -c fsync $f; done
            xfs_io -c 'fpunch 40960 500000' -c 'fcollapse 4096 40960' -c 'finsert 8192 40960' -c 'fzero 600000 100000' -c 'falloc 3000000 500000' $f; [ $((n % 5)) = 0 ] && rm -f shared.*
        done; }
        names() { for n in $(seq 100000); do
            [ -e stop ] && break; d=directory$((n % 3)); mkdir -p $d; ( cd $d; seq -f "a-name-that-is-somewhat-long-$n-%g" 150 | xargs touch; ls | head -n 60 | xargs rm -f
            for f in $(ls | head -n 6); do mv $f moved-$f; setfattr -n user.x -v "$(seq -s, 400)" moved-$f; ln -f moved-$f ../hard-$((n % 7)); done; ln -sf $(printf '%*s' 900 | tr ' ' t) link )
            [ $((n % 9)) = 0 ] && rm -rf directory1
        done; }
        flush() { while [ ! -e stop ]; do sync -f .; done; }
        orphans() { while [ ! -e stop ]; do
            exec 7<> orphan; xfs_io -c 'pwrite -q 0 300000' -c fsync orphan; rm -f orphan; cp --reflink=auto shared copied; exec 8<> copied; for k in 1 2 3; do xfs_io -c "pwrite -q $((k * 81920)) 9000" copied; done; rm copied
        done; }
        { many & share & names & flush & orphans & } > /dev/null 2>&1
        """;

    [Theory]
    [InlineData("-m rmapbt=1 -l size=3075b")]
    [InlineData("-m rmapbt=1 -b size=1024 -l size=20m,su=256k")]
    [InlineData("-m crc=1,finobt=0,rmapbt=0,reflink=0,bigtime=0,inobtcount=0 -i sparse=0 -l size=2000b,su=32k")]
    public void What_the_power_failing_leaves_is_replayed_as_the_kernel_does(string mkfs)
    {
        using var scratch = new ScratchDirectory();
        var moments = Catch(scratch, mkfs, Fuzzing.Rounds(Moments));
        var (copy, pristine, mounted) = (scratch["copy"], scratch["pristine"], scratch["inner"]);
        for (var i = 0; i < moments.Length; i++)
        {
            Tool.MustRun("cp", "--sparse=always", moments[i], copy);
            Tool.MustRun("cp", "--sparse=always", moments[i], pristine);
            try
            {
                CompareRecoveries(moments[i], copy, mounted, scratch["list"]);
            }
            catch (Exception e) when (e is ConformanceFailure or DiagnosticException or InvalidOperationException or OverflowException or ArgumentException)
            {
                Keep(pristine);
                Assert.Fail($"{mkfs}, moment {i}: {e}");
            }
        }
    }

    /// <summary>Copies of a file system under load, each of one moment.</summary>
    private static string[] Catch(ScratchDirectory scratch, string mkfs, int count)
    {
        var (outer, inner) = (Directory.CreateDirectory(scratch["outer"]).FullName, Directory.CreateDirectory(scratch["inner"]).FullName);
        Tool.MustRun("bash", "-c", $"truncate -s 4G '{scratch["disk"]}'; mkfs.xfs -q '{scratch["disk"]}'");
        using var below = new Mounted(scratch["disk"], outer, "-o", "loop");
        Tool.MustRun("bash", "-c", $"yes stale-junk- 2>&1 | head -c 160M > '{outer}/image'; mkfs.xfs -q -f --unsupported {mkfs} '{outer}/image'");
        using (new Mounted(Path.Combine(outer, "image"), inner, "-o", "loop"))
        {
            Tool.MustRun("bash", "-c", $"cd '{inner}'\n{Load}\nsleep 2; for i in $(seq {count}); do sleep 0.3; cp --reflink=always ../outer/image ../outer/$i; done; touch stop; wait");
        }

        return [.. Enumerable.Range(1, count).Select(i =>
        {
            Tool.MustRun("cp", "--sparse=always", Path.Combine(outer, $"{i}"), scratch[$"{i}"]);
            return scratch[$"{i}"];
        })];
    }

    private static void CompareRecoveries(string image, string copy, string mounted, string list)
    {
        new Mounted(image, mounted, "-o", "loop").Dispose();
        using (new Mounted(image, mounted, "-o", "loop,ro,noatime"))
        using (var device = FileDevice.OpenReadWrite(copy))
        {
            TestContext.Current.SendDiagnosticMessage($"left to finish: {Describe(device)}");
            using var fileSystem = XfsProfile.Open(device);
            HostTree.Compare(new GuestTree(fileSystem), mounted, list);
            Assert.Empty(fileSystem.Check());
        }

        if (FindFault(copy, image) is { } fault)
        {
            throw new ConformanceFailure(fault);
        }

        foreach (var one in (string[])[copy, image])
        {
            using var writing = new Mounted(one, mounted, "-o", "loop");
            Tool.MustRun("bash", "-c", $"set -e; cd '{mounted}'; for i in $(seq 50); do echo $i > kernel-$i; done; rm -rf d* shared*");
        }

        if (FindFault(copy, image) is { } after)
        {
            throw new ConformanceFailure("after the kernel wrote: " + after);
        }
    }

    /// <summary>What xfs_repair finds, unless it finds the same in what the kernel recovered: attributes that were being set stay marked as incomplete.</summary>
    private static string? FindFault(string ours, string kernels) => XfsProfile.FindFault(ours) is { } fault && WithoutProgress(fault) != WithoutProgress(XfsProfile.FindFault(kernels) ?? "") ? fault : null;

    // Its threads take the groups in any order, and say which one they are at.
    private static string WithoutProgress(string said) => string.Join('\n', said.Split('\n').Where(line => !line.TrimStart().StartsWith("- agno = ", StringComparison.Ordinal)));

    private static string Describe(FileDevice device)
    {
        var volume = new XfsVolume(device, XfsSuperblock.Read(device));
        var replay = new LogReplay(new PageCache(device), volume.Superblock);
        replay.Run(new LogRecords(volume));
        return string.Join(' ', replay.Intents.GroupBy(intent => intent.Type).Select(group => $"0x{group.Key:x}*{group.Count()}"));
    }

    private static void Keep(string image)
    {
        if (Environment.GetEnvironmentVariable("REHOST_KEEP_FAILURES") is { Length: > 0 } directory)
        {
            Tool.MustRun("cp", "--sparse=always", image, directory);
        }
    }
}
