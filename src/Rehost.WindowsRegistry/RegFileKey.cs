namespace Rehost.WindowsRegistry;

/// <summary>A key of a .reg file.</summary>
/// <param name="Path">Its path, with the root that the file names (HKEY_LOCAL_MACHINE\SYSTEM\…).</param>
/// <param name="IsRemoved">Whether the file says to remove it, with all below.</param>
/// <param name="Values">Values to set.</param>
/// <param name="RemovedValues">Names of values to remove.</param>
public sealed record RegFileKey(string Path, bool IsRemoved, IReadOnlyList<RegistryValue> Values, IReadOnlyList<string> RemovedValues);
