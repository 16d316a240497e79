using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2;

/// <summary>A logical volume as a device, or why it is none.</summary>
/// <param name="Device">The device; null when it cannot be made.</param>
/// <param name="Problem">Why not; null when it is there.</param>
internal readonly record struct BuiltVolume(IBlockDevice? Device, Diagnostic? Problem);
