namespace Rehost.DiskFormats.Xva;

/// <summary>What a new XVA should be like.</summary>
public sealed record XvaWriterOptions
{
    /// <summary>None, or Zstd, which XenServer 8 and XCP-ng 8.1 and later import.</summary>
    public ImageCompression Compression { get; init; }

    /// <summary>Whether chunks carry SHA-1 as hosts before Citrix Hypervisor 8.1 write it, instead of XXH64. Every host since XenServer 4.1 imports SHA-1; XXH64 needs 8.1.</summary>
    public bool UseSha1 { get; init; }
}
