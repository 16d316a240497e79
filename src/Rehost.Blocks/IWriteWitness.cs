namespace Rehost.Blocks;

/// <summary>
/// Told of everything that is done to a file that is being written, before it is done. What it throws as an <see cref="IOException"/> is taken for the operating system's: tests make disks full,
/// broken and forgetful with it, and stop a run at any write.
/// </summary>
public interface IWriteWitness
{
    /// <summary>Bytes are about to be written.</summary>
    void Writing(string path, long offset, ReadOnlySpan<byte> data);

    /// <summary>A length is about to be set.</summary>
    void SettingLength(string path, long length);

    /// <summary>What was written is about to be made durable.</summary>
    void Flushing(string path);

    /// <summary>A file is about to get another name.</summary>
    void Renaming(string from, string to);

    /// <summary>A file is about to be removed.</summary>
    void Removing(string path);
}
