using Rehost.Blocks;
using Rehost.Pipeline.Files;
using Rehost.WindowsRegistry;

namespace Rehost.Pipeline.Registry;

/// <summary>An opened hive, and the guest that it is in, if it is in one.</summary>
public sealed class OpenHive : IDisposable
{
    private readonly HiveLocation _location;
    private readonly GuestFiles? _guest;
    private readonly string _path;

    private OpenHive(HiveLocation location, GuestFiles? guest, Hive hive, string path) => (_location, _guest, Hive, _path) = (location, guest, hive, path);

    /// <summary>What .reg files call the hive's root when nothing else is said.</summary>
    public string DefaultPrefix => _location.DefaultPrefix;

    /// <summary>How many entries of its logs completed it; null when it was complete.</summary>
    public int? LogEntries => Hive.Recovery?.Entries;

    internal Hive Hive { get; }

    /// <summary>Opens a hive.</summary>
    /// <param name="location">Which.</param>
    /// <param name="openGuest">Opens the source that a guest's hive is in.</param>
    /// <param name="acceptPending">Take a hive that was not written completely and that no log completes.</param>
    /// <exception cref="Model.DiagnosticException">It is not there or damaged.</exception>
    public static OpenHive Open(HiveLocation location, Func<string, GuestFiles> openGuest, bool acceptPending = false)
    {
        var options = new HiveOpenOptions { AcceptPendingChanges = acceptPending };
        ArgumentNullException.ThrowIfNull(location);
        ArgumentNullException.ThrowIfNull(openGuest);
        if (location.GuestPath is null)
        {
            return new OpenHive(location, null, location.OpenFile(options), location.Path);
        }

        var guest = openGuest(location.Path);
        try
        {
            var (hive, path) = location.Open(guest.Tree, options);
            return new OpenHive(location, guest, hive, path);
        }
        catch
        {
            guest.Dispose();
            throw;
        }
    }

    /// <summary>Writes the changed hive: a hive file as a new file or over itself, a guest's hive as a new image or into its raw disk.</summary>
    /// <param name="output">The new file or image; null to write in place.</param>
    /// <param name="format">The new image's format; null for what its extension says.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public void Write(string? output, string? format, IProgressSink progress, CancellationToken cancellationToken)
    {
        var content = Hive.ToArray();
        if (_guest is null)
        {
            WriteFile(output, content);
            return;
        }

        var target = output is null ? null : GuestFileTarget.Of(output, format);
        var editing = new FileEditing(_guest);
        _guest.Tree.WriteFile(_path, content);
        if (target is null)
        {
            editing.WriteInPlace();
        }
        else
        {
            editing.WriteImage(target, progress, cancellationToken);
        }
    }

    /// <summary>A file that is written over is replaced whole, so that a stop in the middle leaves the old one.</summary>
    private void WriteFile(string? output, byte[] content)
    {
        var fresh = output ?? _path + ".new";
        using (var file = CommittedFile.Create(fresh))
        {
            file.Write(FileOffset.Zero, content);
            file.Commit();
        }

        if (output is null)
        {
            File.SetUnixFileMode(fresh, File.GetUnixFileMode(_path));
            File.Move(fresh, _path, overwrite: true);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _guest?.Dispose();
}
