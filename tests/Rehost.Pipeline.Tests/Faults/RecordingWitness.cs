using Rehost.Blocks;

namespace Rehost.Pipeline.Tests.Faults;

/// <summary>Notes everything that a run does to its files, so that what a kill or a power cut leaves can be made of it for any moment; or makes the disk full at some write.</summary>
internal sealed class RecordingWitness : IWriteWitness
{
    private readonly Lock _gate = new();
    private long _left = long.MaxValue;

    public List<FileOperation> Operations { get; } = [];

    /// <summary>Bytes that still fit.</summary>
    public long RoomBytes
    {
        get => _left;
        init => _left = value;
    }

    public void Writing(string path, long offset, ReadOnlySpan<byte> data)
    {
        lock (_gate)
        {
            if (data.Length > _left)
            {
                throw new IOException("No space left on device");
            }

            _left -= data.Length;
            Operations.Add(new FileOperation(FileOperationKind.Write, path, offset, data.ToArray(), null));
        }
    }

    public void SettingLength(string path, long length) => Add(new FileOperation(FileOperationKind.SetLength, path, length, [], null));

    public void Flushing(string path) => Add(new FileOperation(FileOperationKind.Flush, path, 0, [], null));

    public void Renaming(string from, string to) => Add(new FileOperation(FileOperationKind.Rename, from, 0, [], to));

    public void Removing(string path) => Add(new FileOperation(FileOperationKind.Remove, path, 0, [], null));

    private void Add(FileOperation operation)
    {
        lock (_gate)
        {
            Operations.Add(operation);
        }
    }
}

internal enum FileOperationKind
{
    Write,
    SetLength,
    Flush,
    Rename,
    Remove,
}

internal sealed record FileOperation(FileOperationKind Kind, string Path, long Offset, byte[] Data, string? To);
