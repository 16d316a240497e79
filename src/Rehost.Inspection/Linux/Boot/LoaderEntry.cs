namespace Rehost.Inspection.Linux.Boot;

/// <summary>Entries of the Boot Loader Specification, /boot/loader/entries/*.conf, as Red Hat's GRUB 2 reads them (blscfg).</summary>
internal static class LoaderEntry
{
    /// <summary>Reads one entry; null when it names no kernel.</summary>
    /// <param name="id">File name without .conf: what saved_entry names.</param>
    /// <param name="text">The file.</param>
    /// <param name="environment">GRUB's environment block, which holds kernelopts.</param>
    public static BootMenuEntry? Parse(string id, string text, IReadOnlyDictionary<string, string> environment)
    {
        string? title = null;
        string? kernel = null;
        var initramfs = new List<string>();
        var arguments = new List<string>();
        foreach (var (_, line) in GuestLines.Effective(text))
        {
            var (key, value) = GuestLines.SplitFirst(line);
            switch (key)
            {
                case "title":
                    title = value;
                    break;
                case "linux":
                    kernel = value;
                    break;
                case "initrd":
                    initramfs.AddRange(GuestLines.Words(value).Where(word => !word.StartsWith('$')));
                    break;
                case "options":
                    arguments.AddRange(GuestLines.Words(value).Select(word => word.StartsWith('$')
                        ? environment.GetValueOrDefault(word.Trim('$', '{', '}'), "") : word).Where(word => word.Length > 0));
                    break;
            }
        }

        return kernel is null ? null : new BootMenuEntry(title ?? id, id, kernel, initramfs, string.Join(' ', arguments));
    }
}
