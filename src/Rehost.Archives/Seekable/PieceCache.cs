namespace Rehost.Archives.Seekable;

/// <summary>The pieces used last, so that readers a little ahead of or behind one another share one decompression.</summary>
internal sealed class PieceCache(int capacity)
{
    private readonly LinkedList<(long Piece, byte[] Content)> _order = [];
    private readonly Dictionary<long, LinkedListNode<(long Piece, byte[] Content)>> _nodes = [];

    public byte[]? Find(long piece)
    {
        if (!_nodes.TryGetValue(piece, out var node))
        {
            return null;
        }

        _order.Remove(node);
        _order.AddLast(node);
        return node.Value.Content;
    }

    public void Add(long piece, ReadOnlySpan<byte> content)
    {
        if (_nodes.ContainsKey(piece))
        {
            return;
        }

        byte[] buffer;
        if (_order.Count >= capacity && _order.First is { } oldest)
        {
            _order.RemoveFirst();
            _nodes.Remove(oldest.Value.Piece);
            buffer = oldest.Value.Content;
        }
        else
        {
            buffer = new byte[PieceMap.PieceSize];
        }

        content.CopyTo(buffer);
        _nodes[piece] = _order.AddLast((piece, buffer));
    }
}
