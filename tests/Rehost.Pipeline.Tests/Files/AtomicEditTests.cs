using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.FileSystems;
using Rehost.Model;
using Rehost.Pipeline.Files;
using Rehost.Pipeline.Sources;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Files;

/// <summary>Edits are made in overlays: whatever stops them in the middle, on every file system that is written, the disk is as it was, byte for byte.</summary>
public sealed class AtomicEditTests
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    public static TheoryData<string> FileSystems => ["ext2", "ext3", "ext4", "vfat", "xfs", "btrfs", "ntfs"];

    [Theory]
    [MemberData(nameof(FileSystems))]
    public void A_local_file_that_cannot_be_read_stops_the_edit_and_nothing_has_changed(string fileSystem)
    {
        using var scratch = new ScratchDirectory();
        var disk = FilesMatrixTests.MakeFileSystem(scratch, fileSystem, FilesMatrixTests.MakeFiles(scratch, fileSystem));
        var before = HashOf(disk);
        Directory.CreateDirectory(scratch["new"]);
        for (var i = 0; i < 20; i++)
        {
            File.WriteAllBytes(scratch[$"new/file{i:d2}"], new byte[10_000]);
        }

        Tool.MustRun("mkfifo", scratch["new/then-a-pipe"]);
        using (var guest = Open(disk))
        {
            var editing = new FileEditing(guest);
            Assert.Equal(1, editing.Remove("/big.bin", recursive: false, NoStop));
            Assert.Equal("BLK006", Assert.Throws<DiagnosticException>(() => editing.Put(scratch["new"], "/", (0, 0), NoStop)).Diagnostic.Id);

            // Half of it is in the overlay, where nobody will look for it.
            Assert.Equal(20, GuestListing.Walk(guest, "/new", 1, NoStop).Count(item => item.File.Name.StartsWith("file", StringComparison.Ordinal)));
        }

        Assert.Equal(before, HashOf(disk));
    }

    [Theory]
    [MemberData(nameof(FileSystems))]
    public void Edits_that_do_not_fit_are_refused_and_nothing_has_changed(string fileSystem)
    {
        using var scratch = new ScratchDirectory();
        var disk = FilesMatrixTests.MakeFileSystem(scratch, fileSystem, FilesMatrixTests.MakeFiles(scratch, fileSystem));
        var before = HashOf(disk);
        File.WriteAllText(scratch["hello.txt"], "changed\n");
        using (var huge = File.Create(scratch["huge"]))
        {
            var junk = new byte[1 << 20];
            new Random(5).NextBytes(junk);
            for (var written = 0L; written <= new FileInfo(disk).Length; written += junk.Length)
            {
                huge.Write(junk);
            }
        }

        using (var guest = Open(disk))
        {
            var editing = new FileEditing(guest);
            Assert.Equal(1, editing.Put(scratch["hello.txt"], "/hello.txt", (0, 0), NoStop));
            Assert.Equal("FIL004", Assert.Throws<DiagnosticException>(() => editing.Put(scratch["huge"], "/huge", (0, 0), NoStop)).Diagnostic.Id);
        }

        Assert.Equal(before, HashOf(disk));
        using var again = Open(disk);
        Assert.Equal("hello\n", again.Tree.ReadText("/hello.txt"));
        Assert.False(again.Tree.Exists("/huge"));
    }

    /// <summary>The host's disk gets full below the overlay, anywhere in the work: a finding, and the source is as it was.</summary>
    [Theory]
    [MemberData(nameof(FileSystems))]
    public void An_overlay_that_fails_anywhere_leaves_the_disk_as_it_was(string fileSystem)
    {
        using var scratch = new ScratchDirectory();
        var disk = FilesMatrixTests.MakeFileSystem(scratch, fileSystem, FilesMatrixTests.MakeFiles(scratch, fileSystem));
        var before = HashOf(disk);
        var failures = 0;
        for (var writes = 0; ; writes = writes < 8 ? writes + 1 : writes * 3 / 2)
        {
            using var below = FileDevice.OpenRead(disk);
            using var overlay = new OverlayDevice(below, OverlayStore.InMemory());
            using var failing = new FailingDevice(overlay, writes);
            try
            {
                using var opened = (KnownFileSystems.Identify(failing) ?? throw new InvalidOperationException("no file system")).Open(failing, new FileSystemOpenOptions());
                var tree = new GuestTree(opened);
                tree.WriteFile("/hello.txt", "changed\n"u8);
                for (var i = 0; i < 60; i++)
                {
                    tree.WriteFile($"/new-{i}", new byte[3000 + i]);
                }

                tree.DeleteFile("/big.bin");
                tree.Flush();
                break;
            }
            catch (DiagnosticException e)
            {
                Assert.Equal("BLK099", e.Diagnostic.Id);
                failures++;
            }
        }

        Assert.True(failures > 3, $"only {failures} writes failed");
        Assert.Equal(before, HashOf(disk));
    }

    private static GuestFiles Open(string disk) => GuestFiles.Open(new SourceRequest(disk), null, Path.GetTempPath(), null, NoStop);

    private static string HashOf(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }
}
