namespace Rehost.Volumes.Lvm2;

/// <summary>One value in LVM's metadata: a text or a number.</summary>
/// <param name="Text">The text; null for a number.</param>
/// <param name="Number">The number; 0 for a text.</param>
internal readonly record struct MetadataValue(string? Text, long Number);
