using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>What one change of a plan touched on a disk.</summary>
/// <param name="Change">The change, in words: its step and its subject.</param>
/// <param name="Ranges">Bytes of the target, in order, without overlaps, all of them in <see cref="BlockManifest.ChangedRanges"/>. Two changes may share some: a block of a directory, a bitmap.</param>
public sealed record TouchedRanges(string Change, ImmutableArray<ByteRange> Ranges);
