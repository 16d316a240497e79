using System.Text;
using Rehost.Model;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>Names as guests have them: in UTF-8 in its forms, in the encodings before it, of every byte that a name may have, and as long as names get.</summary>
internal static class EncodedNames
{
    public static IReadOnlyList<byte[]> All { get; } = Make();

    /// <summary>Makes a file of each name, reads all back, and renames every third.</summary>
    /// <returns>The names as they are then.</returns>
    public static List<string> Exercise(IFileSystem fileSystem)
    {
        var directory = fileSystem.CreateDirectory(fileSystem.Root, "names", new NodeAttributes(0x1ED));
        var names = All.Select(name => GuestText.Decode(name)).ToList();
        for (var i = 0; i < names.Count; i++)
        {
            fileSystem.Write(fileSystem.CreateFile(directory, names[i], new NodeAttributes(0x1A4)), 0, All[i]);
        }

        Assert.Equal(names.Order(StringComparer.Ordinal), fileSystem.List(directory).Select(entry => entry.Name).Order(StringComparer.Ordinal));
        for (var i = 0; i < names.Count; i += 3)
        {
            var renamed = GuestText.Decode([.. All[i][..Math.Min(All[i].Length, 250)], 0xE9]);
            fileSystem.Rename(directory, names[i], directory, renamed);
            names[i] = renamed;
        }

        return names;
    }

    /// <summary>Whether a directory of the host, seen by find, holds these names and their content.</summary>
    public static void Compare(InMemoryFileSystem model, string directory, string list) => MountedTree.Compare(model, directory, list, isMount: true, contentOnly: true);

    /// <summary>The same names in the model.</summary>
    public static InMemoryFileSystem ToModel()
    {
        var model = new InMemoryFileSystem();
        Exercise(model);
        return model;
    }

    private static List<byte[]> Make()
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        var names = new List<byte[]>();
        foreach (var (encoding, text) in new[]
        {
            ("utf-8", "größe"), ("utf-8", "gro\u0308ße"), ("utf-8", "名前.txt"), ("utf-8", "имя"), ("utf-8", "اسم"), ("utf-8", "😀 emoji"), ("utf-8", "\uFEFFbom"), ("utf-8", "trailing "), ("utf-8", " leading"),
            ("iso-8859-1", "größe"), ("iso-8859-15", "20€"), ("windows-1252", "“quoted”"), ("windows-1251", "имя"), ("koi8-r", "имя"), ("iso-8859-5", "имя"), ("iso-8859-8", "שם"), ("windows-1256", "اسم"),
            ("shift_jis", "表示ソ名前"), ("euc-jp", "名前"), ("iso-2022-jp", "名前"), ("gb18030", "名字𠀀"), ("big5", "名字功"), ("euc-kr", "이름"), ("ibm437", "é─┐"), ("macintosh", "é≠"),
        })
        {
            names.Add(Encoding.GetEncoding(encoding).GetBytes(text));
        }

        // Each byte that a name may hold, alone and between others; what is no UTF-8; what a shell or a tool may take for something else.
        names.AddRange(Enumerable.Range(1, 255).Where(value => value is not '/' and not '.').Select(value => (byte[])[(byte)value]));
        names.AddRange(Enumerable.Range(1, 255).Where(value => value != '/').Select(value => (byte[])[(byte)'x', (byte)value, (byte)'y']));
        names.Add([0xC0, 0xAF]);
        names.Add([0xED, 0xA0, 0x80]);
        names.Add([0xF4, 0x90, 0x80, 0x80]);
        names.Add([0xE2, 0x82]);
        names.AddRange(((string[])["-rf", "...", "a\\x2db.slice", "C:", "con", "name;rm", "$(reboot)", "%s%n", "a\nb", "~root"]).Select(Encoding.ASCII.GetBytes));
        names.Add([.. Enumerable.Repeat((byte)0xE9, 255)]);
        names.Add([.. Enumerable.Repeat((byte)'l', 255)]);
        names.Add(Encoding.UTF8.GetBytes(new string('名', 85)));
        return [.. names.DistinctBy(Convert.ToHexString)];
    }
}
