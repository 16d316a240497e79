using Rehost.Blocks;
using Rehost.Inspection.Linux;
using Rehost.Inspection.Storage;
using Rehost.Inspection.Windows;
using Rehost.Model;
using Rehost.Volumes.Luks;

namespace Rehost.Inspection;

/// <summary>Reads a guest from its disks alone: nothing of it is run, mounted or changed, journals of file systems that were in use apart, which are replayed on the overlays given.</summary>
public static class GuestInspector
{
    /// <summary>Opens and reads a guest.</summary>
    /// <param name="machine">The machine as its source describes it.</param>
    /// <param name="disks">Its disks in the machine's order: overlays, so that a journal can be replayed. They belong to the caller.</param>
    /// <param name="readGlobs">Paths and patterns of the files whose content planning needs.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DiagnosticException">No root can be read (INS001 to INS003), or a disk or file system is damaged.</exception>
    public static InspectedGuest Open(VirtualMachine machine, IReadOnlyList<IBlockDevice> disks, IReadOnlyList<string> readGlobs, CancellationToken cancellationToken = default)
        => Open(machine, disks, readGlobs, null, cancellationToken);

    /// <summary>Opens and reads a guest, encrypted volumes included.</summary>
    /// <param name="machine">The machine as its source describes it.</param>
    /// <param name="disks">Its disks in the machine's order: overlays, so that a journal can be replayed. They belong to the caller.</param>
    /// <param name="readGlobs">Paths and patterns of the files whose content planning needs.</param>
    /// <param name="keys">Keys of encrypted volumes; null for none. They are needed until this returns.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DiagnosticException">No root can be read (INS001 to INS003), or a disk or file system is damaged.</exception>
    public static InspectedGuest Open(VirtualMachine machine, IReadOnlyList<IBlockDevice> disks, IReadOnlyList<string> readGlobs, VolumeKeys? keys, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(readGlobs);
        var storage = GuestStorage.Open(machine, disks, keys);
        try
        {
            // Patterns of Windows steps begin with %SystemRoot% or HKLM; all others are paths of a Linux guest.
            var forWindows = readGlobs.Where(pattern => !pattern.StartsWith('/')).ToList();
            var facts = WindowsRoots.SystemRoot(storage.Tree) is { } systemRoot
                ? new WindowsInspector(machine, storage, systemRoot, cancellationToken).Inspect(forWindows)
                : LinuxInspector.Inspect(machine, storage, [.. readGlobs.Except(forWindows)], cancellationToken);
            return new InspectedGuest(facts, storage);
        }
        catch
        {
            storage.Dispose();
            throw;
        }
    }
}
