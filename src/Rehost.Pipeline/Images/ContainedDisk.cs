namespace Rehost.Pipeline.Images;

/// <summary>One disk of a container that holds a machine's.</summary>
/// <param name="Id">Its id in the container.</param>
/// <param name="Name">What the machine calls it; null where nothing says.</param>
/// <param name="LengthBytes">Size of the disk.</param>
public sealed record ContainedDisk(string Id, string? Name, long LengthBytes);
