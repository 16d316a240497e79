using Rehost.Model;
using Rehost.WindowsRegistry.BootConfiguration;

namespace Rehost.WindowsRegistry.Tests;

/// <summary>Hives and logs with changed bytes, read whole and edited: findings only, and an end.</summary>
public sealed class HiveHostileTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Damage_gives_findings_and_nothing_else(int seed)
    {
        var random = new Random(seed);
        var pristine = seed == 1 ? HiveWitness.Unpack("BCD.xz") : MakeLarge();
        var log = HiveWitness.Unpack("SYSTEM.LOG2.start.xz");
        for (var round = 0; round < 1500; round++)
        {
            var content = (byte[])pristine.Clone();
            for (var flips = random.Next(1, 10); flips > 0; flips--)
            {
                var at = random.Next(6) == 0 ? random.Next(4200) : random.Next(content.Length);
                content[at] = random.Next(4) switch { 0 => 0xFF, 1 => 0, 2 => (byte)(content[at] ^ (1 << random.Next(8))), _ => (byte)random.Next(256) };
            }

            content = random.Next(20) == 0 ? content[..random.Next(content.Length)] : content;
            try
            {
                var hive = Hive.Open(content, new HiveOpenOptions { Logs = [log], AcceptPendingChanges = true });
                hive.Check();
                Read(hive);
                Attempt(() => ReadBootStore(hive));
                Edit(hive, random);
                hive.ToArray();
            }
            catch (DiagnosticException)
            {
                // A finding: what damage must give.
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, round {round}: {e}");
            }
        }
    }

    private static byte[] MakeLarge()
    {
        var hive = Hive.Create("ROOT", [1, 0, 4, 0x80], DateTimeOffset.UnixEpoch, 5);
        for (var i = 0; i < 1100; i++)
        {
            hive.Root.Create($"many\\{i}");
        }

        hive.Root.Create("values").Set(RegistryValue.OfBytes("large", new byte[50_000]));
        hive.Root.Create("values").Set(RegistryValue.OfText("text", "text"));
        hive.Root.Create("values").SetClassName("class");
        return hive.ToArray();
    }

    private static void Read(Hive hive)
    {
        var left = 3000;
        var work = new Stack<RegistryKey>([hive.Root]);
        while (left-- > 0 && work.TryPop(out var key))
        {
            Attempt(() =>
            {
                _ = key.ClassName;
                _ = key.SecurityDescriptor;
                _ = key.LastWritten;
                foreach (var value in key.Values)
                {
                    Attempt(() => value.AsText());
                }
            });
            Attempt(() =>
            {
                foreach (var subkey in key.Subkeys.Take(2000))
                {
                    work.Push(subkey);
                }
            });
        }
    }

    private static void ReadBootStore(Hive hive)
    {
        var store = BcdStore.Open(hive);
        Attempt(() => { _ = store.Loaders; });
        Attempt(() => { _ = store.Default; });
        Attempt(() => { _ = store.Timeout; });
        foreach (var entry in store.All)
        {
            Attempt(() => { _ = entry.Elements.Sum(element => element.ToString().Length + BcdNames.NameOf(element.Type, entry.Type).Length); });
        }

        Attempt(() => store.Redirect(_ => new BcdPartition.Mbr(1, 2)));
    }

    private static void Edit(Hive hive, Random random)
    {
        var keys = new List<RegistryKey> { hive.Root };
        Attempt(() => keys.AddRange(hive.Root.Subkeys.SelectMany(key => key.Subkeys.Take(50).Prepend(key))));
        for (var i = 0; i < 10; i++)
        {
            var key = keys[random.Next(keys.Count)];
            Attempt(() => key.Create("a new key\\and one below"));
            Attempt(() => key.Set(RegistryValue.OfBytes("value", new byte[random.Next(40_000)])));
            Attempt(() => key.RemoveValue("text"));
            Attempt(() => key.SetSecurityDescriptor(new byte[random.Next(100)]));
            Attempt(() => key.SetClassName("other"));
            Attempt(() => key.Remove(key.Subkeys.First().Name));
        }
    }

    private static void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is DiagnosticException or InvalidOperationException { Source: "System.Linq" })
        {
            // One finding must not hide what comes after it.
        }
    }
}
