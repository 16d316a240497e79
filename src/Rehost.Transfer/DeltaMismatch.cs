using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>A difference that should not be there.</summary>
/// <param name="Kind">What it contradicts.</param>
/// <param name="Range">Bytes of the target: whole blocks against the manifest, first to last different byte of 4 KiB against the source.</param>
public readonly record struct DeltaMismatch(DeltaMismatchKind Kind, ByteRange Range);
