using Rehost.Blocks;

namespace Rehost.DiskFormats.Xva;

/// <summary>One chunk of a disk as it lies in the archive.</summary>
/// <param name="Number">The number in its name. Not its place on the disk: zero-length chunks count, too.</param>
/// <param name="Data">Where its bytes are.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Checksum">Where its checksum is; meaningless for <see cref="XvaChecksumKind.None"/>.</param>
/// <param name="Kind">What checksum that is.</param>
internal readonly record struct XvaChunk(int Number, FileOffset Data, int Length, FileOffset Checksum, XvaChecksumKind Kind);
