namespace Rehost.Inspection.Linux.Boot;

/// <summary>Boot loaders that are recognised by their files and not edited.</summary>
internal static class OtherBootLoaderReader
{
    /// <summary>What was found, each with its file.</summary>
    public static IEnumerable<string> Read(GuestReader reader)
    {
        if (reader.IsFile("/etc/zipl.conf"))
        {
            yield return "zipl (/etc/zipl.conf)";
        }
    }
}
