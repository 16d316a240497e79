using Rehost.Inspection.Storage;
using Rehost.Model;

namespace Rehost.Inspection;

/// <summary>A guest that was read: its facts, and its storage still open for whoever edits it.</summary>
public sealed class InspectedGuest : IDisposable
{
    internal InspectedGuest(GuestFacts facts, GuestStorage storage)
    {
        Facts = facts;
        Storage = storage;
    }

    /// <summary>What was found.</summary>
    public GuestFacts Facts { get; }

    /// <summary>Its file systems, opened.</summary>
    public GuestStorage Storage { get; }

    /// <summary>Closes the file systems; the disks belong to the caller.</summary>
    public void Dispose() => Storage.Dispose();
}
