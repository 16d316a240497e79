namespace Rehost.DiskFormats.Xva;

/// <summary>Takes what an export holds while it arrives.</summary>
public interface IXvaReceiver
{
    /// <summary>The description of the machine, which comes first.</summary>
    void Describe(ReadOnlyMemory<byte> ovaXml);

    /// <summary>Content of a disk, verified; in order, and what is passed over is zero. What does not fit the disk is the receiver's to refuse.</summary>
    /// <param name="disk">The disk's reference: Ref:4.</param>
    /// <param name="position">Its place on the disk.</param>
    /// <param name="data">The content, gone when the call returns.</param>
    void Receive(string disk, long position, ReadOnlySpan<byte> data);
}
