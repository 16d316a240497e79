namespace Rehost.WindowsRegistry;

/// <summary>What differs between two hives.</summary>
/// <param name="Path">The key.</param>
/// <param name="Name">The value's name; null when the key itself is meant.</param>
/// <param name="Left">The first hive's value; null when it has none, or a key is meant.</param>
/// <param name="Right">The second one's.</param>
/// <param name="What">"only in first", "only in second" or "differs".</param>
public sealed record HiveDifference(string Path, string? Name, RegistryValue? Left, RegistryValue? Right, string What)
{
    private const string OnlyFirst = "only in first";
    private const string OnlySecond = "only in second";
    private const string Differs = "differs";

    /// <summary>Compares two keys with all below them: names whatever their case, kinds and data of values; not times.</summary>
    public static IEnumerable<HiveDifference> Find(RegistryKey left, RegistryKey right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        var seen = new HashSet<int>();
        var work = new Stack<(RegistryKey Left, RegistryKey Right, string Path)>([(left, right, "")]);
        while (work.TryPop(out var item))
        {
            if (!seen.Add(item.Left.Node.Offset))
            {
                throw HiveDiagnostics.BadCell.ToException("a key is below itself, or in two places", CellHeap.Where(item.Left.Node.Offset));
            }

            foreach (var difference in FindInValues(item.Left, item.Right, item.Path))
            {
                yield return difference;
            }

            var others = new Dictionary<string, RegistryKey>(StringComparer.Ordinal);
            foreach (var key in item.Right.Subkeys)
            {
                others.TryAdd(key.Name.ToUpperInvariant(), key); // a damaged list may name a key twice
            }

            foreach (var subkey in item.Left.Subkeys)
            {
                var path = item.Path.Length == 0 ? subkey.Name : $"{item.Path}\\{subkey.Name}";
                if (others.Remove(subkey.Name.ToUpperInvariant(), out var other))
                {
                    work.Push((subkey, other, path));
                }
                else
                {
                    yield return new HiveDifference(path, null, null, null, OnlyFirst);
                }
            }

            foreach (var other in others.Values)
            {
                yield return new HiveDifference(item.Path.Length == 0 ? other.Name : $"{item.Path}\\{other.Name}", null, null, null, OnlySecond);
            }
        }
    }

    private static IEnumerable<HiveDifference> FindInValues(RegistryKey left, RegistryKey right, string path)
    {
        var others = new Dictionary<string, RegistryValue>(StringComparer.Ordinal);
        foreach (var value in right.Values)
        {
            others.TryAdd(value.Name.ToUpperInvariant(), value);
        }

        foreach (var value in left.Values)
        {
            if (!others.Remove(value.Name.ToUpperInvariant(), out var other))
            {
                yield return new HiveDifference(path, value.Name, value, null, OnlyFirst);
            }
            else if (other.Kind != value.Kind || !other.Data.AsSpan().SequenceEqual(value.Data))
            {
                yield return new HiveDifference(path, value.Name, value, other, Differs);
            }
        }

        foreach (var other in others.Values)
        {
            yield return new HiveDifference(path, other.Name, null, other, OnlySecond);
        }
    }
}
