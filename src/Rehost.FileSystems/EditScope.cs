namespace Rehost.FileSystems;

/// <summary>One change of a file system: made whole, or not at all. What is thrown on the way takes back what was done.</summary>
internal static class EditScope
{
    /// <summary>Runs a change between its beginning and its end.</summary>
    internal static NodeId Run(Action begin, Func<NodeId> change, Action commit, Action rollback)
    {
        begin();
        try
        {
            var node = change();
            commit();
            return node;
        }
        catch
        {
            rollback();
            throw;
        }
    }
}
