namespace Rehost.FileSystems.Fat;

/// <summary>Numbers of nodes. A node is numbered by the place of its entry; one whose entry moved keeps its number, and a new entry in the old place gets another.</summary>
internal sealed class NodePlaces
{
    private const ulong FirstOwnNumber = 1ul << 63;
    private readonly Dictionary<NodeId, long> _moved = [];
    private readonly Dictionary<long, NodeId> _renumbered = [];
    private ulong _next = FirstOwnNumber;

    internal long LocationOf(NodeId node) => _moved.TryGetValue(node, out var location) ? location : node.Value > long.MaxValue / FatEntry.Size ? -1 : (long)node.Value * FatEntry.Size;

    internal NodeId NodeAt(long location) => _renumbered.TryGetValue(location, out var node) ? node : new NodeId((ulong)(location / FatEntry.Size));

    /// <summary>A new entry stands at a place.</summary>
    internal NodeId Added(long location)
    {
        var natural = new NodeId((ulong)(location / FatEntry.Size));
        if (!_moved.ContainsKey(natural))
        {
            _renumbered.Remove(location);
            return natural;
        }

        var node = new NodeId(_next++);
        (_moved[node], _renumbered[location]) = (location, node);
        return node;
    }

    /// <summary>An entry was removed.</summary>
    internal void Removed(long location)
    {
        var node = NodeAt(location);
        _moved.Remove(node);
        _renumbered.Remove(location);
    }

    /// <summary>An entry was moved to a place that was free.</summary>
    internal void Moved(long from, long to)
    {
        var node = NodeAt(from);
        _renumbered.Remove(from);
        (_moved[node], _renumbered[to]) = (to, node);
    }
}
