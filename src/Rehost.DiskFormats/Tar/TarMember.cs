using Rehost.Blocks;

namespace Rehost.DiskFormats.Tar;

/// <summary>One plain file of an archive.</summary>
/// <param name="Name">Name, without a leading <c>./</c>.</param>
/// <param name="Data">Where its bytes start in the archive.</param>
/// <param name="Length">Bytes.</param>
internal readonly record struct TarMember(string Name, FileOffset Data, long Length);
