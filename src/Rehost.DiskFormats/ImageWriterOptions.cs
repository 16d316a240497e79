namespace Rehost.DiskFormats;

/// <summary>What a new image should be like.</summary>
/// <param name="Compression">Compression of its content.</param>
public sealed record ImageWriterOptions(ImageCompression Compression = ImageCompression.None);
