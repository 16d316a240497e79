using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Landing;

/// <summary>
/// An image into which a disk falls while it arrives, which is then read as a source is, and in the end becomes the target where it lies: nothing is copied. As a device it is
/// the disk as it arrived, read-only, under whatever overlays the conversion puts on it; the changes of the target are made by <see cref="Edit"/> and <see cref="Clear"/>.
/// </summary>
public interface ILandingImage : IBlockDevice
{
    /// <summary>Takes content that follows everything that came so far; what is passed over is zero.</summary>
    /// <exception cref="DiagnosticException">The file cannot take it (BLK004), or the range leaves the disk (BLK001).</exception>
    void Land(GuestOffset offset, ReadOnlySpan<byte> data);

    /// <summary>
    /// Moves the content on the target by a distance and gives the target its length; reading goes on at the places where the content arrived. False, and nothing done, where that
    /// cannot be had without copying. Called once, before the first edit.
    /// </summary>
    bool TryMove(long distance, long targetLength);

    /// <summary>Changes bytes, in offsets of the target. Reading the changed range as it arrived is over then.</summary>
    /// <exception cref="DiagnosticException">The file cannot take it (BLK004), or the range leaves the target (BLK001).</exception>
    void Edit(GuestOffset offset, ReadOnlySpan<byte> data);

    /// <summary>Makes a range zero, in offsets of the target, and stores nothing for it where it can.</summary>
    /// <exception cref="DiagnosticException">As <see cref="Edit"/>.</exception>
    void Clear(GuestOffset offset, long length);

    /// <summary>Writes what makes an image of it, and makes it durable. Committing the file is the caller's.</summary>
    /// <exception cref="DiagnosticException">The file cannot take it (BLK004).</exception>
    void Complete(CancellationToken cancellationToken);
}
