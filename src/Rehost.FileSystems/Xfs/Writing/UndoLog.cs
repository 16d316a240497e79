namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>How to take back what the operation under way did in memory.</summary>
internal sealed class UndoLog
{
    private readonly Stack<Action> _actions = [];
    private bool _inOperation;

    internal void Push(Action inverse)
    {
        if (_inOperation)
        {
            _actions.Push(inverse);
        }
    }

    internal void Begin()
    {
        _actions.Clear();
        _inOperation = true;
    }

    internal void Commit()
    {
        _actions.Clear();
        _inOperation = false;
    }

    internal void Rollback()
    {
        _inOperation = false;
        while (_actions.TryPop(out var inverse))
        {
            inverse();
        }
    }
}
