namespace Rehost.Blocks;

/// <summary>A device whose length can be changed: a raw disk in a file.</summary>
public interface IResizableDevice : IBlockDevice
{
    /// <summary>Sets the length; what is new reads as zeros.</summary>
    /// <exception cref="Model.DiagnosticException">It cannot have that length (BLK004, BLK008).</exception>
    void SetLength(long length);
}
