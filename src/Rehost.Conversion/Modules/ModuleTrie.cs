using System.Buffers.Binary;
using System.Text;

namespace Rehost.Conversion.Modules;

/// <summary>
/// A binary index of kmod (magic b007f457, version 2.1): a tree of characters with shared prefixes, children written before their parents, all numbers big-endian. An offset of a node carries in its
/// first bits whether the node has a prefix, values, children.
/// </summary>
internal sealed class ModuleTrie
{
    private const uint Magic = 0xb007f457;
    private const uint Version = 0x00020001;
    private const uint HasPrefix = 0x80000000, HasValues = 0x40000000, HasChildren = 0x20000000;

    private readonly Node _root = new("");

    /// <summary>Adds a value under a key; a key may have several. Keys with bytes beyond ASCII cannot be looked up by kmod and are left out.</summary>
    public void Add(string key, string value, int priority)
    {
        if (key.Any(letter => letter is '\0' or >= (char)0x80) || value.Contains('\0', StringComparison.Ordinal))
        {
            return;
        }

        var node = _root;
        var at = 0;
        while (true)
        {
            var shared = 0;
            while (shared < node.Prefix.Length && at + shared < key.Length && node.Prefix[shared] == key[at + shared])
            {
                shared++;
            }

            if (shared < node.Prefix.Length)
            {
                node.Split(shared);
            }

            at += shared;
            if (at == key.Length)
            {
                node.Insert(value, priority);
                return;
            }

            if (!node.Children.TryGetValue(key[at], out var child))
            {
                child = new Node(key[(at + 1)..]);
                node.Children.Add(key[at], child);
            }

            node = child;
            at++;
        }
    }

    /// <summary>The file.</summary>
    public byte[] Write()
    {
        using var output = new MemoryStream();
        Number(output, Magic);
        Number(output, Version);
        Number(output, 0);
        var root = Write(output, _root);
        var file = output.ToArray();
        BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(8), root);
        return file;
    }

    private static uint Write(MemoryStream output, Node node)
    {
        // Deep only as keys are long, and those come from modules of at most a few hundred characters.
        var children = node.Children.ToDictionary(child => child.Key, child => Write(output, child.Value));
        var offset = (uint)output.Length;
        if (node.Prefix.Length > 0)
        {
            Text(output, node.Prefix);
            offset |= HasPrefix;
        }

        if (children.Count > 0)
        {
            var (first, last) = (node.Children.First().Key, node.Children.Last().Key);
            output.WriteByte((byte)first);
            output.WriteByte((byte)last);
            for (var letter = first; letter <= last; letter++)
            {
                Number(output, children.GetValueOrDefault(letter));
            }

            offset |= HasChildren;
        }

        if (node.Values.Count > 0)
        {
            Number(output, (uint)node.Values.Count);
            foreach (var (value, priority) in node.Values)
            {
                Number(output, (uint)priority);
                Text(output, value);
            }

            offset |= HasValues;
        }

        return offset;
    }

    private static void Number(MemoryStream output, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        output.Write(bytes);
    }

    private static void Text(MemoryStream output, string text)
    {
        output.Write(Encoding.UTF8.GetBytes(text));
        output.WriteByte(0);
    }

    private sealed class Node(string prefix)
    {
        public string Prefix { get; private set; } = prefix;

        public SortedList<char, Node> Children { get; private set; } = [];

        public List<(string Value, int Priority)> Values { get; private set; } = [];

        public void Split(int at)
        {
            var rest = new Node(Prefix[(at + 1)..]) { Children = Children, Values = Values };
            Children = new SortedList<char, Node> { { Prefix[at], rest } };
            Values = [];
            Prefix = Prefix[..at];
        }

        public void Insert(string value, int priority)
        {
            var index = Values.FindIndex(one => one.Priority > priority);
            Values.Insert(index < 0 ? Values.Count : index, (value, priority));
        }
    }
}
