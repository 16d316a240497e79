namespace Rehost.Inspection.Linux.Boot;

/// <summary>Boot loaders that are recognised by their files and not edited.</summary>
internal static class OtherBootLoaderReader
{
    /// <summary>Where unified kernel images lie (Boot Loader Specification, type 2).</summary>
    private static readonly string[] UnifiedImages = ["/boot/efi/EFI/Linux/*.efi", "/efi/EFI/Linux/*.efi", "/boot/EFI/Linux/*.efi"];

    /// <summary>What was found, each with its file.</summary>
    public static IEnumerable<string> Read(GuestReader reader)
    {
        if (reader.IsFile("/etc/zipl.conf"))
        {
            yield return "zipl (/etc/zipl.conf)";
        }

        foreach (var path in UnifiedImages.SelectMany(reader.Glob))
        {
            yield return $"unified kernel image ({path})";
        }
    }
}
