using Rehost.Fuzz.Engine;
using Rehost.Fuzz.Seals;
using Rehost.Fuzz.Seeds;
using Rehost.Testing;
using Rehost.WindowsRegistry;
using Rehost.WindowsRegistry.BootConfiguration;

namespace Rehost.Fuzz.Targets;

/// <summary>Hives, their logs, boot configuration stores, .reg files.</summary>
internal static class RegistryTargets
{
    private static readonly byte[] Security = [1, 0, 4, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];

    public static IEnumerable<FuzzTarget> All =>
    [
        new("hive", HiveSeeds, RunHive) { Covers = ["Hive", "KeyName", "RegistryValue", "RegistryDataForm", "RegistryItem", "WindowsHives"], Seal = RegistrySeals.Hive, KeptHead = Parts.HeadLength(1), IsElastic = false, Weight = 8, SmokeExecutions = 80 },
        new("hive-log", LogSeeds, RunHive) { Covers = ["Hive"], Seal = RegistrySeals.Hive, KeptHead = Parts.HeadLength(2), IsElastic = false, Weight = 4, SmokeExecutions = 60 },
        new("bcd", BootSeeds, RunBoot) { Covers = ["BcdStore", "BcdDevice", "BcdElement"], Seal = RegistrySeals.Hive, KeptHead = Parts.HeadLength(1), IsElastic = false, Weight = 4, SmokeExecutions = 80 },
        new("reg-file", RegSeeds, RunReg) { Covers = ["RegFileReader", "HiveLocation"], IsText = true, Words = ["[HKEY_LOCAL_MACHINE\\A]", "[-X\\B]", "\"a\"=dword:0000000g", "@=\"\"", "hex(7):61,00,\\", "hex(ffffffff):", "hex:", "\"a\"=-", "dword:", "qword:"] },
    ];

    private static byte[] Make(int version, int keys, int from = 0)
    {
        var hive = Hive.Create("ROOT", Security, DateTimeOffset.UnixEpoch, version);
        for (var i = from; i < from + keys; i++)
        {
            hive.Root.Create($"ControlSet001\\Services\\{i}").Set(RegistryValue.OfText("value", $"text {i}"));
        }

        hive.Root.Create("values").Set(RegistryValue.OfBytes("large", new byte[40_000]));
        hive.Root.Create("values").Set(RegistryValue.OfTexts("texts", ["a", "b"]));
        hive.Root.Create("values").Set(RegistryValue.OfNumber("number", 1));
        hive.Root.Create("values").SetClassName("class");
        return hive.ToArray();
    }

    private static IEnumerable<FuzzSeed> HiveSeeds(SeedRoom _)
    {
        yield return new FuzzSeed("1.5", Parts.Pack(Make(5, 300)));
        yield return new FuzzSeed("1.3", Parts.Pack(Make(3, 100)));
        yield return new FuzzSeed("many", Parts.Pack(Make(6, 1300)));
    }

    private static IEnumerable<FuzzSeed> LogSeeds(SeedRoom _)
    {
        var before = Make(5, 40);
        var hive = Hive.Open((byte[])before.Clone(), new HiveOpenOptions());
        for (var i = 0; i < 60; i++)
        {
            hive.Root.Create($"added {i}").Set(RegistryValue.OfText("value", $"other text {i}"));
        }

        var after = hive.ToArray();
        var torn = RegistrySeals.Tear(before, after);
        var sequence = BitConverter.ToUInt32(torn, 4);
        yield return new FuzzSeed("new", Parts.Pack(torn, RegistrySeals.NewLog(before, after, sequence)));
        yield return new FuzzSeed("two", Parts.Pack(torn, RegistrySeals.NewLog(before, after, sequence), RegistrySeals.NewLog(before, after, sequence + 1)));
        yield return new FuzzSeed("old", Parts.Pack(torn, RegistrySeals.OldLog(before, after)));
    }

    private static IEnumerable<FuzzSeed> BootSeeds(SeedRoom room)
    {
        var store = BcdStore.Create(Security, DateTimeOffset.UnixEpoch);
        var (manager, loader) = (store.Add(BcdNames.BootManager, 0x10100002), store.Add(new Guid("5b970157-8568-11eb-b45c-806e6f6e6963"), BcdNames.WindowsLoader));
        manager.Set(BcdElement.OfId(BcdNames.DefaultEntry, loader.Id));
        manager.Set(BcdElement.OfIds(BcdNames.DisplayOrder, [loader.Id]));
        manager.Set(BcdElement.OfNumber(BcdNames.Timeout, 30));
        loader.Set(BcdElement.OfText(0x12000004, "Windows"));
        loader.Set(BcdElement.OfDevice(0x11000001, BcdDevice.Of(new BcdPartition.Mbr(0x12345678, 1 << 20))));
        loader.Set(BcdElement.OfFlag(0x26000022, true));
        yield return new FuzzSeed("made", Parts.Pack(store.Hive.ToArray()));
        var real = Path.Combine(AppContext.BaseDirectory, "Fixtures", "BCD.xz");
        Tool.MustRun("sh", "-c", $"xz -dc '{real}' > '{room["bcd"]}'");
        yield return new FuzzSeed("of Windows", Parts.Pack(room.Read("bcd")));
    }

