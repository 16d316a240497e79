using System.Collections;
using Rehost.DiskFormats.BlockMaps;
using Rehost.Model;

namespace Rehost.DiskFormats.Vhdx;

/// <summary>Verifies a VHDX: the checksums of headers and tables, the log, that every block lies in the file and none on another or on the tables.</summary>
internal static class VhdxCheck
{
    private const long FileMax = 1L << 50; // a bit for each megabyte: 128 MiB

    public static ImageCheckReport Run(DiskOpenRequest request, CancellationToken cancellationToken)
    {
        var findings = new FindingList();
        using var image = VhdxImage.Open(request with { Report = findings.Add });
        if (image.FileLength > FileMax)
        {
            throw VhdxDiagnostics.Unsupported.ToException($"a file of {image.FileLength} bytes; at most {FileMax} are checked", request.FileName);
        }

        var used = new BitArray((int)((image.FileLength + VhdxFields.Megabyte - 1) / VhdxFields.Megabyte));
        bool Take(long offset, long length)
        {
            var isFree = true;
            var end = Math.Min(used.Length, (offset + length + VhdxFields.Megabyte - 1) / VhdxFields.Megabyte);
            for (var at = offset / VhdxFields.Megabyte; at < end; at++)
            {
                isFree &= !used[(int)at];
                used[(int)at] = true;
            }

            return isFree;
        }

        void Demand(bool isFree, string what, long offset)
        {
            if (!isFree)
            {
                findings.Add(VhdxDiagnostics.Overlap.Create($"{what} at 0x{offset:x} lies on something else", request.FileName));
            }
        }

        Take(0, VhdxFields.Megabyte);
        if (image.Header.LogOffset < (ulong)image.FileLength)
        {
            Demand(Take((long)image.Header.LogOffset, image.Header.LogLength), "the log", (long)image.Header.LogOffset);
        }

        foreach (var region in image.Regions.Regions.Where(region => region.Offset >= 0 && region.Offset <= image.FileLength))
        {
            Demand(Take(region.Offset, region.Length), $"the region {region.Id}", region.Offset);
        }

        var stored = CheckBlocks(image, Take, Demand, findings, cancellationToken);
        var leaked = 0L;
        for (var at = 0; at < used.Length; at++)
        {
            leaked += used[at] ? 0 : VhdxFields.Megabyte;
        }

        return findings.Report(leaked, stored);
    }

    private static long CheckBlocks(VhdxImage image, Func<long, long, bool> take, Action<bool, string, long> demand, FindingList findings, CancellationToken cancellationToken)
    {
        var (stored, bitmapsOf) = (0L, -1L);
        for (var block = 0L; block < image.Metadata.Blocks; block++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                var (state, offset) = image.Entry(block);
                var bytes = Math.Min(image.Metadata.BlockSize, image.Length - (block * image.Metadata.BlockSize));
                if (state is VhdxBlockState.Present or VhdxBlockState.PartlyPresent)
                {
                    image.CheckPlace(block, offset);
                    demand(take(offset, image.Metadata.BlockSize), $"block {block}", offset);
                }
                else if (offset >= VhdxFields.Megabyte && offset < image.FileLength)
                {
                    take(offset, image.Metadata.BlockSize); // kept for later, as fixed images do
                }

                stored += image.StoredIn(block * image.Metadata.BlockSize, bytes);
                if (state == VhdxBlockState.PartlyPresent && bitmapsOf != block / image.Metadata.ChunkRatio)
                {
                    bitmapsOf = block / image.Metadata.ChunkRatio;
                    var bitmaps = image.CheckBitmapPlace(block);
                    demand(take(bitmaps, VhdxFields.Megabyte), $"the bitmaps of block {block}", bitmaps);
                }
            }
            catch (DiagnosticException e)
            {
                findings.Add(e.Diagnostic);
            }
        }

        return stored;
    }
}
