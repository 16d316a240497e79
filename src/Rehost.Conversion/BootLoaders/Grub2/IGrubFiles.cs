using Rehost.Model;

namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>GRUB's own files for i386-pc, unmodified: boot.img, diskboot.img, lzma_decompress.img, kernel.img, moddep.lst and the modules. From the guest or from the host; both are read with distrust.</summary>
public interface IGrubFiles
{
    /// <summary>Where they come from, for messages: a directory.</summary>
    string Description { get; }

    /// <summary>Whether a file is there.</summary>
    /// <param name="name">File name without directory.</param>
    bool Exists(string name);

    /// <summary>A file's content.</summary>
    /// <param name="name">File name without directory.</param>
    /// <exception cref="DiagnosticException">It is missing (GRB002), too large (GRB003) or unreadable.</exception>
    byte[] Read(string name);
}
