using Rehost.Blocks;
using Rehost.Model;
using Rehost.Transfer;

namespace Rehost.Pipeline.Images;

/// <summary>Progress of a transfer; counting what there is to do walks through all tables, so it is not done for nobody.</summary>
internal static class ImageProgress
{
    public static IProgress<TransferProgress>? Begin(IProgressSink sink, string title, params IBlockDevice[] devices)
    {
        if (sink is SilentProgress)
        {
            return null;
        }

        var total = devices.Max(device => device.GetExtents(GuestOffset.Zero, device.Length).Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length));
        sink.BeginStage(title, total);
        return new ByteProgress(sink.Report);
    }
}
