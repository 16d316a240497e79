namespace Rehost.Hypervisors.Xen;

/// <summary>One line <c>name = value</c>.</summary>
/// <param name="Name">The key as written.</param>
/// <param name="Value">The value.</param>
/// <param name="Position">Where the key begins.</param>
public sealed record XenConfigSetting(string Name, XenConfigValue Value, XenConfigPosition Position);
