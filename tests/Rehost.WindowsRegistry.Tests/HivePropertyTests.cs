using Rehost.Testing;

namespace Rehost.WindowsRegistry.Tests;

/// <summary>Random edits on a hive and on a model. After each batch the hive must be consistent, hold the model when opened anew, and be listed by hivexregedit as by us.</summary>
public sealed class HivePropertyTests
{
    private static readonly byte[] Security = [1, 0, 4, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];

    [Theory]
    [InlineData(3, 1)]
    [InlineData(5, 2)]
    [InlineData(6, 3)]
    [InlineData(0, 4)] // a store of Windows
    public void Random_edits(int version, int seed)
    {
        using var scratch = new ScratchDirectory();
        var random = new Random(seed);
        var options = new HiveOpenOptions();
        var hive = version == 0 ? Hive.Open(HiveWitness.Unpack("BCD.xz"), options) : Hive.Create("ROOT", Security, DateTimeOffset.UnixEpoch, version);
        var model = ModelKey.Of(hive.Root);
        for (var batch = 0; batch < 4; batch++)
        {
            for (var i = 0; i < 600; i++)
            {
                Edit(random, hive, model);
            }

            Assert.Equal([], hive.Check().Select(finding => finding.ToString()));
            model.Compare(hive.Root);
            var content = hive.ToArray();
            hive = Hive.Open(content, options);
            model.Compare(hive.Root);
            Assert.Equal(HiveWitness.Describe(hive), HiveWitness.Export(content, scratch));
        }
    }

    private static void Edit(Random random, Hive hive, ModelKey model)
    {
        var (path, node) = model.Pick(random);
        var key = hive.Root.Demand(path);
        switch (random.Next(10))
        {
            case < 3:
            {
                var name = Name(random);
                key.Create(name);
                node.Subkeys.TryAdd(name, new ModelKey());
                break;
            }

            case < 8:
            {
                var data = new byte[random.Next(20) switch { 0 => random.Next(16_000, 60_000), < 4 => random.Next(2000), < 10 => random.Next(100), _ => random.Next(9) }];
                random.NextBytes(data);
                var value = new RegistryValue(random.Next(30) == 0 ? "" : Name(random), (RegistryValueKind)random.Next(12), data);
                key.Set(value);
                node.Values[value.Name] = (value.Kind, data);
                break;
            }

            case 8 when node.Values.Count > 0:
            {
                var name = node.Values.Keys.Order(StringComparer.Ordinal).ElementAt(random.Next(node.Values.Count));
                Assert.True(key.RemoveValue(name.ToUpperInvariant()));
                node.Values.Remove(name);
                break;
            }

            case 9 when node.Subkeys.Count > 0 && random.Next(3) == 0:
            {
                var name = node.Subkeys.Keys.Order(StringComparer.Ordinal).ElementAt(random.Next(node.Subkeys.Count));
                key.Remove(name);
                node.Subkeys.Remove(name);
                break;
            }

            case 9:
                key.SetSecurityDescriptor([.. Security, (byte)random.Next(5), 0, 0, 0]);
                break;
        }
    }

    private static string Name(Random random)
    {
        var name = $"name {random.Next(300)}";
        return random.Next(5) switch { 0 => name.ToUpperInvariant(), 1 => "größe " + name, 2 when random.Next(3) == 0 => "名前 " + name, _ => name };
    }

    private sealed class ModelKey
    {
        public SortedDictionary<string, ModelKey> Subkeys { get; } = new(StringComparer.OrdinalIgnoreCase);

        public Dictionary<string, (RegistryValueKind Kind, byte[] Data)> Values { get; } = new(StringComparer.OrdinalIgnoreCase);

        public static ModelKey Of(RegistryKey key)
        {
            var made = new ModelKey();
            foreach (var value in key.Values)
            {
                made.Values.Add(value.Name, (value.Kind, value.Data));
            }

            foreach (var subkey in key.Subkeys)
            {
                made.Subkeys.Add(subkey.Name, Of(subkey));
            }

            return made;
        }

        public (string Path, ModelKey Key) Pick(Random random)
        {
            var (path, key) = ("", this);
            while (key.Subkeys.Count > 0 && random.Next(3) != 0)
            {
                var (name, next) = key.Subkeys.ElementAt(random.Next(key.Subkeys.Count));
                (path, key) = (path + "\\" + name, next);
            }

            return (path, key);
        }

        public void Compare(RegistryKey key)
        {
            Assert.Equal(Subkeys.Keys, key.Subkeys.Select(subkey => subkey.Name), StringComparer.OrdinalIgnoreCase);
            var values = key.Values.ToDictionary(value => value.Name, StringComparer.OrdinalIgnoreCase);
            Assert.Equal(Values.Count, values.Count);
            foreach (var (name, (kind, data)) in Values)
            {
                Assert.Equal(kind, values[name].Kind);
                Assert.Equal(data, values[name].Data);
            }

            foreach (var subkey in key.Subkeys)
            {
                Subkeys[subkey.Name].Compare(subkey);
            }
        }
    }
}