    private static Hive Open(FuzzRun run)
    {
        var bytes = run.Bytes;
        var places = Parts.Find(bytes);
        byte[] Part(int index) => bytes.AsSpan(places[index].Start, places[index].Length).ToArray();
        return Hive.Open(Part(0), new HiveOpenOptions { Logs = [.. Enumerable.Range(1, places.Count - 1).Select(Part)], AcceptPendingChanges = run.Length % 4 != 0 });
    }

    private static void RunHive(FuzzRun run)
    {
        var hive = Open(run);
        run.Attempt(() => run.Note("findings", hive.Check().Count));
        if (!hive.IsChanged)
        {
            // Nothing was changed: what is written is what was read.
            var bytes = run.Bytes;
            var (start, length) = Parts.Find(bytes)[0];
            run.Demand(hive.ToArray().AsSpan().SequenceEqual(bytes.AsSpan(start, length)), "round trip");
        }

        Read(run, hive);
        Edit(run, hive);
        run.Attempt(() =>
        {
            // What was written is a hive that opens, and is clean.
            var again = Hive.Open(hive.ToArray(), new HiveOpenOptions());
            run.Demand(again.Recovery is null, "clean");
        });
    }

    private static void Read(FuzzRun run, Hive hive)
    {
        var work = new Stack<RegistryKey>([hive.Root]);
        var count = 0;
        for (; count < 1500 && work.TryPop(out var key); count++)
        {
            run.Attempt(() =>
            {
                _ = key.Name.Length;
                _ = key.ClassName;
                _ = key.SecurityDescriptor;
                _ = key.LastWritten;
                foreach (var value in key.Values.Take(3000))
                {
                    run.Attempt(() => value.AsText());
                    run.Attempt(() => RegistryDataForm.Of(value));
                }
            });
            run.Attempt(() =>
            {
                foreach (var subkey in key.Subkeys.Take(3000))
                {
                    work.Push(subkey);
                }
            });
        }

        run.Note("keys", count);
    }

    private static void Edit(FuzzRun run, Hive hive)
    {
        var keys = new List<RegistryKey> { hive.Root };
        run.Attempt(() =>
        {
            foreach (var key in hive.Root.Subkeys.Take(20))
            {
                keys.Add(key);
                run.Attempt(() => keys.AddRange(key.Subkeys.Take(30)));
            }
        });
        for (var i = 0; i < 6; i++)
        {
            var key = keys[run.Random.Next(keys.Count)];
            run.Attempt(() => key.Create("a new key\\and one below"));
            run.Attempt(() => key.Set(RegistryValue.OfBytes("value", new byte[run.Random.Next(40_000)])));
            run.Attempt(() => key.RemoveValue("value"));
            run.Attempt(() => key.SetSecurityDescriptor(new byte[run.Random.Next(100)]));
            run.Attempt(() => key.SetClassName("other"));
            run.Attempt(() =>
            {
                if (key.Subkeys.FirstOrDefault() is { } first)
                {
                    key.Remove(first.Name);
                }
            });
        }
    }

    private static void RunBoot(FuzzRun run)
    {
        var store = BcdStore.Open(Open(run));
        run.Attempt(() => run.Note("loaders", store.Loaders.Count));
        run.Attempt(() => _ = store.Default);
        run.Attempt(() => _ = store.Timeout);
        run.Attempt(() =>
        {
            foreach (var entry in store.All.Take(500))
            {
                run.Attempt(() => run.Note("elements", entry.Elements.Sum(element => element.ToString().Length + BcdNames.NameOf(element.Type, entry.Type).Length)));
            }
        });
        run.Attempt(() => store.Redirect(_ => new BcdPartition.Mbr(1, 2)));
        run.Attempt(() => store.Redirect(_ => new BcdPartition.Gpt(Guid.Empty, new Guid("5b970157-8568-11eb-b45c-806e6f6e6963"))));
        run.Attempt(() => store.Hive.ToArray());
    }

    private static IEnumerable<FuzzSeed> RegSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("plain", "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SYSTEM\\A]\r\n@=\"default\"\r\n\"text\"=\"a \\\"quoted\\\" \\\\ one\"\r\n\"number\"=dword:0000001f\r\n\"bytes\"=hex:01,02,\\\r\n  03,04\r\n\"multi\"=hex(7):61,00,00,00,00,00\r\n\"gone\"=-\r\n; comment\r\n\r\n[-HKEY_LOCAL_MACHINE\\SYSTEM\\B]\r\n");
        yield return new FuzzSeed("UTF-16", [0xFF, 0xFE, .. System.Text.Encoding.Unicode.GetBytes("Windows Registry Editor Version 5.00\r\n\r\n[X\\A]\r\n\"a\"=dword:00000001\r\n")]);
    }

    private static void RunReg(FuzzRun run)
    {
        var keys = RegFileReader.Read(run.Bytes);
        run.Note("keys", keys.Count);
        foreach (var value in keys.SelectMany(key => key.Values))
        {
            run.Attempt(() => RegistryDataForm.Of(value));
        }

        run.Attempt(() => Rehost.Pipeline.Registry.HiveLocation.Parse(run.Text.Split('\n')[^1]));
    }
}
