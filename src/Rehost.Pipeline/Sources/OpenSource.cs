using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Pipeline.Sources;

/// <summary>A source opened for reading: the machine and its disks, in the machine's order.</summary>
/// <param name="Kind">xva, ovf, vmx, xen, disk.</param>
/// <param name="Machine">The machine.</param>
/// <param name="Disks">Its disks; never writable.</param>
/// <param name="Files">Files that were opened, with size and time of change, to notice that somebody writes to them.</param>
/// <param name="Findings">What the operator should know.</param>
public sealed record OpenSource(string Kind, VirtualMachine Machine, ImmutableArray<IBlockDevice> Disks, ImmutableArray<SourceFile> Files, ImmutableArray<Diagnostic> Findings) : IDisposable
{
    private readonly IDisposable? _container;
    private readonly Action? _finalCheck;
    private readonly IDisposable? _scratchFile;

    /// <summary>What holds all the disks and is closed after them.</summary>
    internal IDisposable? Container
    {
        init => _container = value;
    }

    /// <summary>What is removed when everything else is closed.</summary>
    internal IDisposable? ScratchFile
    {
        init => _scratchFile = value;
    }

    /// <summary>What must be true before anything that was read is kept: checksums that are compared meanwhile.</summary>
    internal Action? FinalCheck
    {
        init => _finalCheck = value;
    }

    /// <summary>What could not be read so far, disk by disk; empty where reading stops at errors.</summary>
    internal ImmutableArray<IReadOnlyList<ByteRange>> BadRanges => [.. Disks.Select(disk => disk is BadSectorDevice device ? device.BadRanges : [])];

    /// <summary>Throws when a file of the source changed since it was opened (PIP007), or is not what its checksums say.</summary>
    public void EnsureUnchanged()
    {
        foreach (var file in Files)
        {
            file.EnsureUnchanged();
        }

        _finalCheck?.Invoke();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var disk in Disks)
        {
            disk.Dispose();
        }

        _container?.Dispose();
        _scratchFile?.Dispose();
    }
}

/// <summary>A file of the source as it was when opened.</summary>
/// <param name="Path">Path.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Modified">Time of last change.</param>
/// <param name="Number">Its inode: another file of the same name, size and time has another.</param>
public sealed record SourceFile(string Path, long Length, DateTimeOffset Modified, ulong Number = 0)
{
    /// <summary>Looks at a file.</summary>
    public static SourceFile Of(string path)
    {
        var info = new FileInfo(path);
        return new SourceFile(info.FullName, info.Exists ? info.Length : 0, info.LastWriteTimeUtc, FileDevice.NumberOf(info.FullName));
    }

    /// <summary>Throws when the file is not as it was (PIP007).</summary>
    public void EnsureUnchanged()
    {
        var now = Of(Path);
        if (now != this)
        {
            var what = now.Length == Length && now.Modified == Modified ? $"another file has its name now (inode {Number}, now {now.Number})"
                : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"it had {Length} bytes changed at {Modified:O}, now {now.Length} bytes changed at {now.Modified:O}");
            throw PipelineDiagnostics.SourceChanged.ToException(what, Path);
        }
    }
}
