using System.IO.MemoryMappedFiles;

namespace Rehost.Fuzz.Engine;

/// <summary>The input that is being executed, in shared memory: it is still there when the stack overflowed, the memory ran out or the process was ended because of a hang.</summary>
internal sealed class CaptureFile : IDisposable
{
    private const int Capacity = 64 << 20;
    private const int Start = 8;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private byte[]? _bytes;
    private List<int> _pages = [];

    public CaptureFile(string path)
    {
        using (var file = new FileStream(path, FileMode.Create))
        {
            file.SetLength(Capacity);
        }

        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open);
        _view = _file.CreateViewAccessor();
    }

    /// <summary>Keeps what is about to be executed.</summary>
    public void Put(ImageBuffer buffer)
    {
        var bytes = buffer.Bytes;
        if (bytes.Length > Capacity - Start)
        {
            return;
        }

        if (ReferenceEquals(bytes, _bytes) && buffer.IsLarge)
        {
            foreach (var page in _pages.Concat(buffer.DirtyPages))
            {
                var at = page * ImageBuffer.PageSize;
                _view.WriteArray(Start + at, bytes, at, Math.Min(ImageBuffer.PageSize, bytes.Length - at));
            }
        }
        else
        {
            _view.WriteArray(Start, bytes, 0, bytes.Length);
        }

        (_bytes, _pages) = (bytes, [.. buffer.DirtyPages]);
        _view.Write(0, buffer.Length);
    }

    /// <summary>What edits of the execution changed must be written again.</summary>
    public void NoteEdits(ImageBuffer buffer) => _pages = [.. buffer.DirtyPages];

    /// <summary>What a process left behind.</summary>
    public static byte[] Read(string path)
    {
        using var file = File.OpenRead(path);
        using var reader = new BinaryReader(file);
        var length = reader.ReadInt32();
        file.Position = Start;
        return reader.ReadBytes(Math.Clamp(length, 0, Capacity - Start));
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
