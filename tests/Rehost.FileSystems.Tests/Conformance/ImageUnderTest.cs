namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>A new file system on one or several files, which the driver opens, closes and shows to witnesses.</summary>
internal abstract class ImageUnderTest : IDisposable
{
    public abstract IFileSystem Open();

    /// <summary>Takes what the tools left in the new file system into account, before the first operation.</summary>
    public virtual void Adopt(ModelledFileSystem pair)
    {
    }

    /// <summary>What the field's checker says; null when it is clean. The file system is flushed and closed.</summary>
    public abstract string? FindFault();

    /// <summary>Another implementation looks, after each batch; the file system is closed.</summary>
    public virtual void CompareAfterBatch(InMemoryFileSystem model)
    {
    }

    /// <summary>What else must hold of the file system as it was opened anew after a batch; null when it does.</summary>
    public virtual string? FindFaultAfterBatch(IFileSystem subject) => null;

    /// <summary>Another implementation looks, and perhaps goes on from here, when all is done.</summary>
    public abstract void CompareAtEnd(InMemoryFileSystem model, IFileSystem subject);

    /// <summary>Closes the devices below a file system, so that a witness may have them.</summary>
    public abstract void Close();

    public void Dispose()
    {
        Close();
        GC.SuppressFinalize(this);
    }
}
