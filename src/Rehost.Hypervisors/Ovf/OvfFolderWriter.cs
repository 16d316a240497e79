using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;

namespace Rehost.Hypervisors.Ovf;

/// <summary>Writes a package as a folder: disks, manifest and, last of all, the descriptor, so that what has one is complete.</summary>
public sealed class OvfFolderWriter : IDisposable
{
    private readonly string _directory;
    private readonly VirtualMachine _machine;
    private readonly OvfWriterOptions _options;
    private readonly string _stem;
    private readonly List<CommittedFile> _files = [];
    private readonly List<(OvfWrittenDisk Disk, byte[] Digest)> _disks = [];
    private OvfDiskWriter? _open;

    /// <summary>Starts a package.</summary>
    /// <param name="directory">Where it goes; must exist.</param>
    /// <param name="machine">The machine; its disks are written in this order.</param>
    /// <param name="options">What the package should be like.</param>
    /// <exception cref="DiagnosticException">The machine has too many disks (OVF018).</exception>
    public OvfFolderWriter(string directory, VirtualMachine machine, OvfWriterOptions options)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(options);
        OvfPackageNames.Demand(machine, directory);
        (_directory, _machine, _options) = (directory, machine, options);
        _stem = OvfDescriptorWriter.FileStemOf(machine.Name);
    }

    /// <summary>The descriptor.</summary>
    public string DescriptorPath => Path.Combine(_directory, $"{_stem}.ovf");

    /// <summary>The files of the disks so far, as they will be called; each has <see cref="CommittedFile.PartialSuffix"/> behind its name until all are complete.</summary>
    public IReadOnlyList<string> DiskPaths => [.. _disks.Select(disk => Path.Combine(_directory, disk.Disk.FileName))];

    /// <summary>Starts the next disk. It is finished by its own <see cref="IImageWriter.Complete"/>.</summary>
    /// <param name="length">Its size.</param>
    /// <exception cref="DiagnosticException">A file is there already (BLK004), or the disk format is not known or not written (DSK001, DSK003).</exception>
    public IImageWriter BeginDisk(long length)
    {
        if (_open is { IsComplete: false } || _disks.Count == _machine.Disks.Length)
        {
            throw new InvalidOperationException("the disk before is not complete, or the machine has no more");
        }

        var name = OvfPackageNames.Disk(_stem, _disks.Count, _options);
        var file = CommittedFile.Create(Path.Combine(_directory, name));
        _files.Add(file);
        var member = new OvfMemberFile(file, 0, file.Path, () => FileDevice.OpenReferenced(file.Path + CommittedFile.PartialSuffix));
        return _open = OvfDiskWriter.Start(member, _machine, _disks.Count, length, _options, done => _disks.Add((new OvfWrittenDisk(name, length, done.Length), done.Digest())));
    }

    /// <summary>Writes manifest and descriptor and gives every file its name.</summary>
    /// <exception cref="DiagnosticException">A file cannot be written or is there already (BLK004).</exception>
    public void Complete(CancellationToken cancellationToken = default)
    {
        if (_disks.Count != _machine.Disks.Length)
        {
            throw new InvalidOperationException("disks are missing");
        }

        cancellationToken.ThrowIfCancellationRequested();
        var descriptor = OvfDescriptorWriter.Write(_machine, [.. _disks.Select(disk => disk.Disk)], _options);
        AddFile($"{_stem}.mf", OvfPackageNames.Manifest([($"{_stem}.ovf", SHA256.HashData(descriptor)), .. _disks.Select(disk => (disk.Disk.FileName, disk.Digest))]));
        AddFile($"{_stem}.ovf", descriptor);
        _files.ForEach(file => file.Commit());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _open?.Dispose();
        _files.ForEach(file => file.Dispose());
    }

    private void AddFile(string name, ReadOnlySpan<byte> content)
    {
        var file = CommittedFile.Create(Path.Combine(_directory, name));
        _files.Add(file);
        file.Write(FileOffset.Zero, content);
    }
}
