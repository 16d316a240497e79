namespace Rehost.Transfer.Undo;

/// <summary>How far applying or undoing is.</summary>
public enum UndoState
{
    /// <summary>The journal is whole; no disk was touched.</summary>
    Prepared,

    /// <summary>Disks are being written.</summary>
    Applying,

    /// <summary>Everything of a disk from a position on was moved.</summary>
    Moved,

    /// <summary>The plan is in the disks.</summary>
    Applied,

    /// <summary>Old bytes are being written back.</summary>
    Undoing,

    /// <summary>The disks are as they were.</summary>
    Undone,
}
