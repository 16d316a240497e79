using System.Globalization;
using System.Text;
using Rehost.Model;

namespace Rehost.Archives;

/// <summary>Writes a newc archive that depends on nothing but its entries: inode numbers are counted, owner is root, times are zero.</summary>
public sealed class CpioWriter
{
    private readonly Stream target;
    private uint inode;
    private long position;
    private bool finished;

    /// <summary>Starts an archive.</summary>
    /// <param name="target">Stands at the archive's first byte, which the kernel wants at a multiple of four; left open.</param>
    public CpioWriter(Stream target)
    {
        ArgumentNullException.ThrowIfNull(target);
        this.target = target;
    }

    /// <summary>Adds a directory. Never one that may be a symbolic link in an archive that follows: the kernel would replace it.</summary>
    /// <param name="path">Relative to the root, without leading slash.</param>
    /// <param name="permissions">Permission bits.</param>
    public void AddDirectory(string path, int permissions = 0x1ED) => Add(path, 0x4000u | (uint)permissions, 2, []);

    /// <summary>Adds a regular file.</summary>
    /// <param name="path">Relative to the root, without leading slash.</param>
    /// <param name="content">Its content.</param>
    /// <param name="permissions">Permission bits.</param>
    public void AddFile(string path, ReadOnlySpan<byte> content, int permissions = 0x1A4) => Add(path, 0x8000u | (uint)permissions, 1, content);

    /// <summary>Adds a symbolic link.</summary>
    /// <param name="path">Relative to the root, without leading slash.</param>
    /// <param name="linkTarget">Where it leads.</param>
    public void AddSymbolicLink(string path, string linkTarget) => Add(path, 0xA1FF, 1, GuestText.Encode(linkTarget));

    /// <summary>Writes the trailer and zeros up to a multiple.</summary>
    /// <param name="alignment">A power of two, at least 4.</param>
    public void Finish(int alignment = 512)
    {
        Write("TRAILER!!!"u8, 0, 0, 1, []);
        Pad(alignment);
        finished = true;
    }

    private void Add(string path, uint mode, uint links, ReadOnlySpan<byte> content)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var name = GuestText.Encode(path);
        if (name.Length >= CpioReader.MaxName || path[0] == '/' || name.AsSpan().Contains((byte)0) || path.Split('/').Any(part => part is "" or "." or "..") || path == "TRAILER!!!")
        {
            throw ArchiveDiagnostics.CpioEntry.ToException("the name is absolute, too long, or has empty or dot parts", path);
        }

        Write(name, ++inode, mode, links, content);
    }

    private void Write(ReadOnlySpan<byte> name, uint number, uint mode, uint links, ReadOnlySpan<byte> content)
    {
        if (finished)
        {
            throw new InvalidOperationException("the archive is finished");
        }

        var header = new StringBuilder("070701", 110);
        foreach (var field in (ReadOnlySpan<uint>)[number, mode, 0, 0, links, 0, (uint)content.Length, 0, 0, 0, 0, (uint)name.Length + 1, 0])
        {
            header.Append(field.ToString("X8", CultureInfo.InvariantCulture));
        }

        Put(Encoding.ASCII.GetBytes(header.ToString()));
        Put(name);
        Put([0]);
        Pad(4);
        Put(content);
        Pad(4);
    }

    private void Pad(int alignment)
    {
        var count = (int)(-position & (alignment - 1));
        Put(new byte[count]);
    }

    private void Put(ReadOnlySpan<byte> data)
    {
        target.Write(data);
        position += data.Length;
    }
}
