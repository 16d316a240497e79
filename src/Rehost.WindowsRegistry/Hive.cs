using Rehost.Model;

namespace Rehost.WindowsRegistry;

/// <summary>
/// A registry hive in memory. Opening one completes it from its logs, as Windows does. <see cref="ToArray"/> gives the file's new content, which is clean: Windows then ignores its logs.
/// </summary>
public sealed class Hive
{
    private const int OldestVersion = 3;
    private const int NewestVersion = 6;
    private readonly byte[] _base;
    private readonly byte[] _rest;
    private readonly long? _timestamp;
    private bool _isBroken;
    private bool _isEditing;

    private Hive(byte[] content, DateTimeOffset? timestamp)
    {
        var size = BaseBlock.BinsSize(content);
        if (size > content.Length - BaseBlock.Size)
        {
            throw HiveDiagnostics.Truncated.ToException($"{size} bytes of bins are needed, {content.Length - BaseBlock.Size} are there");
        }

        _base = content[..BaseBlock.Size];
        _rest = content[(BaseBlock.Size + (int)size)..];
        _timestamp = timestamp is { } time && time.Year >= 1601 ? time.UtcDateTime.ToFileTimeUtc() : null;
        Heap = new CellHeap(content[BaseBlock.Size..(BaseBlock.Size + (int)size)]);
        Index = new SubkeyIndex(Heap, MinorVersion);
        Data = new ValueData(Heap, MinorVersion);
        Security = new SecurityCells(Heap);
        Root = new RegistryKey(this, unchecked((int)BaseBlock.RootCell(_base)));
    }

    /// <summary>The root key, which stands for the place where the hive is loaded.</summary>
    public RegistryKey Root { get; }

    /// <summary>The second part of the version, 1.3 to 1.6.</summary>
    public int MinorVersion => (int)BaseBlock.MinorVersion(_base);

    /// <summary>What was taken from logs; null when the hive was complete.</summary>
    public HiveRecovery? Recovery { get; private init; }

    /// <summary>Whether the content is no longer what was opened.</summary>
    public bool IsChanged { get; private set; }

    internal CellHeap Heap { get; }

    internal SubkeyIndex Index { get; }

    internal ValueData Data { get; }

    internal SecurityCells Security { get; }

    internal long Now => _timestamp ?? BaseBlock.Time(_base);

    /// <summary>Whether a file is a hive, by its first bytes.</summary>
    public static bool Identify(ReadOnlySpan<byte> start) => BaseBlock.IsHive(start);

    /// <summary>Opens a hive.</summary>
    /// <exception cref="DiagnosticException">It is damaged (REG001 to REG004), or was not written completely and no log completes it (REG005).</exception>
    public static Hive Open(byte[] content, HiveOpenOptions options)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(options);
        if (content.Length < BaseBlock.Size || !BaseBlock.IsHive(content))
        {
            throw HiveDiagnostics.NotAHive.ToException($"{content.Length} bytes that begin with {Convert.ToHexStringLower(content.AsSpan(0, Math.Min(8, content.Length)))}");
        }

        HiveRecovery? recovery = null;
        var wasDirty = HiveLog.IsDirty(content);
        if (wasDirty)
        {
            if (HiveLog.Replay(content, options.Logs) is { } replayed)
            {
                (content, recovery) = replayed;
            }
            else if (!options.AcceptPendingChanges)
            {
                throw HiveDiagnostics.PendingChanges.ToException(
                    $"its sequence numbers are {BaseBlock.PrimarySequence(content)} and {BaseBlock.SecondarySequence(content)}, its checksum is {(BaseBlock.HasSoundChecksum(content) ? "right" : "wrong")}; none of {options.Logs.Count} logs applies");
            }
        }

        if (BaseBlock.MajorVersion(content) != 1 || BaseBlock.MinorVersion(content) is < OldestVersion or > NewestVersion || BaseBlock.FileType(content) != BaseBlock.PrimaryFile)
        {
            throw HiveDiagnostics.NotAHive.ToException($"version {BaseBlock.MajorVersion(content)}.{BaseBlock.MinorVersion(content)}, file type {BaseBlock.FileType(content)}");
        }

        return new Hive(content, options.Timestamp) { Recovery = recovery, IsChanged = wasDirty };
    }

    /// <summary>A new hive with a root key and nothing else.</summary>
    /// <param name="rootName">The root's name.</param>
    /// <param name="securityDescriptor">The root's self-relative security descriptor, which keys below it share.</param>
    /// <param name="timestamp">The time of everything in it.</param>
    /// <param name="minorVersion">3 for Windows 2000 and boot configuration stores, 5 for others.</param>
    public static Hive Create(string rootName, byte[] securityDescriptor, DateTimeOffset timestamp, int minorVersion = 5)
    {
        KeyName.DemandKey(rootName);
        ArgumentNullException.ThrowIfNull(securityDescriptor);
        ArgumentOutOfRangeException.ThrowIfLessThan(minorVersion, OldestVersion);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minorVersion, NewestVersion);
        var heap = new CellHeap([]);
        var time = timestamp.UtcDateTime.ToFileTimeUtc();
        var root = KeyNode.Make(heap, rootName, CellHeap.None, KeyNode.RootFlag | KeyNode.NoDeleteFlag, time);
        root.Security = new SecurityCells(heap).Obtain(CellHeap.None, securityDescriptor);
        var block = BaseBlock.Make(minorVersion, root.Offset);
        BaseBlock.Finish(block, 1, heap.Length, time);
        return new Hive([.. block, .. heap.Data], timestamp) { IsChanged = true };
    }

    /// <summary>The file's content: what was opened when nothing was changed; else a complete hive with the next sequence number.</summary>
    public byte[] ToArray()
    {
        DemandWhole();
        var extra = Math.Max(0, _rest.Length - (Heap.Length - (int)BaseBlock.BinsSize(_base)));
        var content = new byte[BaseBlock.Size + Heap.Length + extra];
        _base.CopyTo(content, 0);
        Heap.Data.CopyTo(content.AsSpan(BaseBlock.Size));
        _rest.AsSpan(_rest.Length - extra).CopyTo(content.AsSpan(BaseBlock.Size + Heap.Length));
        if (IsChanged)
        {
            const int binTime = BaseBlock.Size + 20;
            var sequence = unchecked(Math.Max(BaseBlock.PrimarySequence(_base), BaseBlock.SecondarySequence(_base)) + 1);
            BaseBlock.Finish(content, sequence, Heap.Length, Now);
            BitConverter.TryWriteBytes(content.AsSpan(binTime), Now); // the first bin repeats when the hive was written
        }

        return content;
    }

    /// <summary>Walks everything: findings where the hive is not as Windows keeps it; empty when it is.</summary>
    public IReadOnlyList<Diagnostic> Check() => new HiveCheck(this).Run();

    /// <summary>Carries out a change. One that fails half-way leaves a hive that cannot be used any more.</summary>
    internal RegistryKey Edit(Func<RegistryKey> change)
    {
        DemandWhole();
        if (_isEditing)
        {
            return change();
        }

        (_isEditing, _isBroken) = (true, true);
        try
        {
            var key = change();
            (_isBroken, IsChanged) = (false, true);
            return key;
        }
        finally
        {
            _isEditing = false;
        }
    }

    private void DemandWhole()
    {
        if (_isBroken && !_isEditing)
        {
            throw HiveDiagnostics.BadCell.ToException("a change failed half-way before; open the hive again");
        }
    }
}
