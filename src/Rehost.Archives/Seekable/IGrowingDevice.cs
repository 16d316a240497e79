using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Archives.Seekable;

/// <summary>
/// Content that is known as far as it has been decompressed. <see cref="IBlockDevice.Length"/> is that far; it grows only when somebody who knows what
/// should come asks for more, so that a small file cannot make itself large behind everybody's back.
/// </summary>
public interface IGrowingDevice : IBlockDevice
{
    /// <summary>Whether the end of the content was reached.</summary>
    bool IsComplete { get; }

    /// <summary>Bytes of the compressed data decoded so far.</summary>
    long CompressedPosition { get; }

    /// <summary>Scratch room in use.</summary>
    long ScratchBytes { get; }

    /// <summary>Decompresses until the content has a length.</summary>
    /// <returns>Whether it has; false when it ends before.</returns>
    /// <exception cref="DiagnosticException">The data is damaged (ARC…), or there is no room for it (BLK004).</exception>
    bool Grow(long length, CancellationToken cancellationToken);
}
