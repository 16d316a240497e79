namespace Rehost.FileSystems.Fat;

/// <summary>One name in a directory and where it stands.</summary>
/// <param name="Name">The long name, or the short one where there is no long one.</param>
/// <param name="Alias">The short name.</param>
/// <param name="Slot">The slot of the short entry.</param>
/// <param name="FirstSlot">The slot of the first entry of the long name.</param>
/// <param name="Location">Position of the short entry on the device.</param>
/// <param name="IsDirectory">Whether it leads to a directory.</param>
internal sealed record FatName(string Name, string Alias, int Slot, int FirstSlot, long Location, bool IsDirectory);
