namespace Rehost.Transfer.Undo;

/// <summary>What an undo journal is kept in: a file that only grows, or something that a test can break.</summary>
public interface IUndoMedium : IDisposable
{
    /// <summary>Name for messages.</summary>
    string Name { get; }

    /// <summary>Bytes.</summary>
    long Length { get; }

    /// <summary>Fills the whole buffer.</summary>
    void Read(long position, Span<byte> buffer);

    /// <summary>Writes behind the end.</summary>
    void Append(ReadOnlySpan<byte> data);

    /// <summary>Cuts the end off.</summary>
    void Truncate(long length);

    /// <summary>Makes what was written durable.</summary>
    void Flush();
}
