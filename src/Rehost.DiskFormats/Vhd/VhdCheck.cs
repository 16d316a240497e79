using Rehost.DiskFormats.BlockMaps;
using Rehost.Model;

namespace Rehost.DiskFormats.Vhd;

/// <summary>Verifies a VHD: both footers, the header, that every block lies in the file and none on another or on the tables, and that the batmap agrees.</summary>
internal static class VhdCheck
{
    private const long Metadata = -2;
    private const int BlocksMax = 32 << 20; // more than this many blocks of one image are not held in memory

    public static ImageCheckReport Run(DiskOpenRequest request, CancellationToken cancellationToken)
    {
        var findings = new FindingList();
        using var image = VhdImage.Open(request with { Report = findings.Add });
        if (image.Structure.Header is not { } header)
        {
            return findings.Report(image.Structure.DataEnd - image.Length, image.Length);
        }

        if (image.Structure.Copy is { } copy ? !copy.ToBytes().AsSpan().SequenceEqual(image.Footer.ToBytes()) : image.Footer.DataOffset >= VhdFooter.Size)
        {
            findings.Add(VhdDiagnostics.CopyDiffers.Create(image.Structure.Copy is null ? "there is no copy at the start" : "they tell of different things", request.FileName));
        }

        var use = new FileUse();
        use.Add(0, VhdFooter.Size, Metadata);
        use.Add((long)image.Footer.DataOffset, VhdDynamicHeader.Size, Metadata);
        use.Add((long)header.TableOffset, ((header.TableEntries * 4L) + 511) / 512 * 512, Metadata);
        foreach (var locator in header.Locators.Where(locator => locator.Code != 0 && locator.Offset < (ulong)image.Structure.DataEnd))
        {
            use.Add((long)locator.Offset, Math.Min((locator.Length + 511L) / 512 * 512, image.Structure.DataEnd - (long)locator.Offset), Metadata);
        }

        if (image.Batmap is { } batmap)
        {
            use.Add(VhdBatmap.HeaderOffset(header), VhdBatmap.HeaderSize, Metadata);
            use.Add(batmap.Offset, batmap.Bytes, Metadata);
        }

        var stored = CheckBlocks(image, header, use, findings, cancellationToken);
        var overlaps = use.FindOverlaps(image.Structure.DataEnd, out var leaked);
        foreach (var (offset, owner, other) in overlaps)
        {
            findings.Add(VhdDiagnostics.Overlap.Create($"{Describe(owner)} starts at 0x{offset:x}, which belongs to {Describe(other)}", request.FileName));
        }

        return findings.Report(Math.Max(0, leaked), stored);

        static string Describe(long owner) => owner == Metadata ? "the image's tables" : $"block {owner}";
    }

    private static long CheckBlocks(VhdImage image, VhdDynamicHeader header, FileUse use, FindingList findings, CancellationToken cancellationToken)
    {
        var stored = 0L;
        var blocks = (image.Length + header.BlockSize - 1) / header.BlockSize;
        if (blocks > BlocksMax)
        {
            throw VhdDiagnostics.Unsupported.ToException($"{blocks} blocks; at most {BlocksMax} are checked", image.Info.FileName);
        }

        for (var block = 0L; block < blocks; block++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                if (image.FindBlock(block) is not { } offset)
                {
                    continue;
                }

                use.Add(offset, header.BitmapBytes + header.BlockSize, block);
                stored += image.StoredIn(block * header.BlockSize, Math.Min(header.BlockSize, image.Length - (block * header.BlockSize)));
            }
            catch (DiagnosticException e)
            {
                findings.Add(e.Diagnostic);
            }
        }

        return stored;
    }
}
