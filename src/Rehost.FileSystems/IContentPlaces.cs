using Rehost.Model;

namespace Rehost.FileSystems;

/// <summary>A file system that can say where on its device the things that it holds lie: to name what a damaged block belongs to.</summary>
/// <remarks>
/// Enumeration is lazy and throws <see cref="DiagnosticException"/> where it meets damage: what came before counts. The place of a node's own record comes before anything is read of it.
/// </remarks>
public interface IContentPlaces : IFileSystem
{
    /// <summary>Everything on the device that belongs to one node and to no directory above it: its record, its content, its attributes, the maps that lead to them.</summary>
    /// <param name="node">The node.</param>
    IEnumerable<ContentPlace> PlacesOf(NodeId node);

    /// <summary>What belongs to no node that is shown: superblocks, tables, bitmaps, journals. What is in use and in neither list belongs to the file system's trees of free space and the like.</summary>
    IEnumerable<ContentPlace> OwnPlaces();
}

/// <summary>A stretch of a file system's device.</summary>
/// <param name="Range">Bytes of the device.</param>
/// <param name="Holds">What lies there: content, directory, inode, extent map, journal.</param>
public readonly record struct ContentPlace(ByteRange Range, string Holds);
