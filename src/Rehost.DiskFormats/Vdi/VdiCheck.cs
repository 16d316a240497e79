using System.Collections;
using Rehost.DiskFormats.BlockMaps;
using Rehost.Model;

namespace Rehost.DiskFormats.Vdi;

/// <summary>Verifies a VDI: every block lies in the file, none twice, and the header counts as many as there are.</summary>
internal static class VdiCheck
{
    public static ImageCheckReport Run(DiskOpenRequest request, CancellationToken cancellationToken)
    {
        var findings = new FindingList();
        using var image = VdiImage.Open(request with { Report = findings.Add });
        var header = image.Header;
        var places = (int)Math.Min(int.MaxValue, (Math.Max(0, request.File.Length - header.DataOffset) + header.Stride - 1) / header.Stride);
        var used = new BitArray(places);
        var (allocated, stored) = (0L, 0L);
        for (var block = 0L; block < image.BlockCount; block++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var entry = image.Entry(block);
            if (entry is VdiImage.Free or VdiImage.Discarded)
            {
                continue;
            }

            allocated++;
            try
            {
                image.OffsetOf(block, entry);
            }
            catch (DiagnosticException e)
            {
                findings.Add(e.Diagnostic);
                continue;
            }

            stored += Math.Min(header.BlockSize, image.Length - (block * header.BlockSize));
            if (entry < places && used[(int)entry])
            {
                findings.Add(VdiDiagnostics.Overlap.Create($"block {block} has the place {entry}, which another block has too", request.FileName));
            }
            else if (entry < places)
            {
                used[(int)entry] = true;
            }
        }

        if (allocated != header.AllocatedBlocks)
        {
            findings.Add(VdiDiagnostics.WrongCount.Create($"it says {header.AllocatedBlocks}, and the table has {allocated}", request.FileName));
        }

        var free = 0L;
        for (var place = 0; place < places; place++)
        {
            free += used[place] ? 0 : 1;
        }

        return findings.Report(free * header.Stride, stored);
    }
}
