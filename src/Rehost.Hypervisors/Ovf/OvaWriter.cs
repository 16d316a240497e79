using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.DiskFormats.Tar;
using Rehost.Model;

namespace Rehost.Hypervisors.Ovf;

/// <summary>
/// Writes an OVA in one pass: descriptor, disks, manifest. DSP0243 (1.1, section 5.4) allows the manifest behind the files, and only there can it be
/// written without reading the disks twice. The descriptor comes first, therefore room for it is kept: its sizes are known last, what is left over is
/// blank lines after the document.
/// </summary>
public sealed class OvaWriter : IDisposable
{
    private readonly IImageFile _file;
    private readonly Func<IBlockDevice>? _reopen;
    private readonly VirtualMachine _machine;
    private readonly OvfWriterOptions _options;
    private readonly string _stem;
    private readonly TarImageWriter _tar;
    private readonly long _descriptorRoom;
    private readonly List<(OvfWrittenDisk Disk, byte[] Digest)> _disks = [];
    private OvfDiskWriter? _open;

    /// <summary>Starts an archive.</summary>
    /// <param name="file">Where it goes; the caller commits and disposes it.</param>
    /// <param name="machine">The machine; its disks are written in this order.</param>
    /// <param name="options">What the package should be like.</param>
    /// <param name="reopen">Opens the file for reading while it is written, for disk formats whose writers go back; null when there are none.</param>
    /// <exception cref="DiagnosticException">The machine has too many disks, or the format has no name in OVF (OVF018).</exception>
    public OvaWriter(IImageFile file, VirtualMachine machine, OvfWriterOptions options, Func<IBlockDevice>? reopen = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(options);
        OvfPackageNames.Demand(machine, file.Name);
        (_file, _machine, _options, _reopen) = (file, machine, options, reopen);
        _stem = OvfDescriptorWriter.FileStemOf(machine.Name);
        _tar = new TarImageWriter(file);
        _descriptorRoom = OvfDescriptorWriter.Write(machine, [.. machine.Disks.Select((_, index) => new OvfWrittenDisk(DiskName(index), long.MaxValue, long.MaxValue))], options).Length;
        _tar.Reserve(_descriptorRoom);
    }

    /// <summary>Starts the next disk. It is finished by its own <see cref="IImageWriter.Complete"/>.</summary>
    /// <param name="length">Its size.</param>
    /// <exception cref="DiagnosticException">The disk format is not known or not written (DSK001, DSK003).</exception>
    public IImageWriter BeginDisk(long length)
    {
        if (_open is { IsComplete: false } || _disks.Count == _machine.Disks.Length)
        {
            throw new InvalidOperationException("the disk before is not complete, or the machine has no more");
        }

        var name = DiskName(_disks.Count);
        var member = new OvfMemberFile(_file, _tar.BeginMember(), $"{_file.Name}/{name}", _reopen);
        return _open = OvfDiskWriter.Start(member, _machine, _disks.Count, length, _options, done =>
        {
            _tar.EndMember(name, done.Length);
            _disks.Add((new OvfWrittenDisk(name, length, done.Length), done.Digest()));
        });
    }

    /// <summary>Writes descriptor and manifest and makes everything durable.</summary>
    public void Complete(CancellationToken cancellationToken = default)
    {
        if (_disks.Count != _machine.Disks.Length)
        {
            throw new InvalidOperationException("disks are missing");
        }

        cancellationToken.ThrowIfCancellationRequested();
        var descriptor = new byte[_descriptorRoom];
        descriptor.AsSpan().Fill((byte)'\n');
        OvfDescriptorWriter.Write(_machine, [.. _disks.Select(disk => disk.Disk)], _options).CopyTo(descriptor, 0);
        _tar.WriteReserved($"{_stem}.ovf", descriptor);
        var manifest = OvfPackageNames.Manifest([($"{_stem}.ovf", SHA256.HashData(descriptor)), .. _disks.Select(disk => (disk.Disk.FileName, disk.Digest))]);
        _tar.Write($"{_stem}.mf", manifest);
        _tar.Complete();
        _file.Flush();
    }

    /// <inheritdoc/>
    public void Dispose() => _open?.Dispose();

    private string DiskName(int index) => OvfPackageNames.Disk(_stem, index, _options);
}
