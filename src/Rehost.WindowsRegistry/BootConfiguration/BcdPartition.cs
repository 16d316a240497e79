namespace Rehost.WindowsRegistry.BootConfiguration;

/// <summary>Which partition a boot entry means: by ids on GPT, by the disk's signature and the partition's first byte on MBR.</summary>
public abstract record BcdPartition
{
    private BcdPartition()
    {
    }

    /// <summary>A partition of a GPT disk.</summary>
    /// <param name="PartitionId">The partition's unique id.</param>
    /// <param name="DiskId">The disk's id.</param>
    public sealed record Gpt(Guid PartitionId, Guid DiskId) : BcdPartition
    {
        /// <inheritdoc/>
        public override string ToString() => $"partition {PartitionId:b} of GPT disk {DiskId:b}";
    }

    /// <summary>A partition of an MBR disk.</summary>
    /// <param name="Offset">Its first byte.</param>
    /// <param name="DiskSignature">The four bytes at 440 of the disk's first sector.</param>
    public sealed record Mbr(ulong Offset, uint DiskSignature) : BcdPartition
    {
        /// <inheritdoc/>
        public override string ToString() => $"partition at byte {Offset} of MBR disk {DiskSignature:x8}";
    }
}
